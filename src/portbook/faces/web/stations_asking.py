"""Asks a receiver for its status over HTTP, without holding up the loop, within bounds.

Source: RFC 9112 (HTTP/1.1). What answers may be anything: heads and bodies have a largest size, and
all of it has one limit of time, so that an answer in drips is given up too.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from portbook.daemons.configuration.places import Endpoint
from portbook.faces.web.stations_records import Problem, Trouble

LARGEST_HEAD = 16 << 10
LARGEST_OCTETS = 32 << 20  # 4096 units with all their streams and holes
LIMIT_S = 5.0
_LETTERS = 300
_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class Unanswered(Exception):  # noqa: N818 - an outcome, and told on a page
    """The receiver did not tell; problem: why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail or problem.trouble)
        self.problem = problem


async def status(place: Endpoint, limit_s: float = LIMIT_S) -> bytes:
    """Return the body of the answer to GET /status; raises Unanswered."""
    where = str(place)
    try:
        async with asyncio.timeout(limit_s):
            return await _asked(place, where)
    except TimeoutError:
        raise Unanswered(Problem(Trouble.SLOW, where)) from None
    except ConnectionRefusedError:
        raise Unanswered(Problem(Trouble.REFUSED, where)) from None
    except OSError as error:
        detail = error.strerror or type(error).__name__
        raise Unanswered(Problem(Trouble.FAILED, where, detail)) from None


async def _asked(place: Endpoint, where: str) -> bytes:
    host = _HERE.get(place.address, place.address)
    reader, writer = await asyncio.open_connection(host, place.port, limit=LARGEST_HEAD)
    try:
        named = f"[{host}]" if ":" in host else host
        writer.write(
            f"GET /status HTTP/1.1\r\nHost: {named}:{place.port}\r\nConnection: close\r\n"
            "Accept: application/json\r\n\r\n".encode("ascii")
        )
        await writer.drain()
        code, length = _head(await reader.readuntil(b"\r\n\r\n"), where)
        body = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise Unanswered(Problem(Trouble.FOREIGN, where)) from None
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    if code != 200:
        raise Unanswered(_declined(body, where))
    return body


def _head(octets: bytes, where: str) -> tuple[int, int]:
    """Return the code of an answer and the octets of its body; raises Unanswered."""
    first, *fields = octets[:-4].decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    told = {
        name.strip().lower(): value.strip()
        for name, colon, value in (one.partition(":") for one in fields)
        if colon
    }
    length = told.get("content-length", "")
    fine = len(words) >= 2 and words[0].startswith("HTTP/1.") and words[1].isdecimal()
    whole = length.isascii() and length.isdecimal() and len(length) < 10
    if not fine or not whole or int(length) > LARGEST_OCTETS or "transfer-encoding" in told:
        raise Unanswered(Problem(Trouble.FOREIGN, where))
    return int(words[1][:4]), int(length)


def _declined(body: bytes, where: str) -> Problem:
    """Return what a receiver says when it does not tell: its errors have a detail."""
    try:
        told = json.loads(body[:LARGEST_HEAD])
    except (ValueError, RecursionError):
        told = None
    detail = told.get("detail") if isinstance(told, dict) else None
    if not isinstance(detail, str):
        return Problem(Trouble.FOREIGN, where)
    return Problem(Trouble.DECLINED, where, detail[:_LETTERS])
