"""The same things as JSON under /api/v1, described by OpenAPI 3.1 (`/api/v1/openapi.json`)."""

from __future__ import annotations

from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from portbook import __version__


def description() -> OpenAPIConfig:
    """Return how the API describes itself: the document only."""
    return OpenAPIConfig(
        title="portbook",
        version=__version__,
        description="What is really on this port, and should it be? Claims, evidence, findings.",
        path="/api/v1",
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        use_handler_docstrings=True,
    )
