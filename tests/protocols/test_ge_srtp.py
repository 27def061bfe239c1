"""GE SRTP: the session that is begun, requests with and without text, answers of both kinds."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify
from portbook.protocols.ge_srtp import MAILBOX, recognise

TCP = Transport.TCP
BEGIN, BEGUN = bytes(56), b"\x01" + bytes(7) + b"\x0f" + bytes(47)
# FANUC robot, exchange of a client that is public: begin, session, assignments cleared, a read
BEGIN_ROBOT, BEGUN_ROBOT = unhex("000004 00*53"), unhex("01 00*7 01 00*47")
SESSION = unhex("080001 00*6 01 00*7 01 00*12 01c0 00*4 100e00000101 4f01 00*12")
SESSION_TOLD = unhex("030001 00*6 01 00*7 01 00*12 01d4 100e0000303a00000101 00*6 0101ff0200007c21")
CLEAR = unhex("020008 00*6 01 00*7 01 00*12 08c0 00*4 100e00000101 0738 00000600 434c524153470400")
CLEARED = unhex("030008 00*6 01 00*7 01 00*12 08d4 100e0000303a00000101 00*6 0101ff0400007c21")
READ = unhex("020006 00*6 01 00*7 01 00*12 06c0 00*4 100e00000101 0408 0000 0400 00*8")
READ_TOLD = unhex(
    "030006000800 00*3 01 00*7 01 00*12 0694 100e0000303a00000101 00*6 0101ff0400007c21"
) + bytes(range(8))
ASSIGN = b"SETASG 1 200 R[1] 1.0"
WRITE = (
    unhex(
        "02000900 1500 00*3 02 00*7 02 00*12 0980 00*4 100e00000101 3200 00*4 0101 0738 0000 1500"
    )
    + ASSIGN
)
WRITTEN = unhex("030009 00*6 01 00*7 01 00*12 09d4 100e0000303a00000101 00*6 0101ff0400007c21")
CONTROLLER = unhex("020002 00*6 01 00*7 01 00*12 02c0 00*4 200e00000101 43 00*13")
REFUSED = unhex("030002 00*6 01 00*7 01 00*12 02d1 200e0000000000000101 00*14")

EXAMPLES = [
    Example(
        "session, write with text and read with text of a FANUC robot, public client code",
        Payload.of(
            TCP,
            [BEGIN_ROBOT, SESSION, CLEAR, WRITE, READ],
            [BEGUN_ROBOT, SESSION_TOLD, CLEARED, WRITTEN, READ_TOLD],
        ),
        "ge-srtp",
        facts={"services": ["read system memory", "session for SCADA", "write system memory"]},
    ),
    Example(
        "controller type of a CPU in slot 2, gesrtp-py discoveries 1 to 3",
        Payload.of(TCP, [BEGIN, CONTROLLER], [BEGUN, REFUSED]),
        "ge-srtp",
        facts={"services": ["controller type"]},
    ),
    Example("a session begun", Payload.of(TCP, [BEGIN], [BEGUN]), "ge-srtp", PLAUSIBLE),
    Example("a request alone", Payload.of(TCP, [READ]), "ge-srtp", PLAUSIBLE),
    Example("an answer alone", Payload.of(TCP, (), [READ_TOLD]), "ge-srtp", PLAUSIBLE),
    Example("zeros alone", Payload.of(TCP, [bytes(56)]), None),
    Example("zeros both ways", Payload.of(TCP, [bytes(112)], [bytes(112)]), None),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("an unknown message type", READ[:31] + b"\xc1" + READ[32:]),
        ("text where none may be", READ[:4] + b"\x01" + READ[5:] + b"\0"),
        ("a mailbox that is none of a controller", READ[:37] + b"\x0d" + READ[38:]),
        ("packet 2 of 1", READ[:40] + b"\x02" + READ[41:]),
        ("octets that belong to nobody", READ + b"\x07"),
        ("text that is not all there", WRITE[:-1]),
        ("half a mailbox", READ[:40]),
    ],
)
def test_what_does_not_fit_is_not_srtp(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(TCP, [octets])) is None, why


def test_an_answer_to_another_request_confirms_nothing() -> None:
    told = recognise(Payload.of(TCP, [READ], [CLEARED]))

    assert told is not None
    assert told.confidence is PLAUSIBLE
    assert told.against == ("no request with its answer",)


def test_the_one_that_answers_is_the_server() -> None:
    told = identify(Payload.of(TCP, [READ_TOLD], [READ]))

    assert told is not None
    assert told.swapped


def test_a_read_that_what_was_kept_cuts_is_named() -> None:
    long = MAILBOX.write(
        type=3, number=6, text=1000, message=0x94, source="100e0000", destination="303a0000"
    )
    answer = Side(long + bytes(72), ((56, 56), (1000, 72)), 1056)

    told = recognise(Payload(TCP, Side.of(READ), answer))
    assert told is not None
