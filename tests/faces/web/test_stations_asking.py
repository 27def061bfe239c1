"""Asking for a status: whatever answers, the question ends soon and says why it found nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from portbook.daemons.configuration.places import Endpoint
from portbook.faces.web import stations_asking
from portbook.faces.web.stations_asking import Unanswered
from portbook.faces.web.stations_records import Trouble

OK = b"HTTP/1.1 200 OK\r\n"
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def asked(answer: Answer, limit_s: float = 5.0) -> bytes:
    """Return what comes of asking a server that answers so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET /status HTTP/1.1\r\n")
            await answer(writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def play() -> bytes:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await stations_asking.status(Endpoint("127.0.0.1", port), limit_s)

    return asyncio.run(play())


def saying(*parts: bytes) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()

    return answer


def test_a_whole_answer_is_returned() -> None:
    assert b"{}" == asked(saying(OK + b"Content-Length: 2\r\n\r\n", b"{", b"}"))


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        OK + b"\r\n{}",
        OK + b"Content-Length: -2\r\n\r\n{}",
        OK + b"Content-Length: 2, 2\r\n\r\n{}",
        OK + b"Content-Length: \xb2\r\n\r\n{}",
        OK + b"Content-Length: 99999999999999999999\r\n\r\n{}",
        OK + b"Content-Length: %d\r\n\r\n" % (stations_asking.LARGEST_OCTETS + 1),
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        OK + b"Content-Length: 9\r\n\r\n{}",
        OK + b"X: " + b"x" * (stations_asking.LARGEST_HEAD + 9) + b"\r\n\r\n",
        b"HTTP/1.1 abc\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\n<br>",
        b"HTTP/1.1 500 Oh\r\nContent-Length: 8\r\n\r\n" + b"[" * 8,
        b"HTTP/1.1 500 Oh\r\nContent-Length: 9000\r\n\r\n" + b"[" * 9000,
    ],
)
def test_what_is_no_receiver_is_called_foreign(octets: bytes) -> None:
    with pytest.raises(Unanswered) as caught:
        asked(saying(octets))

    assert Trouble.FOREIGN is caught.value.problem.trouble


def test_a_receiver_that_declines_is_quoted() -> None:
    body = b'{"title":"Forbidden","status":403,"detail":"Host has to be localhost"}'
    with pytest.raises(Unanswered) as caught:
        asked(saying(b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n" % len(body), body))

    assert (Trouble.DECLINED, "Host has to be localhost") == (
        caught.value.problem.trouble,
        caught.value.problem.detail,
    )


def test_an_answer_in_drips_is_given_up() -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: 1000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    with pytest.raises(Unanswered) as caught:
        asked(drip, limit_s=0.2)

    assert Trouble.SLOW is caught.value.problem.trouble
