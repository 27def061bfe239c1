"""State-of-health text becomes lines with times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.recorded import NANO, health, read

from portbook.seismic.health import HealthLine, HealthText

# 2026, day 325, 05:00:00
START_S = 1_795_237_200
TEXT = (
    "325:05:00:00 INTERNAL CLOCK PHASE ERROR OF 12 USEC\r\n325:05:00:01 CLOCK IS LOCKED\r\n"
    "325:05:00:02 BATTERY VOLTAGE = 12.9V, TEMPERATURE = 25C, BACKUP = 3.3V\r\n"
)


def lines(*texts: str) -> list[HealthLine]:
    collector = HealthText(2026)
    found = []
    for sequence, text in enumerate(texts):
        found += collector.take(read(health("9ABC", sequence, text)))
    return found + collector.close()


def test_each_entry_is_a_line_with_its_time() -> None:
    assert [
        HealthLine("9ABC", START_S * NANO, "INTERNAL CLOCK PHASE ERROR OF 12 USEC"),
        HealthLine("9ABC", (START_S + 1) * NANO, "CLOCK IS LOCKED"),
        HealthLine(
            "9ABC",
            (START_S + 2) * NANO,
            "BATTERY VOLTAGE = 12.9V, TEMPERATURE = 25C, BACKUP = 3.3V",
        ),
    ] == lines(TEXT)


@pytest.mark.parametrize("at", range(1, len(TEXT)))
def test_an_entry_may_run_on_into_the_next_packet(at: int) -> None:
    assert lines(TEXT) == lines(TEXT[:at], TEXT[at:])


def test_an_entry_that_was_never_ended_is_told_once_the_next_one_begins() -> None:
    said = lines("325:05:00:00 RTP: STUCK", "325:05:00:01 CLOCK IS LOCKED\r\n")

    assert ["RTP: STUCK", "CLOCK IS LOCKED"] == [one.text for one in said]


@pytest.mark.parametrize(
    "text", ["367:05:00:00 NO DAY\r\n", "325:24:00:00 NO HOUR\r\n", "NO TIME AT ALL\r\n"]
)
def test_a_line_without_a_time_that_can_be_is_told_as_it_stands(text: str) -> None:
    assert [HealthLine("9ABC", None, text.strip())] == lines(text)


@given(st.lists(st.text(st.characters(codec="latin-1"), max_size=900), max_size=5))
def test_any_text_gives_lines_of_bounded_length(texts: list[str]) -> None:
    collector = HealthText(2026)
    said = []
    for sequence, text in enumerate(texts):
        octets = health("9ABC", sequence, "x" * len(text))
        packet = read(octets[:24] + text.encode("latin-1") + octets[24 + len(text) :])
        said += collector.take(packet)
    said += collector.close()

    assert all(len(one.text) <= 1000 for one in said)
