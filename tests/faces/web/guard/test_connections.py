"""What is done at the door: slow heads, stalled readers, too much ahead, too many at once."""

from __future__ import annotations

import socket
from contextlib import ExitStack, suppress

import pytest
from support.guarded import Echo, Served, guarded_by_token, serving, until, until_closed

from portbook.faces.web import running
from portbook.faces.web.guard import Limits, Rules
from portbook.faces.web.guard import connections as module
from portbook.faces.web.guard.connections import Connections

SLOW = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: "


@pytest.fixture(params=["httptools", "h11"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Serve by each of uvicorn's parsers."""
    if request.param == "h11":
        monkeypatch.setitem(running._PARSERS, True, running._PARSERS[False])
    else:
        pytest.importorskip("httptools")
    return str(request.param)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.02)


def slow_ones(here: Served, stack: ExitStack, many: int) -> list[socket.socket]:
    found = []
    for number in range(many):
        sock = stack.enter_context(here.connect())
        sock.sendall(SLOW[: number % len(SLOW)])
        found.append(sock)
    return found


def test_three_hundred_who_never_finish_a_head_keep_nobody_out(parser: str) -> None:
    """The classic of slow heads, with room for fewer than come."""
    with serving(rules=Rules(limits=Limits(connections=100))) as here, ExitStack() as stack:
        slow = slow_ones(here, stack, 300)
        for number in range(20):
            assert 200 == here.ask("GET", f"/{number}").status
            with suppress(OSError):
                slow[number - 1].sendall(b"a")  # the latest go on trickling
        assert len(here.running._connections) <= 100
        ended = sum(1 for sock in slow[:150] if until_closed(sock) == b"")
        assert 150 == ended


def test_a_head_that_takes_too_long_ends_and_so_does_a_connection_without_any(
    parser: str,
) -> None:
    with serving(rules=Rules(limits=Limits(head_s=0.2))) as here:
        for octets in (b"", SLOW, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + SLOW):
            with here.connect() as sock:
                sock.sendall(octets)
                came = until_closed(sock)
                assert came.count(b"HTTP/1.1 200") == octets.count(b"\r\n\r\n")
        assert 0 == len(here.running._connections)


def test_a_trickle_does_not_prolong_a_head(parser: str) -> None:
    with serving(rules=Rules(limits=Limits(head_s=0.3))) as here, here.connect() as sock:
        sock.sendall(SLOW)
        sock.settimeout(0.01)
        came: bytes | None = None
        for _ in range(2000):  # until the server has had enough
            with suppress(TimeoutError):
                try:
                    sock.sendall(b"x")
                    came = sock.recv(100)
                except (ConnectionResetError, BrokenPipeError):
                    came = b""
                break
        assert b"" == came


@pytest.mark.parametrize(
    "octets",
    [
        b"GET /" + b"a" * 100_000,
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 100_000,
        b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 20_000,
    ],
    ids=["target", "header", "headers"],
)
def test_a_head_without_end_is_not_kept(parser: str, octets: bytes) -> None:
    with serving() as here:
        came = here.raw(octets)
        assert came == b"" or came.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))
        assert came == b"" or b"content-security-policy" in came
        until(lambda: len(here.running._connections) == 0)
        assert 200 == here.ask("GET", "/").status


def test_what_is_sent_behind_a_stream_is_not_kept_either(parser: str) -> None:
    with serving() as here, here.connect() as sock:
        sock.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\nGET /")
        sock.setblocking(False)
        sent = 0
        with suppress(BlockingIOError, ConnectionError):  # it stops reading, or closes
            while sent < 100_000_000:
                sent += sock.send(b"a" * 65536)
        assert sent < 50_000_000


def test_requests_sent_ahead_wait_in_a_short_line() -> None:
    pytest.importorskip("httptools")
    echo = Echo()
    one = b"GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with serving(echo) as here:
        few = here.raw(b"".join(one % number for number in range(10)) + b"x\r\n\r\n")
        assert 10 >= few.count(b"HTTP/1.1 200")
        before = len(echo.asked)
        here.raw(b"".join(one % number for number in range(5000)))
        until(lambda: len(here.running._connections) == 0)
        assert len(echo.asked) - before < 5000


def test_a_few_requests_sent_ahead_are_answered_in_order(parser: str) -> None:
    one = b"GET /%d HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
    told = [one % (number, b"" if number < 7 else b"Connection: close\r\n") for number in range(8)]
    with serving() as here:
        came = here.raw(b"".join(told))

    assert [f'"path": "/{number}"'.encode() in came for number in range(8)] == [True] * 8
    places = [came.index(f'"path": "/{number}"'.encode()) for number in range(8)]
    assert sorted(places) == places


@pytest.mark.parametrize("path", ["/large", "/events"])
def test_a_reader_who_takes_nothing_is_let_go(parser: str, path: str) -> None:
    echo = Echo()
    with serving(echo, Rules(limits=Limits(stall_s=0.3))) as here, here.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        until(lambda: echo.asked)
        if path == "/large":
            until(lambda: len(here.running._connections) == 0)
        else:  # a stream that has nothing to say is no stalled reader
            came = b""
            while b": hello" not in came:
                came += sock.recv(65536)
            assert 200 == here.ask("GET", "/").status
            until(lambda: len(here.running._connections) == 1)


def test_a_refusal_gets_through_to_who_is_still_sending(parser: str) -> None:
    body = b"a" * 500_000
    head = (
        f"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with serving(rules=Rules(limits=Limits(head_s=0.3))) as here, here.connect() as sock:
        sock.sendall(head.encode())
        for at in range(0, len(body), 50_000):
            sock.sendall(body[at : at + 50_000])
        assert until_closed(sock).startswith(b"HTTP/1.1 413 ")


def test_who_sends_slow_bodies_makes_room_too() -> None:
    head = (
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n"
        b"Sec-Fetch-Site: same-origin\r\n\r\n"
    )
    rules = guarded_by_token(limits=Limits(connections=20))
    with serving(rules=rules) as here, ExitStack() as stack:
        for _ in range(30):
            sock = stack.enter_context(here.connect())
            sock.sendall(head)
        for number in range(5):
            assert 401 == here.ask("GET", f"/{number}").status


def test_viewers_are_not_sent_away_for_others() -> None:
    echo = Echo()
    with serving(echo, Rules(limits=Limits(connections=10))) as here, ExitStack() as stack:
        viewers = [stack.enter_context(here.connect()) for _ in range(5)]
        for sock in viewers:
            sock.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert echo.held.acquire(timeout=20)
        slow_ones(here, stack, 40)
        assert 200 == here.ask("GET", "/").status
        assert [] == echo.left


def test_when_all_are_being_answered_one_more_is_not_taken() -> None:
    echo = Echo()
    with serving(echo, Rules(limits=Limits(connections=3))) as here, ExitStack() as stack:
        for _ in range(3):
            sock = stack.enter_context(here.connect())
            sock.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert echo.held.acquire(timeout=20)
        assert b"" == here.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")


def test_one_address_has_a_part_of_the_room_only() -> None:
    table = Connections(Limits(connections=100, connections_an_address=2))
    table._count["10.0.0.5"] = 2

    assert not table.room("10.0.0.5")
    assert table.room("10.0.0.6")
    table._count["loopback"] = 50
    assert table.room("127.0.0.1")
