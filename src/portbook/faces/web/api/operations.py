"""How an operation of the API is declared: once, for routing, checking and describing alike.

A handler is a function of one `Call` with a decorator. The types that the decorator is given check
what comes in, refuse what nobody declared, and become the OpenAPI description.
"""

from __future__ import annotations

import inspect
import re
from asyncio import to_thread
from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler

from portbook.book.entries import clean
from portbook.faces.web.api.reading import Nothing, body, place, words
from portbook.faces.web.desk import Desk
from portbook.faces.web.kept import KEPT

ROOT = "/api/v1"
JSON = "application/json"
Place = TypeVar("Place", bound=msgspec.Struct)
Words = TypeVar("Words", bound=msgspec.Struct)
_NAMED = re.compile(r"\{(\w+)\}")


class Call(NamedTuple, Generic[Place, Words]):
    """One request, checked. place: what its path names; words: its query; body: as declared."""

    request: Request[Any, Any, Any]
    place: Place
    words: Words
    body: Any = None

    @property
    def desk(self) -> Desk:
        """Return what may be asked."""
        desk: Desk = self.request.app.state.desk
        return desk


class Answer(NamedTuple):
    """One answer that may come. told: the type of its body, None: it has none"""

    what: str
    told: Any = None
    media: str = JSON
    headers: Mapping[str, str] = {}
    example: Any = None


class Reply(NamedTuple):
    """What a handler answers when it is not simply 200 and a body. headers: beside the usual."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = {}


class Operation(NamedTuple):
    """All that is declared of an operation.

    problems: statuses of problems beside those that every operation has
    forms: media types of bodies that the handler reads itself, with the type of what they hold
    kept_s: for how long an answer may be kept while nothing changes; None: it is made each time
    """

    method: str
    path: str
    name: str
    summary: str
    description: str
    tag: str
    place: type[msgspec.Struct]
    words: type[msgspec.Struct]
    body: Any
    forms: Mapping[str, Any]
    answers: Mapping[int, Answer]
    problems: tuple[int, ...]
    kept_s: float | None


def operation(
    method: str,
    path: str,
    answers: Answer | Mapping[int, Answer],
    *,
    tag: str,
    place: type[msgspec.Struct] = Nothing,
    words: type[msgspec.Struct] = Nothing,
    body: Any = None,
    forms: Mapping[str, Any] = {},
    problems: tuple[int, ...] = (),
    kept_s: float | None = None,
) -> Callable[[Callable[[Any], Any]], HTTPRouteHandler]:
    """Make a function of a `Call` a handler; its docstring becomes summary and description.

    path: below /api/v1, with `{name}` for each field of `place`. A plain function runs in a thread
    of its own, an async one on the loop.
    """

    def declared(function: Callable[[Any], Any]) -> HTTPRouteHandler:
        summary, _, more = (inspect.getdoc(function) or "").partition("\n\n")
        told = Operation(
            method,
            ROOT + path,
            function.__name__,
            summary.rstrip("."),
            " ".join(more.split()),
            tag,
            place,
            words,
            body,
            forms,
            answers if isinstance(answers, Mapping) else {200: answers},
            problems,
            kept_s,
        )
        return _handler(told, function)

    return declared


def get(
    path: str, answer: Answer, *, kept_s: float | None = 2.0, **more: Any
) -> Callable[[Callable[[Any], Any]], HTTPRouteHandler]:
    """Make a function a handler that reads; what it answers may be kept for a moment."""
    return operation("GET", path, answer, kept_s=kept_s, **more)


def _handler(told: Operation, function: Callable[[Any], Any]) -> HTTPRouteHandler:
    asynchronous = inspect.iscoroutinefunction(function)

    # Threads are our own: Litestar wraps a plain handler once more for each other method of its
    # path, and then answers with a coroutine.
    async def made(request: Request[Any, Any, Any]) -> Response[Any]:
        call = _call(told, request, await body(told.body, request))
        given = await (function(call) if asynchronous else to_thread(function, call))
        return _answered(told, request, given)

    made.__name__ = made.__qualname__ = function.__name__
    return HTTPRouteHandler(
        _NAMED.sub(r"{\1:str}", told.path),
        http_method=told.method,  # type: ignore[arg-type]  # one of Litestar's literals
        status_code=200,  # what comes is a Response that tells its own
        include_in_schema=False,
        opt={"operation": told},
    )(made)


def _call(told: Operation, request: Request[Any, Any, Any], payload: Any) -> Call[Any, Any]:
    return Call(
        request,
        place(told.place, request.path_params),
        words(told.words, request.scope["query_string"]),
        payload,
    )


def _answered(told: Operation, request: Request[Any, Any, Any], given: Any) -> Response[Any]:
    if isinstance(given, Response):  # a stream
        return given
    reply = given if isinstance(given, Reply) else Reply(200, given)
    if told.kept_s is not None:
        request.scope["state"][KEPT] = told.kept_s
    headers = {"cache-control": "no-cache", "vary": "accept-encoding", **reply.headers}
    media = told.answers[reply.status].media
    content = None if told.answers[reply.status].told is None else encoded(reply.body)
    return Response(content, status_code=reply.status, media_type=media, headers=headers)


def encoded(value: Any) -> bytes:
    """Return JSON; what is no text, such as a file's name that is not UTF-8, becomes some."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return _encode(_cleaned(msgspec.to_builtins(value, enc_hook=_plain)))


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {_cleaned(name): _cleaned(one) for name, one in value.items()}
    return [_cleaned(one) for one in value] if isinstance(value, (list, tuple)) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):  # msgspec writes dict, but not every other mapping
        return dict(value)
    raise NotImplementedError(f"no JSON for {type(value).__name__}")


_encode = msgspec.json.Encoder(enc_hook=_plain).encode
