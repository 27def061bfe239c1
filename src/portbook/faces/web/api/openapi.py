"""The description of the API, as OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from portbook.faces.web.api.describing import document, operations_of
from portbook.faces.web.api.operations import Answer, Call, get
from portbook.faces.web.api.reading import Nothing


@get(
    "/openapi.json",
    Answer("An OpenAPI 3.1 document.", dict[str, Any]),
    tag="book",
    kept_s=3600.0,
)
def openapi(call: Call[Nothing, Nothing]) -> dict[str, Any]:
    """Describe the API: this document."""
    return document(operations_of(call.request.app.routes).values())


routes = [openapi]
