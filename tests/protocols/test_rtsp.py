"""RTSP: first lines and the number that comes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.rtsp import recognise

TCP = Transport.TCP
# RFC 2326 section 14.1
SETUP = (
    b"SETUP rtsp://audio.example.com/twister/audio.en RTSP/1.0\r\nCSeq: 1\r\n"
    b"User-Agent: LibVLC/3.0.18\r\nTransport: RTP/AVP/UDP;unicast;client_port=3056-3057\r\n\r\n"
)
DONE = (
    b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: 12345678\r\nServer: GStreamer RTSP server 1.20.3\r\n"
    b"Transport: RTP/AVP/UDP;unicast;client_port=3056-3057;server_port=5000-5001\r\n\r\n"
)
# RFC 2326 section 10.1 and RFC 2617 section 3.2.1
OPTIONS = b"OPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n"
REFUSED = (
    b'RTSP/1.0 401 Unauthorized\r\nCSeq: 2\r\nWWW-Authenticate: Digest realm="IP Camera(12345)", '
    b'nonce="dcd98b7102dd2f0e"\r\n\r\n'
)

EXAMPLES = [
    Example(
        "a stream is set up, RFC 2326 section 14.1",
        Payload.of(TCP, [SETUP], [DONE]),
        "rtsp",
        facts={"version": "1.0", "method": "SETUP"},
        client={"product": "LibVLC", "version": "3.0.18"},
        server={"product": "GStreamer RTSP server", "version": "1.20.3"},
    ),
    Example(
        "a camera asks for a password, RFC 2326 section 10.1",
        Payload.of(TCP, [OPTIONS], [REFUSED]),
        "rtsp",
        facts={"realm": "IP Camera(12345)"},
    ),
    Example("a request alone", Payload.of(TCP, [SETUP]), "rtsp", PLAUSIBLE),
    Example("an answer alone", Payload.of(TCP, [], [DONE]), "rtsp", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "asked", "answered"),
    [
        ("HTTP", [b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"], [b"HTTP/1.1 200 OK\r\n\r\n"]),
        ("SIP", [b"OPTIONS sip:a@b SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n"], []),
        ("another version", [SETUP.replace(b"RTSP/1.0", b"RTSP/3.0")], []),
        ("a method that is none", [SETUP.replace(b"SETUP", b"SHUTUP")], []),
        ("a number that is none", [SETUP.replace(b"CSeq: 1", b"CSeq: x")], []),
        ("an answer of HTTP", [SETUP], [b"HTTP/1.1 200 OK\r\n\r\n"]),
        ("no line end", [SETUP[:40]], []),
    ],
)
def test_what_does_not_fit_is_not_rtsp(why: str, asked: list[bytes], answered: list[bytes]) -> None:
    assert recognise(Payload.of(TCP, asked, answered)) is None, why


def test_an_answer_to_another_request_confirms_nothing() -> None:
    told = recognise(Payload.of(TCP, [SETUP], [REFUSED]))

    assert told is not None
    assert told.confidence is PLAUSIBLE


@given(st.binary(max_size=60), st.integers(0, 100))
def test_any_octets_are_read_without_an_error(octets: bytes, at: int) -> None:
    recognise(Payload.of(TCP, [SETUP[:at] + octets], [DONE[:at] + octets]))
