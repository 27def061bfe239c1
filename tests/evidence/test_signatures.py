"""Signatures are found wherever they stand, though most rows are never looked at."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portbook.evidence.signatures import Signatures
from portbook.protocols.prefilter import Row


@st.composite
def rows(draw: st.DrawFn) -> Row:
    length = draw(st.integers(1, 4))
    octets = st.integers(0, 2 ** (8 * length) - 1)
    mask = draw(octets)
    number = draw(st.sampled_from((6, 17)))
    return Row(
        number, draw(st.integers(0, 6)), length, mask, draw(octets) & mask, draw(st.integers(0, 9))
    )


@given(st.lists(rows(), max_size=12), st.binary(max_size=12), st.sampled_from((6, 17, 132)))
def test_a_bit_is_set_for_each_row_whose_octets_stand_there(
    told: list[Row], octets: bytes, transport: int
) -> None:
    expected = 0
    for row in told:
        place = octets[row.at : row.at + row.length]
        whole = len(place) == row.length and row.transport == transport
        if whole and int.from_bytes(place, "big") & row.mask == row.value:
            expected |= 1 << row.bit

    assert expected == Signatures(told).bits(transport, octets)


@given(st.lists(rows(), min_size=1, max_size=6), st.data())
def test_octets_made_for_a_row_are_found(told: list[Row], data: st.DataObject) -> None:
    row = data.draw(st.sampled_from(told))
    noise = data.draw(st.integers(0, 2 ** (8 * row.length) - 1))
    place = (row.value | noise & ~row.mask).to_bytes(row.length, "big")

    found = Signatures(told).bits(row.transport, bytes(row.at) + place)

    assert found >> row.bit & 1
