"""The OpenAPI 3.1 description, made of what operations declare; nothing is written twice.

Source: OpenAPI Specification 3.1.1; its schemas are JSON Schema 2020-12, as msgspec writes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from portbook import __version__
from portbook.faces.web.api.events import EVENTS
from portbook.faces.web.api.operations import JSON, Answer, Operation
from portbook.faces.web.api.reading import Nothing

PROBLEM = "application/problem+json"
_REFERENCE = "#/components/schemas/{name}"


class Problem(msgspec.Struct, frozen=True):
    """What is wrong (RFC 9457); its `type` is about:blank, as long as it is not told."""

    title: Annotated[str, Meta(description="The phrase of the status.", examples=["Bad Request"])]
    status: Annotated[int, Meta(ge=400, le=599, examples=[400])]
    detail: Annotated[
        str,
        Meta(
            description="What is wrong, and what to do next.",
            examples=["the query: no word 'prot'; known: text, host, port"],
        ),
    ]


_PROBLEMS = {
    400: "Something in the request cannot be; the detail names the word.",
    401: "A token is needed: Authorization: Bearer.",
    403: "Refused: by the origin of the request, or since the book is served for reading only.",
    404: "There is no such thing here.",
    408: "The body came too slowly.",
    409: "It cannot be as things stand.",
    413: "The body is larger than what is taken.",
    415: "The body is of a type that is not taken here.",
    421: "The server is not called by this name.",
    429: "Too many wrong tokens; Retry-After tells when to come again.",
    431: "The head of the request is too large.",
    500: "A fault of portbook; its log says more.",
    503: "The book, or what is behind it, cannot be read now; or too much goes on.",
}
_ALWAYS = (400, 401, 403, 421, 429, 431, 500, 503)
_TAGS = {
    "ports": "What is said of a port, and what is there.",
    "lists": "What was seen on the network and on this machine, filtered and page by page.",
    "captures": "Captures that were read, interfaces that are listened to.",
    "knowledge": "Rules, protocols, and whether a port may be used.",
    "stations": "What a REF TEK receiver tells of its recorders.",
    "book": "The book itself: what changed, what readers said, how it does.",
}
_DESCRIPTION = """\
What is really on this port, and should it be? Claims, evidence and findings, as portbook's pages \
show them. Records are those of the output contract (docs/output.md), docs/api.md tells the rest. \
A query has no words but those that are listed here. The contract grows: clients leave aside what \
they do not know."""


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the description of operations."""
    told = sorted(operations, key=lambda one: (one.path, one.method))
    types = _Types(told)
    paths: dict[str, Any] = {}
    for one in told:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, types)
    statuses = sorted({*_ALWAYS, *(status for one in told for status in _wrong(one))})
    return {
        "openapi": "3.1.1",
        "info": {"title": "portbook", "version": __version__, "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "security": [{}, {"token": []}],
        "tags": [{"name": name, "description": what} for name, what in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": types.components,
            "responses": {
                **{f"Problem{status}": _problem(_PROBLEMS[status], status) for status in statuses},
                "Problem": _problem("Anything else that is wrong."),
                "Unchanged": {"description": "What If-None-Match names is still so; no body."},
            },
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Needed where the server was started with a token or a "
                    "password; a browser that is logged in sends its cookie instead.",
                }
            },
        },
    }


class _Types:
    """Schemas of all types that operations speak of."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        spoken: list[Any] = [Problem, *EVENTS.values()]
        words: list[Any] = []
        for one in operations:
            words += [kind for kind in (one.place, one.words) if kind is not Nothing]
            spoken += [answer.told for answer in one.answers.values() if answer.told is not None]
            spoken += [kind for kind in (one.body, *one.forms.values()) if kind is not None]
        every = [*spoken, *words]
        schemas, self.components = msgspec.json.schema_components(every, ref_template=_REFERENCE)
        self._known = list(zip(every, schemas, strict=True))
        self._words = {}
        for kind in words:
            name = _name(self.of(kind)["$ref"])
            self._words[kind] = self.components.pop(name, None) or self._words_of(kind)

    def of(self, kind: Any) -> dict[str, Any]:
        """Return the schema of a type, most often a reference."""
        return next(dict(schema) for known, schema in self._known if known is kind)

    def fields(self, kind: type[msgspec.Struct]) -> Iterable[tuple[str, dict[str, Any], bool]]:
        """Give the words of a query or of a path: name, schema, whether it is needed."""
        if kind is Nothing:
            return
        told = self._words[kind]
        for name, schema in told.get("properties", {}).items():
            yield name, dict(schema), name in told.get("required", ())

    def _words_of(self, kind: Any) -> Any:
        return next(told for known, told in self._words.items() if known is kind)


def _operation(one: Operation, types: _Types) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "tags": [one.tag],
        "parameters": [
            *(_parameter("path", types, *field) for field in types.fields(one.place)),
            *(_parameter("query", types, *field) for field in types.fields(one.words)),
        ],
        "responses": _responses(one, types),
    }
    if one.description:
        made["description"] = one.description
    if one.method == "GET" and one.kept_s is None and one.name == "events":
        made["parameters"].append(_LAST_EVENT)
    forms = {JSON: one.body} if one.body is not None else one.forms
    if forms:
        content = {media: _content(types, kind) for media, kind in forms.items()}
        made["requestBody"] = {"required": True, "content": content}
    return {key: value for key, value in made.items() if value not in ([], None)}


_LAST_EVENT = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The number of the last event that was had: those after it come first.",
    "schema": {"type": "string", "pattern": r"^\d{1,18}$"},
    "example": "41",
}


def _parameter(
    where: str, types: _Types, name: str, schema: dict[str, Any], needed: bool
) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "in": where, "required": needed}
    for key in ("description", "examples"):
        if key in schema:
            told = schema.pop(key)
            made |= {"description": told} if key == "description" else {"example": told[0]}
    return made | {"schema": schema}


def _responses(one: Operation, types: _Types) -> dict[str, Any]:
    told = {str(status): _answer(answer, types) for status, answer in one.answers.items()}
    if one.kept_s is not None:
        told["304"] = {"$ref": "#/components/responses/Unchanged"}
    for status in _wrong(one):
        told[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    return told | {"default": {"$ref": "#/components/responses/Problem"}}


def _wrong(one: Operation) -> list[int]:
    found = {*_ALWAYS, *one.problems}
    if one.body is not None or one.forms:
        found |= {408, 413, 415}
    return sorted(found)


def _answer(answer: Answer, types: _Types) -> dict[str, Any]:
    made: dict[str, Any] = {"description": answer.what}
    if answer.headers:
        made["headers"] = {
            name: {"description": what, "required": True, "schema": {"type": "string"}}
            for name, what in answer.headers.items()
        }
    if answer.told is not None:
        content = _content(types, answer.told)
        if answer.example is not None:
            content["example"] = answer.example
        made["content"] = {answer.media: content}
    return made


def _content(types: _Types, kind: Any) -> dict[str, Any]:
    return {"schema": types.of(kind)}


def _problem(what: str, status: int | None = None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"$ref": _REFERENCE.format(name="Problem")}}
    if status is not None:
        content["example"] = {
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": what,
        }
    return {"description": what, "content": {PROBLEM: content}}


def _name(reference: str) -> str:
    return re.sub(r".*/", "", reference)


def operations_of(routes: Iterable[Any]) -> Mapping[str, Operation]:
    """Return the operations among a program's routes, by their ids."""
    found = {}
    for route in routes:
        for handler in getattr(route, "route_handlers", ()):
            told = getattr(handler, "opt", {}).get("operation")
            if isinstance(told, Operation):
                found[told.name] = told
    return found
