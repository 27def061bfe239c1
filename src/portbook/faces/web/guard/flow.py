"""How much goes on at once: requests, uploads, and readers of streams without an end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from portbook.faces.web.guard.asgi import ASGIApp, Message, Receive, Send
from portbook.faces.web.guard.bodies import (
    BodyError,
    Upload,
    announced,
    has_body,
    replayed,
    whole,
)
from portbook.faces.web.guard.refusals import Refusal
from portbook.faces.web.guard.request import Request
from portbook.faces.web.guard.rules import Rules

LAST_WORD_S = 1.0  # for a reader to take the end of a stream when the server ends


class Flow:
    """Lets requests through to a program, as many as there is room for."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app, self._rules = app, rules
        self._requests = self._uploads = 0
        self._viewers: set[asyncio.Task[Any]] = set()
        self._stopped = False

    async def through(self, request: Request, receive: Receive, send: Send) -> Refusal | None:
        """Ask the program, or return why not; None: it has answered."""
        path, rules = request.path, self._rules
        if path in rules.streams:
            return await self._stream(request, receive, send)
        if path in rules.uploads and request.method in ("POST", "PUT"):
            return await self._upload(request, receive, send)
        if has_body(request):
            body = announced(request, rules.limits.body_octets) or await whole(
                receive, rules.limits
            )
            if isinstance(body, Refusal):
                return body
            if body is None:
                return Refusal("gone", 400, "the body was cut")
            receive = replayed(body, receive)
        if self._requests >= rules.limits.requests:
            return _busy("requests")
        self._requests += 1
        try:
            await self._app(request.scope, receive, send)
        finally:
            self._requests -= 1
        return None

    def stop(self) -> None:
        """End all streams, and begin none any more."""
        self._stopped = True
        for task in self._viewers:
            task.cancel()

    async def _upload(self, request: Request, receive: Receive, send: Send) -> Refusal | None:
        limits = self._rules.limits
        if refusal := announced(request, limits.upload_octets):
            return refusal
        if self._uploads >= limits.uploads:
            return _busy("uploads")
        upload = Upload(receive, send, limits)
        self._uploads += 1
        try:
            await self._app(request.scope, upload.receive, upload.send)
        except BodyError:
            if upload.started:
                raise
        finally:
            self._uploads -= 1
        return None if upload.started else upload.refusal

    async def _stream(self, request: Request, receive: Receive, send: Send) -> Refusal | None:
        task = asyncio.current_task()
        assert task is not None
        if self._stopped:
            return Refusal("stopping", 503, "this server is ending")
        if len(self._viewers) >= self._rules.limits.viewers:
            return _busy("viewers of what happens")
        ending = _Ending(send)
        self._viewers.add(task)
        try:
            await self._app(request.scope, receive, ending.send)
        except asyncio.CancelledError:
            if not self._stopped:
                raise
            task.uncancel()
            return await ending.end()
        finally:
            self._viewers.discard(task)
        return None


class _Ending:
    """Remembers how far an answer got, so that it can be ended properly."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._started = self._complete = False

    async def send(self, message: Message) -> None:
        self._started = True
        self._complete = message["type"] == "http.response.body" and not message.get("more_body")
        await self._send(message)

    async def end(self) -> Refusal | None:
        if not self._started:
            return Refusal("stopping", 503, "this server is ending")
        if not self._complete:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORD_S):
                    await self._send({"type": "http.response.body", "body": b""})
        return None


def _busy(what: str) -> Refusal:
    return Refusal(
        "busy",
        503,
        f"as many {what} as there is room for; try again in a moment",
        ((b"retry-after", b"5"),),
    )
