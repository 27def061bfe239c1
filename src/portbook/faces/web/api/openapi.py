"""The description of the API, as OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

import msgspec

from portbook.faces.web.api.describing import document, operations_of
from portbook.faces.web.api.operations import Answer, Call, get
from portbook.faces.web.api.reading import Nothing


@get(
    "/openapi.json",
    Answer("An OpenAPI 3.1 document.", dict[str, Any]),
    tag="book",
    kept_s=3600.0,
)
def openapi(call: Call[Nothing, Nothing]) -> msgspec.Raw:
    """Describe the API: this document."""
    app = call.request.app
    if "openapi" not in app.state:  # it is the same for as long as the program runs
        told = document(operations_of(app.routes).values())
        app.state["openapi"] = msgspec.Raw(msgspec.json.encode(told))
    made: msgspec.Raw = app.state["openapi"]
    return made


routes = [openapi]
