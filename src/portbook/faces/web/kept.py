"""Pages kept until something changes: an ASGI middleware in front of the program.

A page is kept when the handler says so (`KEPT` in the scope's state), by address,
language and encoding, for as long as nothing changed and at most as long as it said. It stands
behind the guard: who may not read gets nothing kept either.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from portbook.faces.web.guard.asgi import ASGIApp, Scope

Message = MutableMapping[str, Any]

KEPT = "portbook.kept_s"  # in the scope's state: for how long the answer may be kept
SELF = "portbook.kept"  # there too: the keeper itself, for those who tell how much is kept
MOST_PAGES = 4096
MOST_OCTETS = 64 << 20
_WORTH_PACKING = 1024  # octets; smaller ones grow


class Counts(msgspec.Struct, frozen=True):
    """How much is kept, and what that was good for.

    made: answers that might be kept; answered: those that were not made anew
    """

    pages: int = 0
    octets: int = 0
    made: int = 0
    answered: int = 0


class _Page(NamedTuple):
    version: int
    until: float
    etag: bytes
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Kept:
    """The middleware. version: what rises when something changed; tag: the reader's language."""

    def __init__(
        self, app: ASGIApp, version: Callable[[], int], tag: Callable[[Scope], str]
    ) -> None:
        self._app, self._version, self._tag = app, version, tag
        self._pages: OrderedDict[tuple[Any, ...], _Page] = OrderedDict()
        self._making: dict[tuple[Any, ...], asyncio.Event] = {}
        self._octets = self._made_so_far = self._answered = 0

    @property
    def counts(self) -> Counts:
        """Return how much is kept now, and how much was made since the start."""
        return Counts(len(self._pages), self._octets, self._made_so_far, self._answered)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer from what is kept, or let the program answer and keep that."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD" and not scope["path"].endswith("/events"):
            scope = {**scope, "method": "GET"}  # the server leaves the body away (RFC 9110, 9.3.2)
        headers = dict(scope["headers"])
        packed = b"gzip" in headers.get(b"accept-encoding", b"")
        key = (scope["method"], scope["raw_path"], scope["query_string"], self._tag(scope), packed)
        while (page := self._fresh(key)) is None and (making := self._making.get(key)):
            await making.wait()
        if page is None:
            page = await self._made_once(scope, receive, send, key, packed)
        else:
            self._answered += 1
        if page is not None:
            await _answer(page, headers.get(b"if-none-match"), send)

    def _fresh(self, key: tuple[Any, ...]) -> _Page | None:
        page = self._pages.get(key)
        if page is None or page.version != self._version() or time.monotonic() > page.until:
            return None
        return page

    async def _made_once(
        self, scope: Scope, receive: Any, send: Any, key: tuple[Any, ...], packed: bool
    ) -> _Page | None:
        """Let all who want a page that grew old wait for one making of it.

        Only what was kept before is waited for: a stream of events would have no end.
        """
        version = self._version()
        if key not in self._pages:
            return await self._made(scope, receive, send, key, packed, version)
        making = self._making[key] = asyncio.Event()
        try:
            return await self._made(scope, receive, send, key, packed, version)
        finally:
            del self._making[key]
            making.set()

    async def _made(
        self,
        scope: Scope,
        receive: Any,
        send: Any,
        key: tuple[Any, ...],
        packed: bool,
        version: int,
    ) -> _Page | None:
        """Let the program answer; return the page when it is to be kept, None when it was sent."""
        state = scope.setdefault("state", {})
        state[SELF] = self
        start: Message | None = None
        parts: list[bytes] = []

        async def taken(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and KEPT in state:
                start = message
            elif start is not None and message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
            else:
                await send(message)

        await self._app(scope, receive, taken)
        if start is None:
            return None
        self._made_so_far += 1
        made = _page(start, b"".join(parts), packed, version, state[KEPT])
        self._keep(key, made)
        return made

    def _keep(self, key: tuple[Any, ...], page: _Page) -> None:
        if page.status != 200:
            return
        if (old := self._pages.pop(key, None)) is not None:
            self._octets -= len(old.body)
        self._pages[key] = page
        self._octets += len(page.body)
        while self._octets > MOST_OCTETS or len(self._pages) > MOST_PAGES:
            _, gone = self._pages.popitem(last=False)
            self._octets -= len(gone.body)


def _page(start: Message, body: bytes, packed: bool, version: int, kept_s: float) -> _Page:
    """Complete an answer: packed where that helps, with its length and its mark."""
    left = (b"content-length", b"etag", b"content-encoding")
    headers = [(name, value) for name, value in start["headers"] if name not in left]
    etag = b'"' + hashlib.blake2b(body, digest_size=12).hexdigest().encode()
    if packed and len(body) >= _WORTH_PACKING:
        body, etag = gzip.compress(body, 5, mtime=0), etag + b"-gz"
        headers.append((b"content-encoding", b"gzip"))
    etag += b'"'
    headers += [(b"content-length", str(len(body)).encode()), (b"etag", etag)]
    return _Page(version, time.monotonic() + kept_s, etag, start["status"], headers, body)


async def _answer(page: _Page, known: bytes | None, send: Any) -> None:
    if known is not None and page.status == 200 and page.etag in known:
        headers = [
            one for one in page.headers if one[0] not in (b"content-length", b"content-type")
        ]
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return
    await send({"type": "http.response.start", "status": page.status, "headers": page.headers})
    await send({"type": "http.response.body", "body": page.body, "more_body": False})
