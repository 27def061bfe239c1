"""What lines of state of health tell over time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support import recorded
from support.recorded import NANO

from portbook.faces.web.stations_health import MOST_LINES, MOST_POINTS, health
from portbook.faces.web.stations_records import Health, Measure
from portbook.protocols.reftek.packets import read

DAY_NS = 1_795_219_200 * NANO  # day 325 of 2026
BATTERY = "BATTERY VOLTAGE = {}V, TEMPERATURE = {}C, BACKUP = {}V"


def told(*lines: str, from_ns: int = DAY_NS, until_ns: int = DAY_NS + 86_400 * NANO) -> Health:
    packets = [
        one
        for number, line in enumerate(lines)
        if (one := read(recorded.health("9D20", number, f"{line}\r\n")))
    ]
    return health("9D20", packets, 2026, from_ns, until_ns)


def test_voltages_and_temperature_become_series() -> None:
    found = told(
        "325:00:00:01 " + BATTERY.format(12.9, 25, 3.3),
        "325:01:00:01 " + BATTERY.format(11.2, -40.5, 3.1),
        "325:02:00:01 RTP: LINK IS UP",
    )

    assert {
        Measure.SUPPLY: [(1, 12.9), (3601, 11.2)],
        Measure.TEMPERATURE: [(1, 25.0), (3601, -40.5)],
        Measure.BACKUP: [(1, 3.3), (3601, 3.1)],
    } == {
        one.measure: [((at - DAY_NS) // NANO, value) for at, value in one.points]
        for one in found.series
    }
    assert ["RTP: LINK IS UP", BATTERY.format(11.2, -40.5, 3.1), BATTERY.format(12.9, 25, 3.3)] == [
        one.text for one in found.lines
    ]


def test_the_clock_is_told_when_it_changes() -> None:
    found = told(
        "325:00:00:05 EXTERNAL CLOCK IS LOCKED",
        "325:00:10:05 EXTERNAL CLOCK IS LOCKED",
        "325:00:20:00 INTERNAL CLOCK PHASE ERROR OF -12 USECONDS",
        "325:00:30:05 EXTERNAL CLOCK IS UNLOCKED",
    )

    assert [(5, True), (1805, False)] == [
        ((one.at_ns - DAY_NS) // NANO, one.locked) for one in found.locks
    ]
    assert [(Measure.PHASE_ERROR, -12.0)] == [
        (one.measure, one.points[0][1]) for one in found.series
    ]


def test_lines_of_another_time_and_without_one_are_left_out() -> None:
    found = told("324:23:59:59 EARLY", "NO TIME AT ALL", "325:00:00:01 NOW", "326:01:00:00 LATE")

    assert ["NOW"] == [one.text for one in found.lines]


def test_a_flood_of_lines_is_thinned() -> None:
    lines = [
        f"325:{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02} {BATTERY.format(at % 100, 1, 2)}"
        for at in range(3 * MOST_POINTS)
    ]
    found = told(*lines)

    assert MOST_LINES == len(found.lines)
    assert all(len(one.points) <= MOST_POINTS + 1 for one in found.series)
    assert [(3 * MOST_POINTS - 1) % 100] == [
        one.points[-1][1] for one in found.series if one.measure is Measure.SUPPLY
    ]


@given(st.text(st.characters(codec="latin-1"), max_size=200))
def test_any_text_is_read(text: str) -> None:
    found = told(f"325:00:00:01 {text}".encode("latin-1").decode("latin-1")[:900])

    assert all(one.points for one in found.series)
