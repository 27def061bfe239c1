"""DLMS: wrapper ports that are exchanged, associations with a context of DLMS."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, identify
from portbook.protocols.dlms import WRAPPER, recognise

TCP, UDP = Transport.TCP, Transport.UDP


def wrapped(unit: bytes, source: int = 1, destination: int = 1) -> bytes:
    return WRAPPER.write(source=source, destination=destination, length=len(unit)) + unit


OPENED = unhex(
    "000100010001002b6129a109060760857405080101a203020100a305a103020101be10040e0800065f1f0400003a"
    "1d00720007"
)
GURUX = unhex("601da109060760857405080101be10040e01000000065f1f0400001e5dffff")
GREEN = unhex(
    "6036a1090607608574050801018a0207808b0760857405080201ac0a80083132333435363738be10040e0100"
    "0000065f1f0400007e1f04b0"
)
GREEN_OPENED = unhex(
    "6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f040000501f01f40007"
)
GET, GOT = unhex("c001c1000f0000280000ff0200"), unhex("c401c100020113")

EXAMPLES = [
    Example(
        "Gurux' public client, and a meter's answer, zeus8497/dlms-analysis dlms.pcap",
        Payload.of(TCP, [wrapped(GURUX)], [OPENED]),
        "dlms",
        PLAUSIBLE,
        facts={"context": "logical names", "services": ["open"]},
    ),
    Example(
        "an association, worked example of the Green Book, then a get",
        Payload.of(
            UDP,
            [wrapped(GREEN, 16, 1), wrapped(GET, 16, 1)],
            [wrapped(GREEN_OPENED, 1, 16), wrapped(GOT, 1, 16)],
        ),
        "dlms",
        PLAUSIBLE,
        facts={"services": ["get", "open"]},
    ),
    Example("a meter's answer alone", Payload.of(TCP, [], [OPENED]), "dlms", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("version", b"\0\2" + OPENED[2:]),
        ("length", OPENED[:-1]),
        ("more behind it", OPENED + b"\0"),
        ("another context", OPENED.replace(b"\x60\x85\x74", b"\x60\x85\x75")),
        ("an unknown context", OPENED.replace(b"\x08\x01\x01\xa2", b"\x08\x01\x07\xa2")),
        ("an unknown unit", wrapped(b"\x99\1\2")),
        ("a choice that is none", wrapped(b"\xc4\x09\xc1\0")),
        ("a get answered without a question", wrapped(GOT)),
        ("half a wrapper", OPENED[:7]),
    ],
)
def test_what_does_not_fit_is_not_dlms(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [], [octets])) is None, why


def test_an_answer_between_other_ports_confirms_nothing() -> None:
    told = recognise(Payload.of(TCP, [wrapped(GREEN, 16, 1)], [wrapped(GREEN_OPENED, 1, 17)]))

    assert told is not None
    assert told.confidence is PLAUSIBLE


def test_who_opens_is_the_client_and_no_password_is_told() -> None:
    told = identify(Payload.of(TCP, [wrapped(GREEN_OPENED, 1, 16)], [wrapped(GREEN, 16, 1)]))

    assert told is not None
    assert told.swapped
    assert "12345678" not in str((told.facts, told.client, told.server))
