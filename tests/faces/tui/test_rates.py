"""Packets a second, as numbers and as bars."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.faces.tui.rates import BARS, MOST, Rates, bars, many


def test_a_rate_is_what_came_between_two_looks() -> None:
    rates = Rates()
    for at_s, packets in ((10.0, 0), (11.0, 50), (13.0, 70), (13.0, 90), (14.0, 60)):
        rates.add(at_s, packets)

    assert (50.0, 10.0, 0.0) == rates.rates


def test_only_the_latest_rates_are_kept() -> None:
    rates = Rates()
    for at in range(5 * MOST):
        rates.add(float(at), at * at)

    assert MOST == len(rates.rates)
    assert rates.rates[-1] > rates.rates[0] > 0


def test_little_is_told_from_nothing() -> None:
    assert "▁▂▅█" == bars((0.0, 0.001, 5.0, 10.0), 10)
    assert "▅█" == bars((0.0, 0.001, 5.0, 10.0), 2)
    assert "▁▁" == bars((0.0, 0.0), 10)
    assert "" == bars((), 10)


@given(st.lists(st.floats(0, 1e300)).map(tuple), st.integers(-5, 300))
def test_bars_never_pass_their_room(rates: tuple[float, ...], room: int) -> None:
    shown = bars(rates, room)

    assert len(shown) == min(len(rates), max(0, room))
    assert set(shown) <= set(BARS)


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0"), (0.4, "0.4"), (7, "7"), (12.6, "13"), (1204, "1,204"), (2_310_000, "2.31 million")],
)
def test_counts_read_well(count: float, told: str) -> None:
    assert told == many(count)
