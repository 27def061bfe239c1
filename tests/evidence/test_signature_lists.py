"""Signatures looked up in payloads: by index, by the compiled reader, and one by one."""

from __future__ import annotations

import random

from hypothesis import example, given
from hypothesis import strategies as st
from support.reading import needs_compiled

from portbook.evidence.signature_lists import Packed
from portbook.evidence.table import MORE_OCTETS
from portbook.protocols.prefilter import Index, Row, prefilter

few = st.sampled_from((0x00, 0x01, 0x41, 0x80, 0xC3, 0xFF))  # so that there are hits
masks = st.sampled_from((0x00, 0x01, 0x0F, 0xC0, 0xDF, 0xFF, 0xFF, 0xFF))


@st.composite
def signatures(draw: st.DrawFn) -> Row:
    length = draw(st.integers(1, 8))
    mask = int.from_bytes(bytes(draw(masks) for _ in range(length)), "big")
    value = int.from_bytes(bytes(draw(few) for _ in range(length)), "big") & mask
    at = draw(st.sampled_from((0, 0, 0, 1, 5, 127, 16377, 20000)))
    return Row(draw(st.sampled_from((6, 17))), at, length, mask, value, draw(st.integers(0, 70)))


payloads = st.one_of(
    st.lists(few, max_size=20).map(bytes),
    st.tuples(few, st.integers(16380, 16390)).map(lambda told: bytes(told[:1]) * told[1]),
    st.binary(max_size=140),
)


def one_by_one(rows: list[Row], transport: int, octets: bytes) -> int:
    """Return the protocols whose signature fits, found without any order."""
    found = 0
    for row in rows:
        seen = octets[row.at : row.at + row.length]
        if row.transport == transport and len(seen) == row.length:
            found |= (int.from_bytes(seen, "big") & row.mask == row.value) << row.bit
    return found


@given(st.lists(signatures(), max_size=40), payloads)
@example([Row(6, 0, 1, 0xFF, 0x41, 3)], b"")
@example([Row(6, 0, 1, 0, 0, 3)], b"x")
@example([Row(6, 0, 1, 0xFF, at, at) for at in range(70)], b"\x45")
def test_what_fits_is_found_wherever_it_stands(rows: list[Row], octets: bytes) -> None:
    for transport in (6, 17, 132):
        assert one_by_one(rows, transport, octets) == Index(rows).bits(transport, octets)


@needs_compiled
@given(st.lists(signatures(), max_size=40), payloads)
@example([], b"")
@example([Row(6, 0, 1, 0xFF, at, at) for at in range(70)], b"\x45")
@example([Row(6, 20000, 8, 0xFF, 0, 1)], bytes(16384))
def test_the_compiled_look_finds_the_same(rows: list[Row], octets: bytes) -> None:
    from portbook.evidence._signatures import Signatures as Compiled

    few_enough = [row for row in rows if row.at < MORE_OCTETS]
    known = Index(few_enough)
    compiled = Compiled(Packed(few_enough))
    for transport in (6, 17, 132):
        for end in {0, 1, 7, 8, 9, 132, len(octets)}:
            expected = known.bits(transport, octets[:end])

            assert expected == compiled.match(transport, octets[:end])


@needs_compiled
def test_all_that_is_known_is_found_alike() -> None:
    from portbook.evidence._signatures import Signatures as Compiled

    chance = random.Random(6)
    rows = prefilter().rows
    known = Index(rows)
    compiled = Compiled(Packed(rows))
    for row in rows:
        octets = bytearray(chance.randbytes(row.at + row.length + chance.randrange(12)))
        octets[row.at : row.at + row.length] = row.value.to_bytes(row.length, "big")
        found = compiled.match(row.transport, bytes(octets))

        assert found >> row.bit & 1
        assert known.bits(row.transport, bytes(octets)) == found
        assert one_by_one(list(rows), row.transport, bytes(octets)) == found
