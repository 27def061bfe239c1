"""What the guard refuses, in one shape: problem+json for programs, a page for people (RFC 9457)."""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from typing import NamedTuple

import msgspec

from portbook.faces.web.guard.asgi import ASGIApp, Headers, answering

API = "/api/"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/static/style.css"></head>
<body><main><h1>{title}</h1><p>{detail}</p></main></body></html>
"""


class Refusal(NamedTuple):
    """One answer of the guard that is a no.

    code: stable, for those who word it in another language; detail: what, where, what next
    """

    code: str
    status: int
    detail: str
    headers: Headers = ()

    @property
    def title(self) -> str:
        """Return the phrase of the status."""
        return HTTPStatus(self.status).phrase


def plain(path: str, refusal: Refusal) -> ASGIApp:
    """Return a program that tells a refusal: a problem document below /api/, a bare page else."""
    if path.startswith(API):
        told = {"title": refusal.title, "status": refusal.status, "detail": refusal.detail}
        kind, body = b"application/problem+json", msgspec.json.encode(told)
    else:
        kind = b"text/html; charset=utf-8"
        body = page(refusal.title, escape(refusal.detail))
    return answering(refusal.status, ((b"content-type", kind), *refusal.headers), body)


def page(title: str, inside: str) -> bytes:
    """Return a bare page. inside: markup, escaped by who made it"""
    return _PAGE.format(title=escape(title), detail=inside).encode()
