"""Which packets are more than a day ahead of their arrival: to the millisecond."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from support import reftek

from portbook.daemons.sources.ahead import DAY_NS, far_ahead, year_of
from portbook.emulators import recorder

MILLI = 1_000_000
FIRST = int(datetime(1990, 1, 1, tzinfo=UTC).timestamp()) * 1000
LAST = int(datetime(2069, 12, 1, tzinfo=UTC).timestamp()) * 1000


@given(st.integers(FIRST, LAST), st.integers(-3 * 86_400_000, 3 * 86_400_000))
def test_a_day_is_a_day_wherever_years_and_centuries_end(packet_ms: int, late_ms: int) -> None:
    packet = recorder.event("9D20", packet_ms * MILLI, 1)[0]
    received_ns = (packet_ms + late_ms) * MILLI

    assert (-late_ms * MILLI > DAY_NS) == far_ahead(packet, received_ns, year_of(received_ns))


def test_the_border_is_exact() -> None:
    packet = reftek.event()[0]
    border = reftek.START_NS - DAY_NS

    assert not far_ahead(packet, border, year_of(border))
    assert far_ahead(packet, border - 1, year_of(border))
