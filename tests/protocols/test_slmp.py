"""SLMP: routes and lengths, commands from the list, the model where it was asked for."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, identify
from portbook.protocols.slmp import recognise

TCP, UDP = Transport.TCP, Transport.UDP
READ = unhex("500000ffff03000c000000010400005e0100a80200")
READ_TOLD = unhex("d00000ffff030006000000ab560f17")
RANDOM = unhex(
    "500000ffff030024000000030400000403000000a8000000c2640000902000009cdc0500a86001009d57040090"
)
RANDOM_TOLD = unhex("d00000ffff03001600000095190212302049484e4f544cafb9dec3b7bcddba")
WRITE = unhex("500000ffff030010000000011400005e0100a8020034127856")
REFUSED = unhex("d00000ffff03000d0059c00000ffff03005e0100a801")
MODEL = unhex("500000ffff0300060010000101 0000")
MODEL_TOLD = b"\xd0\0\0\xff\xff\x03\0\x14\0\0\0" + b"Q02UCPU".ljust(16) + b"\x63\x02"
READ_4E = b"\x54\0\x34\x12\0\0" + READ[2:]
READ_4E_TOLD = b"\xd4\0\x34\x12\0\0" + READ_TOLD[2:]

EXAMPLES = [
    Example(
        "D350 read, worked example of SH-080008, 3E frame",
        Payload.of(TCP, [READ], [READ_TOLD]),
        "slmp",
        PLAUSIBLE,
        facts={"commands": ["read"]},
    ),
    Example(
        "random read, worked example of SH-080008",
        Payload.of(UDP, [RANDOM], [RANDOM_TOLD]),
        "slmp",
        PLAUSIBLE,
        facts={"commands": ["read random"]},
    ),
    Example(
        "a write and its refusal, built from SH-080008, section on 3E frames",
        Payload.of(TCP, [WRITE], [REFUSED]),
        "slmp",
        PLAUSIBLE,
        facts={"commands": ["write"]},
    ),
    Example(
        "type name, built from SH-080956ENG, command 0101",
        Payload.of(TCP, [MODEL], [MODEL_TOLD]),
        "slmp",
        PLAUSIBLE,
        server={"vendor": "Mitsubishi Electric", "product": "Q02UCPU"},
    ),
    Example(
        "4E, built from SH-080956ENG", Payload.of(UDP, [READ_4E], [READ_4E_TOLD]), "slmp", PLAUSIBLE
    ),
    Example("a request alone", Payload.of(TCP, [READ]), "slmp", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("subheader", b"\x51" + READ[1:]),
        ("station", READ[:3] + b"\x7f" + READ[4:]),
        ("module", READ[:4] + b"\xf0" + READ[5:]),
        ("length", READ[:-1]),
        ("more behind it", READ + b"\0"),
        ("command", READ[:11] + b"\x02" + READ[12:]),
        ("a request of five octets", READ[:7] + b"\5\0" + READ[9:14]),
        ("4E without its zeros", READ_4E[:4] + b"\1" + READ_4E[5:]),
    ],
)
def test_what_does_not_fit_is_not_slmp(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (READ, READ_TOLD[:2] + b"\1" + READ_TOLD[3:]),
        (READ_4E, READ_4E_TOLD[:2] + b"\x35" + READ_4E_TOLD[3:]),
    ],
)
def test_an_answer_by_another_route_or_number_confirms_nothing(asked: bytes, told: bytes) -> None:
    found = recognise(Payload.of(UDP, [asked], [told]))

    assert found is not None
    assert found.confidence is PLAUSIBLE


def test_the_answer_makes_the_server() -> None:
    told = identify(Payload.of(UDP, [READ_TOLD], [READ]))

    assert told is not None
    assert told.swapped


def test_an_answer_in_another_tongue_is_not_slmp() -> None:
    assert recognise(Payload.of(TCP, [READ], [b"HTTP/1.1 400 Bad Request\r\n\r\n"])) is None
