"""Crimson 3: the questions for vendor and model, and the names that come back."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.crimson import HEADER, recognise

TCP = Transport.TCP
ASK_VENDOR, ASK_MODEL = unhex("0004012b1b00"), unhex("0004012a1a00")


def named(register: int, text: bytes) -> bytes:
    return HEADER.write(length=4 + len(text), register=register, type=0x0300) + text


VENDOR, MODEL = named(0x012B, b"Red Lion Controls\0"), named(0x012A, b"G310C2\0")

EXAMPLES = [
    Example(
        "vendor and model; questions of cr3-fingerprint.nse, its answers built by the frame",
        Payload.of(TCP, [ASK_VENDOR, ASK_MODEL], [VENDOR, MODEL]),
        "crimson",
        PLAUSIBLE,
        server={"vendor": "Red Lion Controls", "product": "G310C2"},
    ),
    Example("a question alone", Payload.of(TCP, [ASK_MODEL]), "crimson", PLAUSIBLE),
    Example("another register", Payload.of(TCP, [unhex("000401ff1a00")]), None),
]


@pytest.mark.parametrize(
    ("why", "answer"),
    [
        ("another register", MODEL),
        ("a name without its end", named(0x012B, b"Red Lion")),
        ("a name that nobody can read", named(0x012B, b"\x01\x02\0")),
        ("a length that lies", VENDOR + b"\0"),
        ("text of another protocol", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        ("nothing but a header", named(0x012B, b"")),
    ],
)
def test_an_answer_that_does_not_fit_is_not_crimson(why: str, answer: bytes) -> None:
    assert recognise(Payload.of(TCP, [ASK_VENDOR], [answer])) is None, why


def test_the_first_frame_must_be_a_question() -> None:
    assert recognise(Payload.of(TCP, [named(0x0101, b"x\0"), ASK_VENDOR])) is None
    assert recognise(Payload.of(TCP, [ASK_VENDOR[:5]])) is None
    assert recognise(Payload.of(TCP, [ASK_VENDOR + b"\0\1"])) is None
    assert recognise(Payload.of(TCP, (), [VENDOR])) is None
