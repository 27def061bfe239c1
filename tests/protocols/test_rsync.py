"""rsync: both greetings."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.rsync import recognise

TCP = Transport.TCP
GREETING = b"@RSYNCD: 32.0 sha512 sha256 sha1 md5 md4\n"

EXAMPLES = [
    Example(
        "captured from rsync on loopback, 2026-11-21",
        Payload.of(TCP, [GREETING, b"\n"], [GREETING, b"data           \t\n", b"@RSYNCD: EXIT\n"]),
        "rsync",
        facts={"protocol_version": "32.0"},
    ),
    Example(
        "an old client, built from clientserver.c",
        Payload.of(TCP, [b"@RSYNCD: 29\n"], [b"@RSYNCD: 31.0\n"]),
        "rsync",
        facts={"protocol_version": "29"},
    ),
    Example("the server alone", Payload.of(TCP, [], [GREETING]), "rsync", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "asked", "answer"),
    [
        ("no end of the line", b"", GREETING[:-1]),
        ("no number", b"", b"@RSYNCD: OK\n"),
        ("a client of something else", b"GET / HTTP/1.1\r\n", GREETING),
        ("a client alone", GREETING, b""),
        ("two numbers", b"", b"@RSYNCD: 1.2.3\n"),
    ],
)
def test_what_does_not_fit_is_not_rsync(why: str, asked: bytes, answer: bytes) -> None:
    told = recognise(Payload.of(TCP, [asked] if asked else [], [answer] if answer else []))

    assert told is None, why
