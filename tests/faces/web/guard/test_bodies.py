"""Bodies: bounded in octets and in time, whether a length was told or not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from support.guarded import Echo, Served, answer, serving, until, until_closed

from portbook.faces.web.guard import Limits, Rules

LIMITS = Limits(body_octets=1000, upload_octets=100_000, body_s=0.3, upload_quiet_s=0.3, uploads=2)
JSON = "application/json"


@pytest.fixture(scope="module")
def echo() -> Echo:
    return Echo()


@pytest.fixture(scope="module")
def here(echo: Echo) -> Iterator[Served]:
    with serving(echo, Rules(limits=LIMITS)) as one:
        yield one


def chunked(path: str, *parts: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    return head.encode() + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def test_a_small_body_comes_through_as_it_was(here: Served) -> None:
    assert 1000 == here.ask("POST", "/x", b"a" * 1000, content_type=JSON).told["octets"]
    with here.connect() as sock:
        sock.sendall(chunked("/x", b"a" * 400, b"b" * 600) + b"0\r\n\r\n")
        assert b'"octets": 1000' in read_until(sock, b'"octets": 1000')


def read_until(sock: Any, mark: bytes) -> bytes:
    found = b""
    while mark not in found:
        octets = sock.recv(65536)
        assert octets, found
        found += octets
    return found


def test_a_longer_body_is_refused_before_it_is_read(here: Served, echo: Echo) -> None:
    before = len(echo.asked)
    assert 413 == here.ask("POST", "/x", b"a" * 1001, content_type=JSON).status
    with here.connect() as sock:
        sock.sendall(chunked("/x", b"a" * 600, b"b" * 600))
        assert b"413" in read_until(sock, b"\r\n")
    assert before == len(echo.asked)


def test_only_a_head_that_promises_much_is_refused_at_once(here: Served) -> None:
    for path, length in (("/x", "1001"), ("/captures", "100001"), ("/captures", "9" * 18)):
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\n"
        with here.connect() as sock:
            sock.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode())
            assert read_until(sock, b"\r\n").startswith(b"HTTP/1.1 413 ")


def test_a_slow_body_is_refused_and_holds_no_handler(here: Served, echo: Echo) -> None:
    before = len(echo.asked)
    with here.connect() as sock:
        sock.sendall(chunked("/x", b"a"))
        came = until_closed(sock)
    assert came.startswith(b"HTTP/1.1 408 ")
    assert b"content-security-policy" in came
    assert before == len(echo.asked)


def test_an_upload_may_be_larger_but_not_than_was_told(here: Served) -> None:
    assert 90_000 == here.ask("PUT", "/captures", b"a" * 90_000, content_type=JSON).told["octets"]
    assert 413 == here.ask("PUT", "/captures", b"a" * 100_001, content_type=JSON).status
    assert 413 == here.ask("POST", "/captures/x", b"a" * 1001, content_type=JSON).status


def test_an_upload_in_chunks_is_counted(here: Served, echo: Echo) -> None:
    read = echo.read_octets
    with here.connect() as sock:
        sock.sendall(chunked("/captures", *[b"a" * 10_000] * 11))
        assert read_until(sock, b"\r\n").startswith(b"HTTP/1.1 413 ")
    assert echo.read_octets - read <= LIMITS.upload_octets


def test_an_upload_that_comes_to_rest_is_refused(here: Served) -> None:
    with here.connect() as sock:
        sock.sendall(chunked("/captures", b"a" * 5000))
        assert until_closed(sock).startswith(b"HTTP/1.1 408 ")


def test_an_upload_that_trickles_is_refused() -> None:
    """The clock is the test's: each part takes a tenth of a second of the sender's time."""
    from portbook.faces.web.guard.bodies import BodyError, Upload

    async def within() -> int:
        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0.01)
            return {"type": "http.request", "body": b"a", "more_body": True}

        async def send(message: Any) -> None:
            raise AssertionError("nothing is answered")

        limits = Limits(upload_quiet_s=0.05, upload_octets_a_s=1000)
        upload = Upload(receive, send, limits)
        parts = 0
        with suppress(BodyError):
            while parts < 1000:
                await upload.receive()
                parts += 1
        assert upload.refusal is not None
        assert 408 == upload.refusal.status
        return parts

    assert asyncio.run(within()) < 20


class Careless(Echo):
    """Takes a body that was refused for one that is over, and is content."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        try:
            while (await receive()).get("more_body"):
                pass
        except Exception:  # as frameworks do
            await answer(send, 500, b"{}")
        else:
            await answer(send, 200, b"{}")


def test_a_refused_upload_is_told_as_refused_whatever_the_program_says() -> None:
    with serving(Careless(), Rules(limits=LIMITS)) as here, here.connect() as sock:
        sock.sendall(chunked("/captures", *[b"a" * 10_000] * 11))
        assert read_until(sock, b"\r\n").startswith(b"HTTP/1.1 413 ")


def test_uploads_at_once_are_few() -> None:
    echo = Echo()
    limits = Limits(uploads=2, upload_quiet_s=20)
    with serving(echo, Rules(limits=limits)) as here:
        first, second = here.connect(), here.connect()
        with first, second:
            for sock in (first, second):
                before = echo.read_octets
                sock.sendall(chunked("/captures", b"a" * 100))
                until(lambda before=before: echo.read_octets >= before + 100)
            refused = here.ask("PUT", "/captures", b"a", content_type=JSON)
            assert 503 == refused.status
            assert "retry-after" in refused.headers
            first.sendall(b"0\r\n\r\n")
            read_until(first, b'"octets": 100')
            assert 200 == here.ask("PUT", "/captures", b"a", content_type=JSON).status


def test_a_sender_who_leaves_leaves_nothing_behind(here: Served) -> None:
    for path in ("/x", "/captures") * 3:
        with here.connect() as sock:
            sock.sendall(chunked(path, b"a" * 10))
    until(lambda: here.ask("PUT", "/captures", b"a", content_type=JSON).status == 200)
