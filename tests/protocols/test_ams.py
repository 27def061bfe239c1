"""AMS: two lengths that agree, addresses that come back, and the discovery of routers."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, identify
from portbook.protocols.ams import HEADER, recognise

TCP, UDP = Transport.TCP, Transport.UDP
ASK_INFO = unhex("000020000000050d756001012003c0a801630101a58301000400000000000000000093000000")
INFO = unhex(
    "000038000000c0a801630101a583050d7560010120030100050018000000000000009300000000000000"
    "020b3708504c4320536572766572000000000000"
)
READ = unhex(
    "00002c000000050d756001010100c0a801630101a583020004000c0000000000000073000000"
    "030000000200000004000000"
)
REFUSED = unhex("000020000000c0a801630101a583050d75600101f401010005000000000006000000 92000000")
WHO = unhex("036614710000000001000000c0a801630101102700000000")
ME = unhex(
    "036614710000000001000080050d7560010110270300000005000a0043585f3044373536300004001401"
    "14010000060000000000000000000000030000 00*257 03000400020bb408"
)

EXAMPLES = [
    Example(
        "device info, beckhoffiplink.pcapng",
        Payload.of(TCP, [ASK_INFO], [INFO]),
        "ams",
        facts={
            "commands": ["device info"],
            "targets": ["5.13.117.96.1.1:800"],
            "devices": ["PLC Server 2.11.2103"],
        },
        server={"vendor": "Beckhoff"},
    ),
    Example("a read alone, beckhoffiplink.pcapng", Payload.of(TCP, [READ]), "ams", PLAUSIBLE),
    Example(
        "discovery, beckhoffiplink.pcapng",
        Payload.of(UDP, [WHO], [ME]),
        "ams",
        facts={"dialect": "discovery"},
        server={"name": "CX_0D7560", "version": "2.11.2228", "net id": "5.13.117.96.1.1"},
    ),
    Example("the question of a discovery alone", Payload.of(UDP, [WHO]), "ams", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("reserved", b"\1" + READ[1:]),
        ("the outer length", READ[:2] + b"\x2d" + READ[3:] + b"\0"),
        ("the inner length", READ[:26] + b"\x0d" + READ[27:] + b"\0"),
        ("the command", READ[:22] + b"\x0a" + READ[23:]),
        ("no ADS command", READ[:24] + b"\0" + READ[25:]),
        ("half a header", READ[:30]),
        ("an answer from the client", INFO),
    ],
)
def test_what_does_not_fit_is_not_ams(why: str, octets: bytes) -> None:
    told = recognise(Payload.of(TCP, [octets], [INFO] if why.startswith("an") else []))

    assert told is None or told.confidence is PLAUSIBLE, why
    assert (told is None) == (not why.startswith("an")), why


@pytest.mark.parametrize(
    "octets", [b"\x04" + WHO[1:], WHO[:23], WHO[:8] + b"\x02" + WHO[9:], ME[:11] + b"\0" + ME[12:]]
)
def test_another_cookie_or_service_is_no_discovery(octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [WHO], [octets])) is None


def test_a_refusal_is_an_answer_too() -> None:
    asked = HEADER.write(
        length=32,
        target=bytes((5, 13, 117, 96, 1, 1)),
        target_port=500,
        source=bytes((192, 168, 1, 99, 1, 1)),
        source_port=33701,
        command=1,
        flags=4,
        invoke=0x92,
    )

    told = recognise(Payload.of(TCP, [asked], [REFUSED]))
    assert told is not None
    assert "devices" not in told.facts
    assert {"vendor": "Beckhoff"} == dict(told.server)


def test_the_answer_of_a_discovery_makes_the_server() -> None:
    told = identify(Payload.of(UDP, [ME], [WHO]))

    assert told is not None
    assert told.swapped


def test_a_tag_that_runs_past_the_end_tells_nothing() -> None:
    told = recognise(Payload.of(UDP, [WHO], [ME[:26] + b"\xff\xff" + ME[28:]]))

    assert told is not None
    assert {"vendor": "Beckhoff", "net id": "5.13.117.96.1.1"} == dict(told.server)
