"""PTP: kinds, lengths and control fields that agree, and numbers that go on."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Cast, Payload
from portbook.protocols.ptp import HEADER, recognise

UDP = Transport.UDP
GROUP = "224.0.1.129"
# linuxptp 3.1.1, two clocks joined by a virtual wire, 2026-11-21
CLOCK, OTHER = "32f588fffebb3dd0", "e2258bfffe991608"
SYNC = unhex(f"0002002c00000200 00*12 {CLOCK} 0001 0000 0000 00*10")
SYNC_2 = unhex(f"0002002c00000200 00*12 {CLOCK} 0001 0001 0000 00*10")
FOLLOW_UP = unhex(f"0802002c 00*16 {CLOCK} 0001 0000 0200 00006b021dee116b182b")
ANNOUNCE = unhex(
    f"0b020040 00*16 {CLOCK} 0001 0000 0501 00*10 0025 00 80 64feffff 80 {CLOCK} 0000 a0"
)
DELAY = unhex(f"0102002c 00*16 {OTHER} 0001 0000 017f 00*10")
DELAY_2 = unhex(f"0102002c 00*16 {OTHER} 0001 0001 017f 00*10")
DELAY_TOLD = unhex(f"09020036 00*16 {CLOCK} 0001 0000 0300 00006b021df129f649d1 {OTHER} 0001")
ASKED = unhex(f"0d02004c 00*16 {CLOCK} 0001 0000 047f ffffffffffffffffffff 0101 0000 0001 0018")
ASKED += unhex("0001 00*22")
VERSION_1 = unhex("00010001 5f44464c54 00*11 01 01 00*22")


def heard(*octets: bytes) -> Payload:
    return Payload.of(UDP, octets, cast=Cast.MULTICAST, group=GROUP)


EXAMPLES = [
    Example(
        "sync of linuxptp 3.1.1, captured between two namespaces",
        heard(SYNC, SYNC_2),
        "ptp",
        facts={"messages": ["sync"], "domain": 0, "clocks": [CLOCK]},
    ),
    Example(
        "announce and follow up of linuxptp 3.1.1",
        heard(ANNOUNCE, FOLLOW_UP, DELAY_TOLD),
        "ptp",
        facts={"grandmaster": CLOCK, "clock_class": 100, "time_source": "internal oscillator"},
    ),
    Example("delay requests of linuxptp 3.1.1", heard(DELAY, DELAY_2), "ptp"),
    Example("management of linuxptp's pmc", heard(ASKED), "ptp", PLAUSIBLE),
    Example("one sync alone", heard(SYNC), "ptp", PLAUSIBLE),
    Example("version 1", heard(VERSION_1), None),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("a kind that nobody knows", b"\x05" + SYNC[1:]),
        ("a length that is not its own", SYNC[:3] + b"\x2d" + SYNC[4:]),
        ("a control field of another kind", SYNC[:32] + b"\x04" + SYNC[33:]),
        ("no clock", SYNC[:20] + bytes(8) + SYNC[28:]),
        ("no port", SYNC[:28] + bytes(2) + SYNC[30:]),
        ("more than a second of nanoseconds", SYNC[:40] + b"\xff" * 4),
        ("half a header", SYNC[:20]),
        ("half an announcement", ANNOUNCE[:50]),
    ],
)
def test_what_does_not_fit_is_not_ptp(why: str, octets: bytes) -> None:
    assert recognise(heard(octets)) is None, why
    assert recognise(heard(SYNC, octets)) is None, why


def test_a_grandmaster_of_zeros_is_not_told() -> None:
    told = recognise(heard(ANNOUNCE[:53] + bytes(8) + ANNOUNCE[61:]))

    assert told is not None
    assert "grandmaster" not in told.facts


def test_two_octets_may_follow_over_ipv6() -> None:
    assert recognise(heard(SYNC + bytes(2))) is not None
    assert recognise(heard(SYNC + bytes(3))) is None


def test_messages_of_two_clocks_do_not_confirm_each_other() -> None:
    other = HEADER.write(first=0, length=44, clock=OTHER) + bytes(10)

    told = recognise(heard(SYNC, other))
    assert told is not None
    assert told.confidence is PLAUSIBLE
