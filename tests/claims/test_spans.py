"""Ranges that cover a number, against the plain way to tell."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portbook.claims.spans import Spans

numbers = st.integers(0, 40)


@given(st.lists(st.tuples(numbers, numbers)), numbers)
def test_spans_tell_what_covers_a_number_in_the_order_given(
    pairs: list[tuple[int, int]], number: int
) -> None:
    ranges = [(min(pair), max(pair), place) for place, pair in enumerate(pairs)]

    expected = tuple(place for first, last, place in ranges if first <= number <= last)
    assert expected == Spans(ranges).at(number)


@given(st.lists(st.tuples(numbers, numbers)), st.integers(0, 20), st.integers(1, 40))
def test_spans_cut_numbers_where_what_covers_them_changes(
    pairs: list[tuple[int, int]], first: int, size: int
) -> None:
    spans = Spans((min(pair), max(pair), place) for place, pair in enumerate(pairs))

    parts = list(spans.parts(range(first, first + size)))
    assert list(range(first, first + size)) == [number for part in parts for number in part]
    for part in parts:
        assert {spans.at(part.start)} == set(map(spans.at, part))
