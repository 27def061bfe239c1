"""Heads that are too long, say two things at once, or have a path that climbs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.guarded import Echo, Served, guarded_by_token, serving

from portbook.faces.web.guard import Rules
from portbook.faces.web.guard.request import Request
from portbook.faces.web.guard.shapes import shape

ECHO = Echo()


@pytest.fixture(scope="module")
def here() -> Iterator[Served]:
    with serving(ECHO) as one:
        yield one


def head(target: bytes = b"/", *lines: bytes, method: bytes = b"GET") -> bytes:
    told = [method + b" " + target + b" HTTP/1.1", b"Host: localhost", *lines]
    return b"\r\n".join(told) + b"\r\n\r\n"


CLIMBING = [
    b"/static/../captures",
    b"/static/..",
    b"/static/%2e%2e/captures",
    b"/static/%2E%2E%2Fcaptures",
    b"/static/..%2fcaptures",
    b"/static/.%2e/.%2e/etc/passwd",
    b"/static/./style.css",
    b"/static/..%5c..%5cetc",
    b"/static/..\\..\\etc",
    b"/static//style.css",
    b"//rebound.example/",
    b"/static/%00",
    b"/static/style.css%00.png",
    b"/static/%0d%0aSet-Cookie:a=b",
    b"/static/%7f",
    b"/../../../../etc/passwd",
]


@pytest.mark.parametrize("target", CLIMBING)
def test_a_path_that_climbs_is_refused_before_and_after_log_in(here: Served, target: bytes) -> None:
    before = len(ECHO.asked)
    assert here.raw(head(target, b"Connection: close")).startswith(b"HTTP/1.1 400 ")
    with serving(ECHO, guarded_by_token()) as closed:
        assert closed.raw(head(target, b"Connection: close")).startswith(b"HTTP/1.1 400 ")
    assert before == len(ECHO.asked)


SMUGGLED = {
    "length and chunks": (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    "chunks and length": (b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    "two lengths": (b"Content-Length: 5", b"Content-Length: 6"),
    "one length twice": (b"Content-Length: 5", b"Content-Length: 5"),
    "a list of lengths": (b"Content-Length: 5, 5",),
    "a signed length": (b"Content-Length: +5",),
    "a length below nothing": (b"Content-Length: -1",),
    "another coding": (b"Transfer-Encoding: chunked, gzip",),
    "an unknown coding": (b"Transfer-Encoding: xchunked",),
    "two codings": (b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
    "a name with a space": (b"Content-Length : 5",),
    "a folded line": (b"X-A: b", b" Transfer-Encoding: chunked"),
    "a bare line feed": (b"X-A: b\nTransfer-Encoding: chunked",),
    "two names": (b"Host: rebound.example",),
}


@pytest.mark.parametrize("lines", SMUGGLED.values(), ids=SMUGGLED)
def test_a_request_that_can_be_read_in_two_ways_answers_once_and_ends(
    here: Served, lines: tuple[bytes, ...]
) -> None:
    hidden = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
    kind = b"Content-Type: application/json"
    came = here.raw(head(b"/x", kind, *lines, method=b"POST") + b"0\r\n\r\n" + hidden)

    assert came.startswith(b"HTTP/1.1 4")
    assert 1 == came.count(b"HTTP/1.1 ")
    assert ("GET", "/smuggled") not in ECHO.asked


@pytest.mark.parametrize("line", [b"Content-Length: 5", b"Transfer-Encoding: chunked"])
def test_a_get_has_no_body(here: Served, line: bytes) -> None:
    assert here.raw(head(b"/", line) + b"0\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_an_address_has_a_longest_length(here: Served) -> None:
    assert 200 == here.ask("GET", "/search?q=" + "a" * 4000).status
    assert 414 == here.ask("GET", "/search?q=" + "a" * 4100).status


def test_a_head_has_a_most_of_headers_and_octets(here: Served) -> None:
    many = {f"x_{number}": "a" for number in range(64)}

    assert 431 == here.ask("GET", "/", **many).status
    assert 431 == here.ask("GET", "/", cookie="a" * 20_000).status
    assert 200 == here.ask("GET", "/", cookie="a" * 10_000).status


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "LINK", "PURGE", "SUBSCRIBE"])
def test_a_method_that_nothing_knows_is_refused_with_those_that_there_are(
    here: Served, method: str
) -> None:
    answer = here.ask(method, "/")

    assert 405 == answer.status
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    "line",
    [b"CONNECT localhost:22 HTTP/1.1", b"GET http:// HTTP/1.1", b"GET * HTTP/1.1", b"GET\x00 /",
     b"G\xc3\x89T / HTTP/1.1", b"GET /\xff HTTP/1.1", b"GET / HTTP/9.9", b"\x16\x03\x01\x02\x00",
     b"GET /"],
)  # fmt: skip
def test_what_is_no_request_gets_one_answer_with_all_headers_or_none(
    here: Served, line: bytes
) -> None:
    came = here.raw(line + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n")

    assert came == b"" or came.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5"))
    assert came == b"" or b"content-security-policy: default-src 'none'" in came


def test_reading_only_lets_nobody_write_but_who_logs_in_or_chooses_a_language() -> None:
    with serving(ECHO, Rules(readonly=True)) as here:
        for path, status in (("/feedback", 403), ("/captures", 403), ("/language", 200)):
            answer = here.ask("POST", path, b"{}", content_type="application/json")
            assert status == answer.status
        assert 403 == here.ask("DELETE", "/captures/x", origin=here.origin).status
        assert 200 == here.ask("GET", "/feedback").status


@given(st.text(max_size=30).map(lambda text: f"/{text}"))
def test_no_path_that_passes_climbs(path: str) -> None:
    scope = {
        "type": "http", "method": "GET", "path": path, "headers": [(b"host", b"localhost")],
        "query_string": b"",
    }  # fmt: skip
    if shape(Request(scope), Rules()) is None:
        parts = path.split("/")
        assert not {".", ".."} & set(parts)
        assert "" not in parts[1:-1]
        assert not set("\\\x00\r\n") & set(path)
