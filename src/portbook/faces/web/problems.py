"""What goes wrong, told in one shape: problem+json for programs, a page for people (RFC 9457)."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from portbook.errors import SourceError, UsageError

_log = logging.getLogger("portbook.serve")


_FOR_PROGRAMS = {  # where Litestar says the phrase of the status alone
    "Not Found": "there is nothing at this address; /api/v1/openapi.json lists what there is",
    "Method Not Allowed": "this address takes other methods; the header Allow lists them",
}


def problem(status: int, detail: str) -> bytes:
    """Return a problem document; `type` is left at its default, about:blank."""
    told = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return msgspec.json.encode(told)


def _usage(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    return _told(request, 400, str(error))


def _source(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    return _told(request, 503, str(error))


def _http(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    assert isinstance(error, HTTPException)
    if error.status_code >= 500:
        return _fault(request, error)
    detail = error.detail
    if error.extra and isinstance(error.extra, list):  # of a query that does not fit
        detail += ": " + "; ".join(
            f"{one.get('key', '?')}: {one.get('message', '')}"
            for one in error.extra
            if isinstance(one, dict)
        )
    if request.url.path.startswith("/api/"):
        detail = _FOR_PROGRAMS.get(detail, detail)
    answer = _told(request, error.status_code, detail)
    for name in ("allow", "retry-after"):
        if error.headers and name in {key.lower() for key in error.headers}:
            answer.headers[name] = {k.lower(): v for k, v in error.headers.items()}[name]
    return answer


def _fault(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Tell a fault of ours: the reader learns that there is one, the log learns which."""
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _told(request, 500, "portbook could not make this page; its log says why")


def _told(request: Request[Any, Any, Any], status: int, detail: str) -> Response[Any]:
    if request.url.path.startswith("/api/"):
        return Response(
            problem(status, detail), status_code=status, media_type="application/problem+json"
        )
    from portbook.faces.web.rendering import render

    return render(request, "problem.html", status=status, kept_s=None, code=status, detail=detail)


HANDLERS: dict[int | type[Exception], Any] = {
    UsageError: _usage,
    SourceError: _source,
    HTTPException: _http,
    Exception: _fault,
}
