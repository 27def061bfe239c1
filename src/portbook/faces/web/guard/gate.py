"""Who may come in: by a session that a form opened, or by a token in the header Authorization.

Before that nothing is to be had but the form itself, and our own style sheets and scripts.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from html import escape
from urllib.parse import parse_qs, quote

from portbook.addresses import Scope, scope_of
from portbook.faces.web.guard import asgi, refusals
from portbook.faces.web.guard.asgi import ASGIApp, Receive, answering
from portbook.faces.web.guard.attempts import Attempts
from portbook.faces.web.guard.bodies import whole
from portbook.faces.web.guard.credentials import SESSION_S, Credentials
from portbook.faces.web.guard.refusals import API, Refusal
from portbook.faces.web.guard.request import Request
from portbook.faces.web.guard.rules import Rules

LOGIN, LOGOUT = "/login", "/logout"
FIELD = "secret"
_OPEN = re.compile(r"/static(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+\Z")
_HERE = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,2000}\Z")
_MOST_COOKIES = 8  # of our name: others on this host may have set some


class Gate:
    """Lets in, sends to the form, or refuses."""

    def __init__(
        self, credentials: Credentials, rules: Rules, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._credentials, self._rules = credentials, rules
        self._people = Attempts(tries=5, every_s=30.0, everybody=50, clock=clock)
        # A program with an old token asks again and again: that must not lock its neighbours out.
        self._programs = Attempts(tries=60, every_s=1.0, everybody=600, clock=clock)

    async def way(self, request: Request, receive: Receive) -> ASGIApp | Refusal | None:
        """Return None to let in, else what answers instead."""
        if request.path == LOGIN:
            return await self._login(request, receive)
        if request.path == LOGOUT and not request.safe:
            return self._logout(request)
        if request.method in ("GET", "HEAD") and _OPEN.match(request.path):
            return None
        if b"authorization" in request.headers:
            return self._program(request)
        if self._session(request) is not None:
            return None
        return self._outside(request)

    def _program(self, request: Request) -> Refusal | None:
        if self._bare(request):
            return _plain_http()
        if wait_s := self._programs.wait_s(request.address):
            return _too_often(wait_s)
        scheme, _, told = request.headers[b"authorization"].partition(b" ")
        if scheme.lower() == b"bearer" and self._credentials.token(told.strip()):
            return None
        self._programs.failed(request.address)
        return _unknown("the token is not known here", b', error="invalid_token"')

    async def _login(self, request: Request, receive: Receive) -> ASGIApp | Refusal:
        if self._bare(request):
            return _plain_http()
        if request.method in ("GET", "HEAD"):
            if self._session(request) is not None:
                return _see(_next(request))
            return self._form(request, False)
        if request.method != "POST":
            return Refusal("method", 405, "log in by POST", ((b"allow", b"GET, HEAD, POST"),))
        body = await whole(receive, self._rules.limits)
        if not isinstance(body, bytes):
            return body or Refusal("gone", 400, "the body was cut")
        if wait_s := self._people.wait_s(request.address):
            return _too_often(wait_s)
        if self._credentials.login(_secret(body)):
            return self._welcome(request)
        self._people.failed(request.address)
        return self._form(request, True)

    def _welcome(self, request: Request) -> ASGIApp:
        cookie = f"{self._name(request)}={self._credentials.session()}; Max-Age={SESSION_S}"
        return _see(_next(request), _cookie(cookie, request))

    def _logout(self, request: Request) -> ASGIApp:
        session = self._session(request)
        if session is not None:
            self._credentials.end(session)
        return _see(LOGIN, _cookie(f"{self._name(request)}=; Max-Age=0", request))

    def _session(self, request: Request) -> bytes | None:
        """Return the session that a request bears and that is good."""
        name = self._name(request).encode() + b"="
        told = [part.strip() for part in request.headers.get(b"cookie", b"").split(b";")]
        ours = [part.removeprefix(name) for part in told if part.startswith(name)]
        return next(filter(self._credentials.good, ours[:_MOST_COOKIES]), None)

    def _name(self, request: Request) -> str:
        # RFC 6265bis, 4.1.3.2: no other host and no plain HTTP can have set one of this name
        return f"__Host-{self._rules.cookie}" if request.secure else self._rules.cookie

    def _outside(self, request: Request) -> ASGIApp | Refusal:
        reads = request.method in ("GET", "HEAD") and not request.path.startswith(API)
        if reads and b"text/html" in request.headers.get(b"accept", b""):
            query = request.scope.get("query_string", b"").decode("latin-1")
            here = quote(request.path) + (f"?{query}" if query else "")
            return _see(LOGIN + (f"?next={quote(here, safe='')}" if here != "/" else ""))
        return _unknown("log in first; a program sends its token: `Authorization: Bearer TOKEN`")

    def _form(self, request: Request, failed: bool) -> ASGIApp:
        pages = self._rules.pages
        return pages.login(request.scope, failed) if pages else plain_form(request.scope, failed)

    def _bare(self, request: Request) -> bool:
        """Tell whether a secret would have crossed a network for all to read."""
        if request.secure or self._rules.plain:
            return False
        forwarded = request.text(b"x-forwarded-proto") if self._rules.behind_proxy else None
        return forwarded is not None or scope_of(request.address or "?") is not Scope.LOOPBACK


def plain_form(scope: asgi.Scope, failed: bool) -> ASGIApp:
    """Return a bare page with the form, for where nobody made a better one."""
    said = "<p role=alert>That was not right.</p>" if failed else ""
    form = (
        f'{said}<form method="post"><label>Token or password '
        f'<input type="password" name="{escape(FIELD)}" autocomplete="current-password" required '
        "autofocus></label> <button>Log in</button></form>"
    )
    kind = ((b"content-type", b"text/html; charset=utf-8"), (b"cache-control", b"no-store"))
    return answering(403 if failed else 200, kind, refusals.page("Log in", form))


def _secret(body: bytes) -> bytes:
    """Return what a form sent as the secret; b"", which nobody has, when it sent none."""
    try:
        told = parse_qs(body.decode("ascii"), max_num_fields=8, errors="strict")
        return told.get(FIELD, [""])[0].strip().encode()
    except ValueError:  # also what is no UTF-8
        return b""


def _next(request: Request) -> str:
    """Return where to go after the form: an address of ours, whatever the query says."""
    query = request.scope.get("query_string", b"").decode("latin-1")
    try:
        told = parse_qs(query, max_num_fields=8).get("next", ["/"])[0]
    except ValueError:
        return "/"
    return told if _HERE.match(told) and not told.startswith((LOGIN, LOGOUT)) else "/"


def _see(where: str, *headers: tuple[bytes, bytes]) -> ASGIApp:
    location = (b"location", where.encode("ascii"))
    return answering(303, (location, (b"cache-control", b"no-store"), *headers), b"")


def _cookie(told: str, request: Request) -> tuple[bytes, bytes]:
    secure = "; Secure" if request.secure else ""
    return b"set-cookie", f"{told}; Path=/; HttpOnly; SameSite=Strict{secure}".encode("ascii")


def _unknown(why: str, more: bytes = b"") -> Refusal:
    asks = (b"www-authenticate", b'Bearer realm="portbook"' + more)
    return Refusal("not-logged-in", 401, why, (asks, (b"cache-control", b"no-store")))


def _too_often(wait_s: int) -> Refusal:
    return Refusal(
        "too-often",
        429,
        f"too many wrong attempts; try again in {wait_s} s",
        ((b"retry-after", str(wait_s).encode()),),
    )


def _plain_http() -> Refusal:
    return Refusal(
        "plain-http",
        403,
        "a secret is not taken over plain HTTP; come by https, and let the proxy say "
        "X-Forwarded-Proto: https",
    )
