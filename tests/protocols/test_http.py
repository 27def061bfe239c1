"""HTTP: request and status lines, the preface of HTTP/2, and what only looks like them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import CONFIRMED, PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify
from portbook.protocols.http import METHODS, PREFACE, recognise, request, status

TCP, UDP = Transport.TCP, Transport.UDP
DYNAMICS = unhex(
    "474554202f696e6465782e68746d6c20485454502f312e310d0a486f73743a3132372e302e302e320d0a557365"
    "722d4167656e743a204d752044796e616d6963730d0a4163636570742d456e636f64696e673a20677a69702c20"
    "6465666c6174650d0a436f6e6e656374696f6e3a20636c6f73650d0a0d0a"
)
ANSWER = (
    b"HTTP/1.1 401 Unauthorized\r\nServer: GoAhead-Webs/2.1.8\r\n"
    b'WWW-Authenticate: Basic realm="Pump station 7"\r\n\r\n'
)

EXAMPLES = [
    Example(
        "request by Mu Dynamics, public capture",
        Payload.of(TCP, (DYNAMICS,)),
        "http",
        PLAUSIBLE,
        facts={"method": "GET", "host": "127.0.0.2", "http_version": "1.1"},
        client={"product": "Mu Dynamics"},
    ),
    Example(
        "request and answer of a device",
        Payload.of(TCP, (DYNAMICS,), (ANSWER,)),
        "http",
        facts={"status": "401", "realm": "Pump station 7"},
        server={"product": "GoAhead-Webs", "version": "2.1.8"},
    ),
    Example("answer alone", Payload.of(TCP, (), (ANSWER,)), "http", PLAUSIBLE),
    Example(
        "HTTP/2 in the clear, RFC 9113 section 3.4",
        Payload.of(TCP, (PREFACE + bytes.fromhex("000000040000000000"),)),
        "http",
        facts={"http_version": "2"},
    ),
    Example(
        "lines that end in LF only, absolute form",
        Payload.of(TCP, (b"GET http://a/ HTTP/1.0\nHost: a\n\n",), (b"HTTP/1.0 200 OK\n\n",)),
        "http",
    ),
    Example(
        "answer of HTTP 0.9, which has no status line",
        Payload.of(TCP, (b"GET / HTTP/1.0\r\n\r\n",), (b"<html>hello</html>",)),
        "http",
        PLAUSIBLE,
    ),
    Example(
        "tunnel through a proxy",
        Payload.of(TCP, (b"CONNECT a:443 HTTP/1.1\r\n\r\n",), (b"HTTP/1.1 200 OK\r\n\r\n",)),
        "http",
    ),
    Example(
        "RTSP",
        Payload.of(
            TCP, (b"OPTIONS rtsp://a/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",), (b"RTSP/1.0 200 OK\r\n",)
        ),
        "rtsp",
        PLAUSIBLE,
    ),
    Example(
        "SIP",
        Payload.of(TCP, (b"REGISTER sip:a SIP/2.0\r\n\r\n",), (b"SIP/2.0 200 OK\r\n\r\n",)),
        None,
        None,
    ),
    Example(
        "SSDP",
        Payload.of(UDP, (b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n",)),
        "ssdp",
        PLAUSIBLE,
    ),
    Example(
        "SSDP search",
        Payload.of(UDP, (b'M-SEARCH * HTTP/1.1\r\nMAN: "ssdp:discover"\r\n\r\n',)),
        "ssdp",
        PLAUSIBLE,
    ),
]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_passes_the_prefilter(method: str) -> None:
    told = identify(Payload.of(TCP, (f"{method} /a HTTP/1.1\r\n\r\n".encode(),)))

    assert told is not None
    assert "http" == told.protocol


def test_secrets_never_leave_the_recogniser() -> None:
    asked = (
        b"GET /login?token=geheim1 HTTP/1.1\r\nHost: a\r\nAuthorization: Basic geheim2\r\n"
        b"Cookie: id=geheim3\r\napiKey: geheim4\r\n\r\n"
    )
    answered = b"HTTP/1.1 200 OK\r\nSet-Cookie: id=geheim5\r\nLocation: /?k=geheim6\r\n\r\n"

    assert "geheim" not in repr(recognise(Payload.of(TCP, (asked,), (answered,))))


def test_a_long_target_cut_by_what_was_kept_is_plausible() -> None:
    whole = b"GET /" + b"a" * 300 + b" HTTP/1.1\r\n\r\n"
    told = recognise(Payload(TCP, Side(whole[:128], ((len(whole), 128),), len(whole))))

    assert told is not None
    assert PLAUSIBLE is told.confidence
    assert ("the request line is not whole",) == told.against


def test_an_empty_line_before_the_method_is_skipped() -> None:
    found = request(b"\r\nGET / HTTP/1.1\r\n\r\n")

    assert found is not None
    assert "GET" == found.word


def test_header_lines_stop_at_the_first_that_is_none() -> None:
    found = status(b"HTTP/1.1 200 OK\r\nServer: a\r\n folded\r\nX: y\r\n\r\n")

    assert found is not None
    assert {"server": "a"} == dict(found.fields)


def test_control_characters_of_a_header_never_reach_a_terminal() -> None:
    told = recognise(Payload.of(TCP, (), (b"HTTP/1.1 200 OK\r\nServer: \x1b[31mred/1.0\r\n\r\n",)))

    assert told is not None
    assert all(value.isprintable() for value in told.server.values())


@pytest.mark.parametrize("agent", [b"Mozilla/5.0 (X11)", b""])
def test_a_browser_tells_nothing_of_the_device(agent: bytes) -> None:
    told = recognise(Payload.of(TCP, (b"GET / HTTP/1.1\r\nUser-Agent: " + agent + b"\r\n\r\n",)))

    assert told is not None
    assert {} == dict(told.client)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_anything_after_the_first_line_leaves_the_name(head: bytes, body: bytes) -> None:
    told = recognise(
        Payload.of(TCP, (b"GET / HTTP/1.1\r\n" + head,), (b"HTTP/1.1 200 OK\r\n" + body,))
    )

    assert told is not None
    assert CONFIRMED is told.confidence
