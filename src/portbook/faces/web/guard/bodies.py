"""Bodies: bounded in octets and in time, whether a length was told or not.

A small one is read whole before the program is asked, so that nobody holds a handler by sending
slowly. An upload goes through as it comes, counted, and must keep coming.
"""

from __future__ import annotations

import asyncio
import time

from portbook.errors import UsageError
from portbook.faces.web.guard.asgi import Message, Receive, Send
from portbook.faces.web.guard.refusals import Refusal
from portbook.faces.web.guard.request import Request
from portbook.faces.web.guard.rules import Limits

_CLOSE = ((b"connection", b"close"),)


class BodyError(UsageError):
    """A body that is too long, too slow, or cut: raised where the program reads it."""


def announced(request: Request, most: int) -> Refusal | None:
    """Refuse a body whose told length is beyond `most` octets."""
    told = request.headers.get(b"content-length", b"0").strip()
    if not told.isdigit() or len(told) > 18:
        return Refusal("bad-request", 400, "Content-Length is no number", _CLOSE)
    return too_long(most) if int(told) > most else None


def has_body(request: Request) -> bool:
    """Tell whether a body follows the head."""
    headers = request.headers
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip() != b"0"


def too_long(most: int) -> Refusal:
    """Return the refusal of a body beyond `most` octets."""
    return Refusal("body-too-long", 413, f"at most {most} octets are taken here")


async def whole(receive: Receive, limits: Limits) -> bytes | Refusal | None:
    """Return a small body, the refusal of one too long or too slow, None when the sender left."""
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_s):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return None
                body += message.get("body", b"")
                if len(body) > limits.body_octets:
                    return too_long(limits.body_octets)
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        return _too_slow()


def replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives a body that was read already, and then what comes."""
    waiting = [body]

    async def receiving() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()  # type: ignore[no-any-return]  # a message, by ASGI

    return receiving


class Upload:
    """Counts an upload that passes. When it is refused, its answer is `refusal`, whatever else
    the program says: `started` tells whether that can still be sent.
    """

    def __init__(self, receive: Receive, send: Send, limits: Limits) -> None:
        self._receive, self._send, self._limits = receive, send, limits
        self._octets, self._waited_s = 0, 0.0
        self.refusal: Refusal | None = None
        self.started = False

    async def receive(self) -> Message:
        """Give the next part; raises BodyError for what must not go on."""
        limits, began = self._limits, time.monotonic()
        try:
            async with asyncio.timeout(limits.upload_quiet_s):
                message: Message = await self._receive()
        except TimeoutError:
            raise self._refused(_too_slow()) from None
        # only the sender's time counts, not the program's own
        self._waited_s += time.monotonic() - began
        if message["type"] != "http.request":
            return message
        self._octets += len(message.get("body", b""))
        if self._octets > limits.upload_octets:
            raise self._refused(too_long(limits.upload_octets))
        late_s = self._waited_s - limits.upload_quiet_s
        if message.get("more_body") and self._octets < late_s * limits.upload_octets_a_s:
            raise self._refused(_too_slow())
        return message

    async def send(self, message: Message) -> None:
        """Pass an answer on, but for one to an upload that was refused."""
        if self.refusal is not None and not self.started:
            return
        self.started = True
        await self._send(message)

    def _refused(self, refusal: Refusal) -> BodyError:
        self.refusal = refusal
        return BodyError(refusal.detail)


def _too_slow() -> Refusal:
    return Refusal("too-slow", 408, "the body came too slowly; send it again", _CLOSE)
