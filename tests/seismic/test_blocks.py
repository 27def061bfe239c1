"""Blocks of packets at a time: the records are those that are made singly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.recorded import C0, C2, FILES, PLAIN, SIZE, Recorder, changed, real_file

from portbook.errors import UsageError
from portbook.protocols.reftek import packets
from portbook.seismic import blocks
from portbook.seismic.blocks import swap
from portbook.seismic.miniseed import Name, Quality, swapped

QUALITY = Quality(80, locked=True)
NAMES = {
    (unit, 0, channel): Name("XX", f"S{unit}", "00", f"HH{code}")
    for unit in ("AE4C", "9EEF", "9ABC")
    for channel, code in enumerate("ZNE")
}
RATES = {("AE4C", 0): 200.0, ("9EEF", 0): 100.0, ("9ABC", 0): 0.1}


def singly(block: bytes, number: int, near_year: int = 2016) -> dict[int, bytes]:
    """Return the records of a block made one by one, by the packet's place."""
    made: dict[int, bytes] = {}
    for at in range(0, len(block), SIZE):
        packet = packets.read(block, at)
        if packet is None or packet.type != "DT" or packet.faults:
            continue
        key = packet.unit, packet.stream or 0
        name, rate_hz = NAMES.get((*key, packet.channel or 0)), RATES.get(key)
        if name and rate_hz and packet.format in ("C0", "C2"):
            made[at // SIZE] = swapped(
                packet, name, rate_hz, near_year, number=number + len(made), quality=QUALITY
            )
    return made


def in_block(block: bytes, number: int, near_year: int = 2016) -> dict[int, bytes]:
    done = swap(block, NAMES, RATES, near_year, number=number, quality=QUALITY)
    whole = sorted([*done.packets.tolist(), *done.left.tolist()])
    assert list(range(len(block) // SIZE)) == whole
    rows = [row.tobytes() for row in done.records]
    return dict(zip(done.packets.tolist(), rows, strict=True))


@pytest.mark.parametrize("name", list(FILES)[:2])
def test_a_real_file_is_swapped_as_packet_by_packet(name: str) -> None:
    block = real_file(name).read_bytes()

    assert singly(block, 999_990) == in_block(block, 999_990)
    assert len(block) // SIZE - 2 == len(in_block(block, 1))


def test_what_is_no_steim_data_or_has_no_name_is_left() -> None:
    made = Recorder().event_of(1)
    unknown = changed(C0, 4, b"\x91\x11")
    block = b"".join([C0, *made, PLAIN, C2, unknown, bytes(SIZE), b"\xff" * SIZE])
    done = swap(block, NAMES, RATES, 2016)

    assert [0, 2, 3, 4, 7] == done.packets.tolist()
    assert [1, 5, 6, 8, 9, 10] == done.left.tolist()


def test_an_empty_block_and_a_cut_one() -> None:
    assert (0, SIZE) == swap(b"", NAMES, RATES, 2016).records.shape
    with pytest.raises(UsageError, match="whole packets"):
        swap(C0[:-1], NAMES, RATES, 2016)


CHANGES = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 23),
        st.one_of(st.integers(0, 255), st.sampled_from([0x00, 0x09, 0x10, 0x59, 0x60, 0x99, 0xC0])),
    ),
    max_size=12,
)


@given(CHANGES, st.sampled_from([1960, 2016, 2099]))
def test_damaged_heads_are_judged_as_packet_by_packet(
    changes: list[tuple[int, int, int]], near_year: int
) -> None:
    made = [C0, C2, Recorder().round()[0], PLAIN]
    for which, at, new in changes:
        made[which] = changed(made[which], at, bytes((new,)))
    block = b"".join(made)

    assert singly(block, 1, near_year) == in_block(block, 1, near_year)


@pytest.mark.skipif(not blocks.COMPILED, reason="the header swap is not compiled")
@given(st.data())
def test_compiled_code_and_arrays_swap_the_same(data: st.DataObject) -> None:
    packets = [bytearray(data.draw(st.sampled_from((C0, C2)))) for _ in range(6)]
    for packet in packets:
        at = data.draw(st.integers(0, 23))
        packet[at] = data.draw(st.integers(0, 255) | st.just(packet[at]))
    block = b"".join(packets)
    ours = swap(block, NAMES, RATES, 2026, number=999_998)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "COMPILED", False)
        theirs = swap(block, NAMES, RATES, 2026, number=999_998)

    for one, other in zip(ours, theirs, strict=True):
        assert one.tolist() == other.tolist()
