"""What announced itself and does so no more."""

from __future__ import annotations

import msgspec
import pytest
from findings.cases import case

from portbook.findings import judge
from portbook.ports import Transport
from portbook.records import Announcement, Confidence, Finding

SECOND = 1_000_000_000
STEADY = Announcement(
    source="10.0.0.5",
    destination="10.0.0.255",
    ports=(1740, 1741, 1742, 1743),
    transport=Transport.UDP,
    period_s=60.0,
    jitter_s=0.01,
    times=5,
    expected=5,
    confidence=Confidence.CONFIRMED,
    first_ns=0,
    last_ns=240 * SECOND,
    capture="plant.pcap",
    protocol="codesys-v3",
    because=("seen 5 of 5 expected times",),
)


def found(one: Announcement, end_s: float, capture: str = "plant.pcap") -> list[Finding]:
    given = case(announcements=[one], ends={capture: int(end_s * SECOND)})
    return [finding for finding in judge(given) if finding.code == "PB501"]


def test_a_controller_that_missed_three_beats_is_told() -> None:
    (told,) = found(STEADY, 240 + 185)

    assert "udp 10.0.0.5 to 10.0.0.255:1740-1743" == told.subject
    assert "10.0.0.5 announced itself as codesys-v3 every 60.0 s" in told.message
    assert 3 == told.parameters["periods"]
    assert ("seen 5 of 5 expected times", "then nothing for 3 periods of 60.0 s") == told.because


@pytest.mark.parametrize(
    ("source", "port", "who"),
    [
        ("10.0.0.5", 1741, "10.0.0.5:1741"),
        ("fe80::5", 1741, "[fe80::5]:1741"),
        ("10.0.0.5", 50123, "10.0.0.5"),
    ],
)
def test_of_two_programs_of_one_host_the_one_that_fell_silent_is_named(
    source: str, port: int, who: str
) -> None:
    one = msgspec.structs.replace(STEADY, source=source, source_port=port)
    (told,) = found(one, 240 + 185)

    assert f"udp {who} to 10.0.0.255:1740-1743" == told.subject
    assert told.message.startswith(f"{who} announced itself")


@pytest.mark.parametrize("end_s", [240, 300, 240 + 179])
def test_less_than_three_periods_of_silence_are_nothing(end_s: float) -> None:
    assert [] == found(STEADY, end_s)


def test_another_source_that_went_on_for_longer_proves_nothing() -> None:
    assert [] == found(STEADY, 10_000, capture="other.pcap")


def test_a_period_of_nothing_divides_nothing() -> None:
    assert [] == found(msgspec.structs.replace(STEADY, period_s=0.0), 10_000)
