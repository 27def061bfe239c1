"""MongoDB: documents that fill their messages, replies by number."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.mongodb import recognise, strings

TCP = Transport.TCP


def document(*elements: bytes) -> bytes:
    inside = b"".join(elements) + b"\0"
    return (len(inside) + 4).to_bytes(4, "little") + inside


def text(name: bytes, value: bytes) -> bytes:
    return b"\2" + name + b"\0" + (len(value) + 1).to_bytes(4, "little") + value + b"\0"


def message(number: int, answers: int, kind: int, body: bytes) -> bytes:
    head = (len(body) + 16, number, answers, kind)
    return b"".join(one.to_bytes(4, "little") for one in head) + body


DRIVER = document(text(b"name", b"PyMongo"), text(b"version", b"4.6.1"))
APPLICATION = document(text(b"name", b"historian"))
CLIENT = document(b"\3application\0" + APPLICATION, b"\3driver\0" + DRIVER)
HELLO = document(b"\x10hello\0\1\0\0\0", b"\3client\0" + CLIENT, text(b"$db", b"admin"))
HELLO_TOLD = document(b"\x08isWritablePrimary\0\1", b"\1ok\0" + bytes(6) + b"\xf0\x3f")
BUILD = document(text(b"version", b"7.0.5"), text(b"gitVersion", b"7809d71e84e314b4"))
ASK = message(7, 0, 2013, bytes(5) + HELLO)
ANSWER = message(99, 7, 2013, bytes(5) + HELLO_TOLD)
ASK_BUILD = message(8, 0, 2013, bytes(5) + document(b"\x10buildInfo\0\1\0\0\0"))
BUILD_TOLD = message(100, 8, 2013, bytes(5) + BUILD)
OLD_ASK = message(1, 0, 2004, bytes(4) + b"admin.$cmd\0" + bytes(4) + b"\xff" * 4 + HELLO)
OLD_ANSWER = message(5, 1, 1, b"\x08" + bytes(15) + b"\1\0\0\0" + HELLO_TOLD)
# {"isMaster": 1} as a query, octet by octet
SHORT = unhex(
    "3a000000 0a000000 00000000 d4070000 00000000 61646d696e2e24636d6400 00000000 01000000"
    "13000000 10 69734d617374657200 01000000 00"
)

EXAMPLES = [
    Example(
        "a hello, built from the wire protocol, OP_MSG",
        Payload.of(TCP, [ASK, ASK_BUILD], [ANSWER, BUILD_TOLD]),
        "mongodb",
        client={"product": "PyMongo", "version": "4.6.1", "name": "historian"},
        server={"product": "MongoDB", "version": "7.0.5"},
    ),
    Example(
        "the old way, built from the wire protocol, OP_QUERY and OP_REPLY",
        Payload.of(TCP, [OLD_ASK], [OLD_ANSWER]),
        "mongodb",
        client={"product": "PyMongo"},
    ),
    Example("a hello alone", Payload.of(TCP, [ASK]), "mongodb", PLAUSIBLE),
    Example("a query, octet by octet", Payload.of(TCP, [SHORT]), "mongodb", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "asked", "answer"),
    [
        ("a length past the end", ASK[:-1], b""),
        ("a kind that is none", message(7, 0, 2050, bytes(5) + HELLO), b""),
        ("a question that answers", message(7, 5, 2013, bytes(5) + HELLO), b""),
        ("a document that does not fill it", message(7, 0, 2013, bytes(5) + HELLO + b"\0"), b""),
        ("flags that are none", message(7, 0, 2013, b"\4" + bytes(4) + HELLO), b""),
        ("an answer to another number", ASK, ANSWER.replace(b"\7", b"\x09", 1)),
        ("an answer of something else", ASK, b"not a database"),
    ],
)
def test_what_does_not_fit_is_not_mongodb(why: str, asked: bytes, answer: bytes) -> None:
    told = recognise(Payload.of(TCP, [asked] if asked else [], [answer] if answer else []))

    assert told is None, why


@pytest.mark.parametrize("cut", range(0, len(HELLO), 7))
def test_a_document_that_is_cut_is_read_as_far_as_it_goes(cut: int) -> None:
    assert strings(HELLO[:cut]).items() <= strings(HELLO).items() or cut < len(HELLO)


def test_documents_inside_documents_end_somewhere() -> None:
    deep = document()
    for _ in range(200):
        deep = document(b"\3a\0" + deep)

    assert {} == strings(deep)
