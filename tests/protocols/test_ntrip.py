"""NTRIP: a client that says what it is, casters of both versions, no password told."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.ntrip import recognise

TCP = Transport.TCP
# The examples of the documentation of version 1.0 (BKG, 2004) and of version 2.0 (RTCM 10410.1)
PULL_1 = (
    b"GET /BUCU0 HTTP/1.0\r\nUser-Agent: NTRIP GNSSInternetRadio/1.4.10\r\nAccept: */*\r\n"
    b"Connection: close\r\nAuthorization: Basic bnRyaXA6c2VjcmV0\r\n\r\n"
)
ICY, TABLE = (
    b"ICY 200 OK\r\n\r\n",
    (
        b"SOURCETABLE 200 OK\r\nServer: NTRIP Caster 0.5.3/1.0\r\nContent-Type: text/plain\r\n"
        b"Content-Length: 17\r\n\r\nENDSOURCETABLE\r\n"
    ),
)
PUSH_1 = b"SOURCE letmein /BUCU0\r\nSource-Agent: NTRIP NtripServerCMD/1.0\r\n\r\n"
PULL_2 = (
    b"GET /ExampleMountpoint HTTP/1.1\r\nHost: ntrip.example.com\r\nNtrip-Version: Ntrip/2.0\r\n"
    b"User-Agent: NTRIP ExampleClient/2.0\r\nConnection: close\r\n\r\n"
)
TOLD_2 = (
    b"HTTP/1.1 200 OK\r\nNtrip-Version: Ntrip/2.0\r\nServer: ExampleCaster/2.1\r\n"
    b"Content-Type: gnss/data\r\nConnection: close\r\n\r\n\xd3\x00\x13"
)
PLAIN = b"GET /BUCU0 HTTP/1.0\r\nUser-Agent: curl/8.0\r\n\r\n"

EXAMPLES = [
    Example(
        "corrections of version 1.0, BKG documentation",
        Payload.of(TCP, [PULL_1], [ICY]),
        "ntrip",
        facts={"ntrip_version": "1.0", "mountpoint": "BUCU0"},
        client={"product": "GNSSInternetRadio", "version": "1.4.10"},
        also=("http",),
    ),
    Example(
        "the table of sources, BKG documentation",
        Payload.of(TCP, [PULL_1.replace(b"/BUCU0", b"/")], [TABLE]),
        "ntrip",
        also=("http",),
    ),
    Example("a server that brings data", Payload.of(TCP, [PUSH_1], [b"OK\r\n"]), "ntrip"),
    Example(
        "corrections of version 2.0, RTCM 10410.1",
        Payload.of(TCP, [PULL_2], [TOLD_2]),
        "ntrip",
        facts={"ntrip_version": "2.0", "mountpoint": "ExampleMountpoint"},
        server={"product": "ExampleCaster", "version": "2.1"},
        also=("http",),
    ),
    Example("refused", Payload.of(TCP, [PUSH_1], [b"ERROR - Bad Password\r\n"]), "ntrip"),
    Example("a request alone", Payload.of(TCP, [PULL_2]), "ntrip", PLAUSIBLE, also=("http",)),
    Example(
        "an audio stream, which is granted in the same words",
        Payload.of(TCP, [PLAIN], [ICY]),
        "http",
        PLAUSIBLE,
    ),
]


@pytest.mark.parametrize(
    ("why", "asked", "answered"),
    [
        ("a browser", PLAIN, TOLD_2),
        ("no request", b"HELLO\r\n", ICY),
        ("another answer", PULL_1, b"SSH-2.0-OpenSSH_9.2\r\n"),
        ("a page", PULL_1, b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"),
        ("an answer without an end", PULL_1, b"ICY 200 OK"),
        ("half a line", b"GET /x HTTP/1.0", ICY),
    ],
)
def test_what_does_not_fit_is_not_ntrip(why: str, asked: bytes, answered: bytes) -> None:
    assert recognise(Payload.of(TCP, [asked], [answered])) is None, why


def test_no_password_is_told() -> None:
    for asked, answer in ((PULL_1, ICY), (PUSH_1, b"OK\r\n")):
        told = recognise(Payload.of(TCP, [asked], [answer]))

        assert told is not None
        text = str((told.because, told.facts, told.client, told.server))
        assert "letmein" not in text
        assert "bnRyaXA6c2VjcmV0" not in text
