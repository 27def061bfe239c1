"""What stands between a network and the pages: plain ASGI, whatever the program behind it is.

In this order: the shape of the head (`shapes`), the name that we are called by (`hosts`), the
method, whose page asks (`origins`), who asks (`gate`), how much and how many at once (`bodies`,
`flow`). All answers get the headers of `headers`. What happens before a head is whole, such as
slow ones and too many connections, is for `connections`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from portbook.faces.terminal import safe
from portbook.faces.web.guard import refusals
from portbook.faces.web.guard.asgi import ASGIApp, Message, Receive, Scope, Send
from portbook.faces.web.guard.flow import Flow
from portbook.faces.web.guard.gate import Gate
from portbook.faces.web.guard.headers import headed
from portbook.faces.web.guard.hosts import host, proxied
from portbook.faces.web.guard.origins import origin
from portbook.faces.web.guard.refusals import Refusal
from portbook.faces.web.guard.request import Request
from portbook.faces.web.guard.rules import Limits, Pages, Rules
from portbook.faces.web.guard.shapes import method, shape

__all__ = ["Guard", "Limits", "Pages", "Refusal", "Rules", "guarded"]
_CHECKS = (shape, host, proxied, method, origin)


def guarded(app: ASGIApp, rules: Rules, *, clock: Callable[[], float] = time.monotonic) -> Guard:
    """Return a program that asks another one only what the rules let through.

    clock: seconds, for how often somebody may be wrong
    """
    return Guard(app, rules, clock)


class Guard:
    """The program in front; `stop` ends the streams, so that a server can end."""

    def __init__(self, app: ASGIApp, rules: Rules, clock: Callable[[], float]) -> None:
        self._app, self._rules = app, rules
        self._flow = Flow(app, rules)
        self._gate = Gate(rules.credentials, rules, clock) if rules.credentials else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            request = Request(scope)
            send = headed(request, self._rules, send)
            if self._rules.log is None:
                await self._answer(request, receive, send)
            else:
                await self._logged(request, receive, send, self._rules.log)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def stop(self) -> None:
        """End all streams, and begin none any more."""
        self._flow.stop()

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        refusal = self._refused(request)
        if refusal is None and self._gate is not None:
            way = await self._gate.way(request, receive)
            if way is not None and not isinstance(way, Refusal):
                await way(request.scope, receive, send)
                return
            refusal = way
        if refusal is None:
            refusal = await self._flow.through(request, receive, send)
        if refusal is not None:
            await self._told(request, refusal)(request.scope, receive, send)

    def _refused(self, request: Request) -> Refusal | None:
        for check in _CHECKS:
            if refusal := check(request, self._rules):
                return refusal
        return None

    def _told(self, request: Request, refusal: Refusal) -> ASGIApp:
        pages = self._rules.pages
        if pages is None or request.path.startswith(refusals.API):
            return refusals.plain(request.path, refusal)
        return pages.refused(request.scope, refusal)

    async def _logged(
        self, request: Request, receive: Receive, send: Send, log: Callable[[str], None]
    ) -> None:
        began, status = time.monotonic(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._answer(request, receive, sending)
        finally:
            # neither query nor headers: what somebody searched for, and secrets, stay theirs
            took_ms = (time.monotonic() - began) * 1000
            log(f"{safe(request.method, 16)} {safe(request.path, 200)} {status} {took_ms:.1f} ms")
