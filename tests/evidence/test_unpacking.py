"""Packed octets come out whole whatever the sizes of the pieces, and never run away."""

from __future__ import annotations

import gzip
import io
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import SourceError
from portbook.evidence import unpacking
from portbook.evidence.unpacking import Octets, packed_as, unpacked

try:
    from compression import zstd
except ImportError:
    from backports import zstd

PACK = {"gzip": gzip.compress, "zstd": zstd.compress}


class Dripping(io.RawIOBase):
    """Gives its octets in small pieces."""

    def __init__(self, octets: bytes, piece: int) -> None:
        self._octets, self._piece = octets, piece

    def readable(self) -> bool:
        return True

    def readinto(self, room) -> int:  # type: ignore[no-untyped-def, override]
        count = min(self._piece, len(room), len(self._octets))
        room[:count], self._octets = self._octets[:count], self._octets[count:]
        return count


def _all(raw: io.RawIOBase, size: int) -> bytes:
    found = bytearray()
    _drain(unpacked(raw), size, found)
    return bytes(found)


def _drain(octets: Octets, size: int, found: bytearray) -> None:
    room = bytearray(size)
    while count := octets.into(memoryview(room)):
        found += room[:count]


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        ("1f8b0800", "gzip"),
        ("28b52ffd", "zstd"),
        ("502a4d18", "zstd"),
        ("5f2a4d18", "zstd"),
        ("602a4d18", None),
        ("d4c3b2a1", None),
        ("", None),
        ("1f", None),
    ],
)
def test_the_first_octets_tell_how_it_is_packed(head: str, wanted: str | None) -> None:
    assert wanted == packed_as(bytes.fromhex(head))


@given(
    st.lists(st.binary(max_size=3000), max_size=5),
    st.sampled_from(["gzip", "zstd"]),
    st.integers(1, 700),
    st.integers(1, 700),
)
def test_parts_behind_each_other_are_one_content(
    parts: list[bytes], packing: str, piece: int, size: int
) -> None:
    packed = b"".join(PACK[packing](part) for part in parts)

    assert b"".join(parts) == _all(Dripping(packed, piece), size)


@given(st.binary(max_size=3000), st.integers(1, 700), st.integers(1, 700))
def test_what_is_not_packed_passes_as_it_is(octets: bytes, piece: int, size: int) -> None:
    if packed_as(octets[:4]) is None:
        assert octets == _all(Dripping(octets, piece), size)


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_cut_is_told_after_what_stands_before_it(packing: str) -> None:
    content = bytes(range(256)) * 4000
    packed = PACK[packing](content)
    octets, found = unpacked(io.BytesIO(packed[:-9])), bytearray()  # type: ignore[arg-type]

    with pytest.raises(SourceError, match="end too early") as caught:
        _drain(octets, 1000, found)

    assert len(packed) - 9 == caught.value.offset == octets.done
    assert content.startswith(found)


def test_one_piece_that_unpacks_to_much_comes_in_rooms_of_the_size_asked_for() -> None:
    packed = gzip.compress(bytes(20_000_000))
    octets = unpacked(io.BytesIO(packed))  # type: ignore[arg-type]
    room = bytearray(65536)
    sizes = []
    while count := octets.into(memoryview(room)):
        sizes.append(count)

    assert (20_000_000, True) == (sum(sizes), max(sizes) <= 65536)


def test_damage_inside_a_piece_does_not_take_what_stands_before_it() -> None:
    inner = zlib.compressobj(wbits=31)
    packed = inner.compress(b"a" * 5000) + inner.flush(zlib.Z_FULL_FLUSH)
    octets, found = unpacked(io.BytesIO(packed + b"\x07\xff" * 9)), bytearray()  # type: ignore[arg-type]

    with pytest.raises(SourceError, match="damaged gzip"):
        _drain(octets, 1000, found)

    assert b"a" * 5000 == found


@pytest.mark.parametrize("piece", [None, 700, 1 << 20])
@pytest.mark.parametrize("frames", [1, 3])
def test_damage_in_zstd_takes_no_more_than_its_own_block(piece: int | None, frames: int) -> None:
    content = random.Random(3).randbytes(700_000) + bytes(500_000)
    whole = zstd.compress(content)
    packed = bytearray(whole * frames)
    at = len(whole) * (frames - 1) + 600_000
    packed[at : at + 3] = b"???"  # inside of raw octets: only the checksum at the end can tell
    packed[at + 100_100 :] = bytes(b ^ 0xFF for b in packed[at + 100_100 :])
    raw = Dripping(bytes(packed), piece) if piece else io.BytesIO(packed)
    octets, found = unpacked(raw), bytearray()  # type: ignore[arg-type]

    with pytest.raises(SourceError, match="damaged zstd"):
        _drain(octets, 1 << 20, found)

    before = len(content) * (frames - 1)
    assert content * (frames - 1) == found[:before]
    assert content[:500_000] == found[before : before + 500_000]
    assert len(found) <= len(content) * frames


@given(st.binary(min_size=1, max_size=3000), st.data())
def test_a_source_with_a_way_back_gives_what_one_without_gives(
    content: bytes, data: st.DataObject
) -> None:
    packed = bytearray(zstd.compress(content) * 2)
    packed[data.draw(st.integers(4, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    told = []
    for raw in (io.BytesIO(packed), Dripping(bytes(packed), len(packed))):
        octets, found, error = unpacked(raw), bytearray(), ""  # type: ignore[arg-type]
        try:
            _drain(octets, 1000, found)
        except SourceError as caught:
            error = str(caught)
        told.append((error, octets.done, bytes(found)))

    assert told[0] == told[1]


def test_without_any_zstd_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    packed = zstd.compress(b"content")
    monkeypatch.setattr(unpacking, "import_module", missing)

    with pytest.raises(SourceError, match="zstd -d"):
        _all(io.BytesIO(packed), 100)  # type: ignore[arg-type]
