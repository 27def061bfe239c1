"""FINS: the header of addresses, the word before it over TCP, and the controller's data."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, identify
from portbook.protocols.fins import ENVELOPE, recognise

TCP, UDP = Transport.TCP, Transport.UDP
ASK = unhex("800002000000006300ef050100")
TOLD = unhex(
    "c0000200630000c800ef05010000 4350314c2d454c323044522d44 20*7 30312e3030 00*5 30312e3036 00*24 "
    "01 00*17 010003000a172a1008 00*6"
)
ASK_NODE = unhex("46494e530000000c000000000000000000000000")
NODE = unhex("46494e53000000100000000100000000000000fb000000c8")
ASK_TCP = unhex("46494e5300000015000000020000000080000200c8000000ef05050100")
TOLD_TCP = unhex("46494e53000000720000000200000000c0000200fbef00c800050501") + TOLD[12:]
RUN = unhex("46494e530000001700000002000000008000020000000000007a0401000001")
RAN = unhex("46494e53000000160000000200000000c100020000000000007a04010000")
CLOCK = unhex("46494e530000001400000002000000008000020000000000007a0701")
CLOCK_TOLD = unhex("46494e530000001d0000000200000000c100020000000000007a0701000009012001020103")
CP1L = {"vendor": "Omron", "product": "CP1L-EL20DR-D", "version": "01.00"}

EXAMPLES = [
    Example(
        "controller data over UDP, omron_test.pcap",
        Payload.of(UDP, [ASK], [TOLD]),
        "fins",
        facts={"commands": ["controller data read"]},
        server=CP1L,
    ),
    Example(
        "controller data over TCP, omron_test.pcap",
        Payload.of(TCP, [ASK_NODE, ASK_TCP], [NODE, TOLD_TCP]),
        "fins",
        server=CP1L,
    ),
    Example(
        "run, and the clock read, omron_fins_tcp_commands_responses.pcap",
        Payload.of(TCP, [RUN, CLOCK], [RAN, CLOCK_TOLD]),
        "fins",
        facts={"commands": ["clock read", "run"]},
    ),
    Example("the question for a node alone, omron_test.pcap", Payload.of(TCP, [ASK_NODE]), "fins"),
    Example("a command over UDP alone", Payload.of(UDP, [ASK]), "fins", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("control", b"\x90" + ASK[1:]),
        ("reserved", b"\x80\x01" + ASK[2:]),
        ("gateways", b"\x80\x00\x09" + ASK[3:]),
        ("an unknown command", ASK[:10] + b"\x99\x99\x00"),
        ("half a header", ASK[:11]),
    ],
)
def test_what_does_not_fit_is_not_fins(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("the word", b"FINE" + ASK_NODE[4:]),
        ("a command that is none", ENVELOPE.write(length=8, command=9)),
        ("a length that its command cannot have", ASK_NODE[:7] + b"\x0d" + ASK_NODE[8:] + b"\0"),
        ("a frame inside that is none", ASK_TCP[:16] + b"\0" + ASK_TCP[17:]),
        ("a node given by the client", NODE),
    ],
)
def test_what_does_not_fit_is_not_fins_over_tcp(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(TCP, [octets])) is None, why


def test_a_response_to_somebody_else_confirms_nothing() -> None:
    other = TOLD[:4] + b"\x64" + TOLD[5:]

    told = recognise(Payload.of(UDP, [ASK], [other]))
    assert told is not None
    assert told.confidence is PLAUSIBLE
    assert told.against == ("no command with its response",)


def test_a_response_makes_the_server() -> None:
    told = identify(Payload.of(UDP, [TOLD], [ASK]))

    assert told is not None
    assert told.swapped


def test_a_model_that_nobody_can_read_is_not_told() -> None:
    strange = TOLD[:14] + b"\x01\x02" + TOLD[16:]

    told = recognise(Payload.of(UDP, [ASK], [strange]))
    assert told is not None
    assert {} == dict(told.server)
