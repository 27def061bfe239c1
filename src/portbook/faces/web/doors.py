"""What the guard has to say, as pages: the login form, and why something is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portbook.faces.languages import choose
from portbook.faces.web.guard.asgi import ASGIApp, Headers, Scope, answering
from portbook.faces.web.guard.refusals import Refusal
from portbook.faces.web.guard.rules import Pages
from portbook.faces.web.rendering import fill, wishes

if TYPE_CHECKING:
    from portbook.faces.web.desk import Desk

_HTML = (b"content-type", b"text/html; charset=utf-8")


def pages(desk: Desk) -> Pages:
    """Return the guard's pages, in the reader's language."""

    def login(scope: Scope, failed: bool) -> ASGIApp:
        return _answer(desk, scope, "login.html", 403 if failed else 200, (), failed=failed)

    def refused(scope: Scope, refusal: Refusal) -> ASGIApp:
        told = {"code": refusal.status, "detail": refusal.detail}
        return _answer(desk, scope, "refused.html", refusal.status, refusal.headers, **told)

    return Pages(login, refused)


def _answer(
    desk: Desk, scope: Scope, template: str, status: int, more: Headers, **context: object
) -> ASGIApp:
    language = choose(*wishes(scope, desk))
    query = scope.get("query_string", b"").decode("latin-1")
    body = fill(desk, language, template, scope["path"], query, **context)
    told = (_HTML, (b"content-language", language.tag.encode()), (b"cache-control", b"no-store"))
    return answering(status, (*told, *more), body)
