"""How much goes on at once: requests, and readers of streams without an end."""

from __future__ import annotations

import http.client
import socket
from contextlib import ExitStack

from support.guarded import PATIENCE_S, Echo, Served, serving, until

from portbook.faces.web.guard import Limits, Rules


def watching(here: Served, stack: ExitStack) -> http.client.HTTPResponse:
    made = http.client.HTTPConnection(here.host, here.port, timeout=PATIENCE_S)
    stack.callback(made.close)
    made.request("GET", "/events")
    answer = made.getresponse()
    if answer.status == 200:
        assert b": hello\n" == answer.readline()
    return answer


def test_viewers_are_counted_and_one_too_many_is_told_so() -> None:
    echo = Echo()
    with serving(echo, Rules(limits=Limits(viewers=20))) as here, ExitStack() as stack:
        viewers = [watching(here, stack) for _ in range(20)]
        refused = watching(here, stack)
        assert 503 == refused.status
        assert refused.headers["retry-after"]
        assert b"viewers" in refused.read()
        assert 200 == here.ask("GET", "/1743").status
        viewers[0].close()
        stack.pop_all().close()
        until(lambda: len(echo.left) == 20)
        with ExitStack() as anew:
            assert 200 == watching(here, anew).status


def test_streams_end_properly_when_the_server_ends() -> None:
    echo = Echo()
    with ExitStack() as stack:
        with serving(echo) as here:
            viewers = [watching(here, stack) for _ in range(10)]
        # ended by a last chunk: `read` would raise IncompleteRead where it was cut
        assert [b"\n"] * 10 == [one.read() for one in viewers]
    assert 10 == len(echo.left)


def test_no_stream_begins_once_the_end_has_come() -> None:
    echo = Echo()
    with serving(echo) as here:
        here.running._guard.stop()
        assert 503 == here.ask("GET", "/events").status
        assert 200 == here.ask("GET", "/1743").status
    assert ("GET", "/events") not in echo.asked


def test_requests_at_once_are_bounded_and_those_in_progress_are_answered() -> None:
    echo = Echo()
    with serving(echo, Rules(limits=Limits(requests=3))) as here, ExitStack() as stack:
        held = [stack.enter_context(here.connect()) for _ in range(3)]
        for sock in held:
            sock.sendall(b"GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert echo.held.acquire(timeout=PATIENCE_S)
        refused = here.ask("GET", "/1743")
        assert 503 == refused.status
        assert "retry-after" in refused.headers
        echo.release.set()
        for sock in held:
            assert sock.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 200"
        until(lambda: here.ask("GET", "/1743").status == 200)
