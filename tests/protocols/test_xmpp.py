"""XMPP: the heads of two streams."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.xmpp import recognise

TCP = Transport.TCP
ASK = (
    b"<?xml version='1.0'?><stream:stream from='juliet@im.example.com' to='im.example.com' "
    b"version='1.0' xml:lang='en' xmlns='jabber:client' "
    b"xmlns:stream='http://etherx.jabber.org/streams'>"
)
ANSWER = (
    b"<?xml version='1.0'?><stream:stream from='im.example.com' id='t7AMCin9zjMNwQKDnplntZPIDEI=' "
    b"to='juliet@im.example.com' version='1.0' xml:lang='en' xmlns='jabber:client' "
    b"xmlns:stream='http://etherx.jabber.org/streams'><stream:features>"
)

EXAMPLES = [
    Example(
        "RFC 6120, section 9.1.1",
        Payload.of(TCP, [ASK], [ANSWER]),
        "xmpp",
        facts={"stream": "client"},
        server={"name": "im.example.com"},
    ),
    Example(
        "between servers, built from RFC 6120, section 4.8.2",
        Payload.of(
            TCP,
            [ASK.replace(b":client", b":server")],
            [ANSWER.replace(b":client", b":server").replace(b"'", b'"')],
        ),
        "xmpp",
        facts={"stream": "server"},
    ),
    Example("one side", Payload.of(TCP, [ASK]), "xmpp", PLAUSIBLE),
    Example("XML of something else", Payload.of(TCP, [b"<?xml version='1.0'?><a>"]), None, None),
]


@pytest.mark.parametrize(
    ("why", "asked", "answer"),
    [
        ("another name space", ASK.replace(b"jabber:client", b"urn:x"), b""),
        ("streams of something else", ASK.replace(b"etherx", b"aether"), b""),
        ("no end of the head", ASK[:-1], b""),
        ("an answer of another kind", ASK, ANSWER.replace(b":client", b":server")),
        ("an answer of something else", ASK, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    ],
)
def test_what_does_not_fit_is_not_xmpp(why: str, asked: bytes, answer: bytes) -> None:
    told = recognise(Payload.of(TCP, [asked] if asked else [], [answer] if answer else []))

    assert told is None, why


def test_who_writes_is_not_told() -> None:
    assert "juliet" not in repr(recognise(Payload.of(TCP, [ASK], [ANSWER])))
