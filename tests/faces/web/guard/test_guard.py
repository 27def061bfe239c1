"""The guard as a whole: the headers of every answer, what is logged, and hostile requests."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.guarded import TOKEN, Answer, Echo, Served, guarded_by_token, serving

from portbook.faces.web.guard import Guard, Limits, Rules, guarded
from portbook.faces.web.guard.headers import SECURITY

WANTED = {name.decode(): value.decode() for name, value in SECURITY}


def protected(answer: Answer) -> bool:
    return WANTED.items() <= answer.headers.items() and "server" not in answer.headers


@pytest.fixture(scope="module")
def here() -> Any:
    with serving(rules=Rules(limits=Limits(body_octets=100))) as one:
        yield one


ASKED = {
    "a page": (200, "GET", "/1743", {}),
    "nothing new": (304, "GET", "/not-modified", {}),
    "nothing there": (404, "GET", "/missing", {}),
    "a foreign name": (421, "GET", "/", {"host": "rebound.example"}),
    "a foreign page": (403, "POST", "/", {"origin": "null"}),
    "no such method": (405, "TRACE", "/", {}),
    "a long address": (414, "GET", "/" + "a" * 5000, {}),
    "a long head": (431, "GET", "/", {"x": "a" * 20_000}),
    "a large body": (413, "POST", "/api/x", {"content_type": "application/json",
                                             "content_length": "101"}),
    "a climbing path": (400, "GET", "/static/../x", {}),
}  # fmt: skip


@pytest.mark.parametrize(("status", "method", "path", "headers"), ASKED.values(), ids=ASKED)
def test_every_answer_has_the_headers_that_protect_its_reader(
    here: Served, status: int, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = here.ask(method, path, **headers)

    assert status == answer.status
    assert protected(answer)
    assert "strict-transport-security" not in answer.headers  # no TLS here


def test_streams_and_what_is_no_http_have_them_too(here: Served) -> None:
    with here.connect() as sock:
        sock.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        came = b""
        while b"hello" not in came:
            came += sock.recv(65536)
    bad = here.raw(b"\x00\x01\r\n\r\n")
    for octets in (came, bad):
        for name, value in SECURITY:
            assert b"%s: %s\r\n" % (name, value) in octets


def test_the_policy_lets_nothing_come_from_elsewhere_and_nothing_inline() -> None:
    policy = dict(SECURITY)[b"content-security-policy"].decode()
    told = dict(part.strip().split(" ", 1) for part in policy.split(";"))

    assert "'none'" == told.pop("default-src")
    assert {"'none'"} == {told.pop("base-uri"), told.pop("frame-ancestors")}
    assert {"'self'"} == set(told.values())


def test_what_somebody_logged_in_for_is_kept_by_no_proxy() -> None:
    with serving(rules=guarded_by_token()) as here:
        answer = here.ask("GET", "/1743", authorization=f"Bearer {TOKEN}")
    with serving() as open_to_all:
        other = open_to_all.ask("GET", "/1743")

    assert "private, no-cache" == answer.headers["cache-control"]
    assert "cache-control" not in other.headers


class Loose(Echo):
    """A program that would loosen what the guard is strict about."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        headers = [(b"Content-Security-Policy", b"default-src *"), (b"x-frame-options", b"ALLOW")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})


def test_no_page_can_loosen_the_policy() -> None:
    with serving(Loose()) as here, here.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        came = sock.recv(65536).lower()

    assert 1 == came.count(b"content-security-policy")
    assert b"default-src *" not in came
    assert b"allow\r\n" not in came


def test_the_log_has_method_path_status_and_time_and_no_secret() -> None:
    lines: list[str] = []
    with serving(rules=guarded_by_token(log=lines.append)) as here:
        here.ask("GET", f"/search?q={TOKEN}", authorization=f"Bearer {TOKEN}")
        here.ask("GET", "/%1b%5b31m", authorization=f"Bearer {TOKEN}")
        here.ask("GET", "/" + "a" * 3000)
        here.ask("GET", f"/login?next=/x?token={TOKEN}")
        here.log_in("wrong-" + TOKEN)
        cookie = here.log_in().headers["set-cookie"]

    assert lines[0].startswith("GET /search 200 ")
    assert lines[0].endswith(" ms")
    assert ["/login"] * 3 == [line.split()[1] for line in lines[3:]]
    whole = "\n".join(lines)
    assert TOKEN not in whole
    assert cookie.partition("=")[2][:20] not in whole
    assert "\x1b" not in whole
    assert max(map(len, lines)) < 300


def test_without_a_log_nothing_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with serving(rules=guarded_by_token()) as here:
        here.ask("GET", "/", authorization=f"Bearer {TOKEN}")
        here.log_in("wrong")
        here.raw(b"nonsense\r\n\r\n")

    assert ("", "") == tuple(capfd.readouterr())


def test_a_socket_of_the_web_is_closed() -> None:
    sent: list[Any] = []

    async def ask() -> None:
        async def send(message: Any) -> None:
            sent.append(message)

        await guarded(Echo(), Rules())({"type": "websocket", "path": "/"}, _nothing, send)

    asyncio.run(ask())
    assert [{"type": "websocket.close", "code": 1008}] == sent


async def _nothing() -> Any:
    return {"type": "http.disconnect"}


TEXT = st.text(max_size=30)
NAMED = st.sampled_from(
    [b"host", b"origin", b"cookie", b"authorization", b"content-length", b"transfer-encoding",
     b"content-type", b"sec-fetch-site", b"x-forwarded-proto", b"accept", b"x"]
)  # fmt: skip
VALUES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"localhost", b"http://localhost", b"same-origin", b"7", b"chunked",
                     b"Bearer x", b"portbook-8743=1.2.3", b"text/html"]),
)  # fmt: skip
SCOPES = st.fixed_dictionaries(
    {
        "type": st.just("http"),
        "method": st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "X", ""]),
        "path": st.one_of(
            TEXT.map(lambda text: f"/{text}"),
            st.sampled_from(["/login", "/logout", "/static/a", "/events", "/captures", "/api/x"]),
        ),
        "query_string": st.binary(max_size=40),
        "headers": st.lists(st.tuples(NAMED, VALUES), max_size=6).map(
            lambda headers: [(b"host", b"localhost"), *headers]
        ),
        "client": st.one_of(st.none(), st.tuples(TEXT, st.integers(0, 65535))),
        "scheme": st.sampled_from(["http", "https"]),
        "http_version": st.sampled_from(["1.0", "1.1"]),
    }
)
OPEN, CLOSED = Rules(), guarded_by_token()


async def _asked(guard: Guard, scope: Any, body: bytes) -> list[Any]:
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Any] = []

    async def receive() -> Any:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await guard(scope, receive, send)
    return sent


@given(SCOPES, st.binary(max_size=60), st.booleans())
def test_whatever_is_asked_there_is_one_answer_and_it_is_protected(
    scope: dict[str, Any], body: bytes, closed: bool
) -> None:
    echo = Echo()
    sent = asyncio.run(_asked(guarded(echo, CLOSED if closed else OPEN), scope, body))
    starts = [one for one in sent if one["type"] == "http.response.start"]

    if not starts:  # the reader left while its body was read, or a stream ended with it
        assert [] == sent
        return
    assert 1 == len(starts)
    assert set(SECURITY) <= {(bytes(n), bytes(v)) for n, v in starts[0]["headers"]}
    for name, value in starts[0]["headers"]:
        assert not set(b"\r\n\0") & set(name + value)
    if closed and not scope["path"].startswith("/static/"):
        assert [] == echo.asked
