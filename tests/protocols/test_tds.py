"""TDS: the options of a pre-login, both ways."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.tds import recognise

TCP = Transport.TCP
ASK = unhex(
    "1201002f00000100 00001a0006 0100200001 0200210001 0300220004 0400260001 ff"
    "090000000000 01 00 b80d0000 01"
)
ANSWER = unhex(
    "0401002b00000100 00001a0006 0100200001 0200210001 0300220000 0400220001 ff"
    "0b000c380000 01 00 01"
)

EXAMPLES = [
    Example(
        "[MS-TDS], section 4.1, and an answer built from section 2.2.6.5",
        Payload.of(TCP, [ASK], [ANSWER]),
        "tds",
        facts={"encryption": "on"},
        server={"product": "Microsoft SQL Server", "version": "11.0.3128"},
    ),
    Example("[MS-TDS], section 4.1, alone", Payload.of(TCP, [ASK]), "tds", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "asked", "answer"),
    [
        ("a length past the end", ASK[:3] + b"\x30" + ASK[4:], b""),
        ("a gap between options", ASK.replace(b"\1\0\x20\0\1", b"\1\0\x21\0\1"), b""),
        ("an option twice", ASK.replace(b"\2\0\x21", b"\1\0\x21"), b""),
        ("no version", ASK[:8] + b"\5" + ASK[9:], b""),
        ("no end of the table", ASK.replace(b"\xff", b"\x05"), b""),
        ("an answer that is a question", ASK, ASK),
        ("an answer of something else", ASK, b"\4\1\0\x0c\0\0\1\0nope"),
    ],
)
def test_what_does_not_fit_is_not_tds(why: str, asked: bytes, answer: bytes) -> None:
    told = recognise(Payload.of(TCP, [asked] if asked else [], [answer] if answer else []))

    assert told is None, why
