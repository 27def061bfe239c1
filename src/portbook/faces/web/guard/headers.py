"""Headers of every answer, whoever gave it: what a page may do, and who may embed it."""

from __future__ import annotations

from portbook.faces.web.guard.asgi import Headers, Message, Send
from portbook.faces.web.guard.hosts import named
from portbook.faces.web.guard.request import Request
from portbook.faces.web.guard.rules import LOOPBACK_NAMES, Rules

POLICY = (
    b"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY: Headers = (
    (b"content-security-policy", POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Not `no-referrer`: under that, browsers call the origin of our own forms "null".
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"permissions-policy",
        b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
)
# A month. All programs on a host share it, so it is not asked for longer.
STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=2592000")
_OURS = frozenset(name for name, _ in (*SECURITY, STRICT_TRANSPORT))
# What somebody had to log in for is neither shared by proxies nor shown after logging out.
_PRIVATE = (b"cache-control", b"private, no-cache")


def headed(request: Request, rules: Rules, send: Send) -> Send:
    """Return a `send` that adds the headers; those of the same names from within are dropped."""
    added = list(SECURITY)
    if rules.strict_transport and request.secure and _has_name(request):
        added.append(STRICT_TRANSPORT)
    guarded = rules.credentials is not None

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [one for one in message.get("headers", ()) if one[0].lower() not in _OURS]
            if guarded and not any(name.lower() == b"cache-control" for name, _ in kept):
                kept.append(_PRIVATE)
            message = {**message, "headers": kept + added}
        await send(message)

    return sending


def _has_name(request: Request) -> bool:
    """Tell whether we were called by a name that is not every machine's own."""
    return named(request.text(b"host") or "") not in (None, *LOOPBACK_NAMES)
