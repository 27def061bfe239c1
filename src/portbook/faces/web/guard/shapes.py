"""Heads that are no good: too long, ambiguous, or a path that tries to climb."""

from __future__ import annotations

import re

from portbook.faces.web.guard.refusals import Refusal
from portbook.faces.web.guard.request import Request
from portbook.faces.web.guard.rules import Rules

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
READING_ONLY = frozenset({"/login", "/logout", "/language"})  # what one may send even then
# A second one of these means another request to another reader of it (RFC 9112, 3.2 and 6.3).
_ONCE = frozenset({b"host", b"content-length", b"transfer-encoding", b"authorization", b"origin"})
_STEERING = re.compile(r"[\x00-\x1f\x7f\\]")


def shape(request: Request, rules: Rules) -> Refusal | None:
    """Refuse a head that is too long, says two things at once, or has a path that climbs."""
    return _size(request, rules) or _ambiguous(request) or _path(request.path)


def method(request: Request, rules: Rules) -> Refusal | None:
    """Refuse a method that nothing here knows, and those that write where only reading is."""
    if request.method not in METHODS:
        allow = ((b"allow", ", ".join(METHODS).encode()),)
        return Refusal("method", 405, "nothing here knows that method", allow)
    if rules.readonly and not request.safe and request.path not in READING_ONLY:
        return Refusal("readonly", 403, "this book is served for reading only (--readonly)")
    return None


def _size(request: Request, rules: Rules) -> Refusal | None:
    limits, scope = rules.limits, request.scope
    raw = scope.get("raw_path") or request.path.encode("utf-8", "surrogateescape")
    target = len(raw) + len(scope.get("query_string", b""))
    if target > limits.target_octets:
        return Refusal(
            "address-too-long", 414, f"an address has at most {limits.target_octets} octets here"
        )
    headers = scope["headers"]
    octets = sum(len(name) + len(value) for name, value in headers)
    if len(headers) > limits.headers or octets > limits.header_octets:
        return Refusal(
            "head-too-long",
            431,
            f"at most {limits.headers} headers of {limits.header_octets} octets in all; "
            "too many cookies of other programs on this host may be the reason",
        )
    return None


def _ambiguous(request: Request) -> Refusal | None:
    if request.scope.get("http_version", "1.1") not in ("1.0", "1.1"):
        return _bad("HTTP/1.1 is spoken here")
    twice = sorted(_ONCE & request.repeated)
    if twice:
        return _bad(f"the header {twice[0].decode()} comes more than once")
    if b"content-length" in request.headers and b"transfer-encoding" in request.headers:
        return _bad("a body has a length or comes in chunks, not both")
    if request.method in ("GET", "HEAD") and (
        b"transfer-encoding" in request.headers
        or request.headers.get(b"content-length", b"0").strip(b" 0")
    ):
        return _bad(f"a {request.method} has no body here")
    return None


def _path(path: str) -> Refusal | None:
    if not path.startswith("/"):
        return _bad("an address starts with a slash")
    if _STEERING.search(path):
        return _bad("an address has neither control characters nor backslashes")
    if any(part in (".", "..") for part in path.split("/")) or "//" in path:
        return _bad("an address has neither `.` nor `..` nor empty parts")
    return None


def _bad(why: str) -> Refusal:
    # What follows on the connection may be anything: it is closed.
    return Refusal("bad-request", 400, why, ((b"connection", b"close"),))
