"""What a recorder says of its clock, and the quality that follows."""

from __future__ import annotations

import pytest
from support.reftek import START_NS, event

from portbook.seismic.clocks import DEFAULT, Clock, ClockState, of_header, of_line, phase_quality


def header(source: str, quality: str) -> bytes:
    like = bytearray(event()[0])
    like[57:59] = (source + quality).encode()
    return bytes(like)


@pytest.mark.parametrize(
    ("error_us", "quality"),
    [
        (0, 100),
        (5, 100),
        (6, 90),
        (10, 90),
        (11, 80),
        (-101, 65),
        (1001, 50),
        (10_001, 30),
        (100_001, 10),
    ],
)
def test_quality_goes_by_the_phase_error(error_us: int, quality: int) -> None:
    assert quality == phase_quality(error_us)


@pytest.mark.parametrize(
    ("source", "days", "state", "quality"),
    [
        ("2", "0", ClockState.LOCKED, 100),
        ("1", "0", ClockState.LOCKED, 90),
        ("1", "?", ClockState.UNLOCKED, 10),
        ("1", "3", ClockState.UNLOCKED, 10),
        (" ", " ", ClockState.UNKNOWN, DEFAULT),
        ("\0", "\xff", ClockState.UNKNOWN, DEFAULT),
    ],
)
def test_an_event_header_tells_days_since_the_lock(
    source: str, days: str, state: ClockState, quality: int
) -> None:
    octets = bytearray(header(" ", " "))
    octets[57:59] = (source + days).encode("latin-1")
    clock = of_header(bytes(octets), 7, START_NS, Clock())

    assert (state, quality) == (clock.state, clock.quality)
    assert (None if state is ClockState.UNKNOWN else 7) == clock.since_ns


def test_a_header_that_is_older_than_the_text_tells_nothing() -> None:
    locked = of_line("CLOCK IS LOCKED", 1, START_NS, Clock())

    assert locked == of_header(header("1", "?"), 2, START_NS - 1, locked)
    assert ClockState.UNLOCKED is of_header(header("1", "?"), 2, START_NS + 1, locked).state


def test_zero_days_do_not_lock_a_clock_that_text_calls_unlocked() -> None:
    unlocked = of_line("CLOCK IS UNLOCKED", 1, START_NS, Clock())

    assert unlocked == of_header(header("1", "0"), 2, START_NS + 1, unlocked)


def test_a_state_keeps_its_beginning() -> None:
    first = of_line("325:05:00:01 CLOCK IS LOCKED", 1, 10, Clock())
    second = of_line("CLOCK IS LOCKED", 9, 90, first)

    assert (1, 90) == (second.since_ns, second.told_ns)
    assert second == of_line("DISK 1 FULL", 10, 100, second)
