"""The few shapes of ASGI 3.0 that the guard speaks of; any framework's program fits them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]


def answering(status: int, headers: Headers, body: bytes) -> ASGIApp:
    """Return a program that gives one answer."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        length = ((b"content-length", str(len(body)).encode()),)
        start = {"type": "http.response.start", "status": status, "headers": [*headers, *length]}
        await send(start)
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return answer
