"""Whose page asks: ours, another one's, or a program.

Pages are the same for all readers and kept, so there is no token in a form. Instead a browser must
say that the request comes from a page of ours; it says so in Sec-Fetch-Site (W3C Fetch Metadata)
or Origin (RFC 6454), which no script can forge. A program says neither: it is known by a content
type that no form can send, or by its Authorization header.
"""

from __future__ import annotations

from portbook.faces.web.guard.refusals import Refusal
from portbook.faces.web.guard.request import Request
from portbook.faces.web.guard.rules import Rules

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
_PORTS = {"http": ":80", "https": ":443"}


def origin(request: Request, rules: Rules) -> Refusal | None:
    """Refuse what a page of somebody else makes a browser ask.

    Others may link to us: a navigation that only reads is let through. They may neither send
    anything nor embed, fetch or listen.
    """
    site = request.text(b"sec-fetch-site")
    if request.safe:
        mode = request.text(b"sec-fetch-mode")
        if site in (None, "same-origin", "none") or (
            request.method == "GET" and mode == "navigate"
        ):
            return None
        return _foreign()
    told = request.text(b"origin")
    if site is not None and site != "same-origin":
        return _foreign()
    if told is not None:
        return None if told.lower() in own(request) else _foreign()
    if site is not None or b"authorization" in request.headers:
        return None
    kind = (request.text(b"content-type") or "text/plain").partition(";")[0].strip().lower()
    if kind in _FORMS:
        return Refusal(
            "no-origin",
            403,
            "a form must come from a page of this server; a program sends application/json, "
            "application/octet-stream, or its token in the header Authorization",
        )
    return None


def own(request: Request) -> tuple[str, ...]:
    """Return the origin that a page of ours has, as browsers may write it."""
    scheme = "https" if request.secure else "http"
    host = (request.text(b"host") or "").lower()
    usual = _PORTS[scheme]
    if host.endswith(usual):
        return f"{scheme}://{host}", f"{scheme}://{host.removesuffix(usual)}"
    return (f"{scheme}://{host}",)


def _foreign() -> Refusal:
    return Refusal(
        "foreign-origin",
        403,
        "this was asked by a page of another server; open the page here and ask again",
    )
