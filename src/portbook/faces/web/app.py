"""The program behind `portbook serve`: finds its pages and its API, and puts them together."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from litestar import Litestar
from litestar.datastructures import State

from portbook.faces.languages import choose
from portbook.faces.web import api, pages, problems
from portbook.faces.web.kept import Kept
from portbook.faces.web.rendering import wishes
from portbook.faces.web.statics import routes as statics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from portbook.faces.web.desk import Desk
    from portbook.faces.web.guard.asgi import ASGIApp, Scope


def make(desk: Desk) -> ASGIApp:
    """Return the program for a desk: pages, API and files, kept while nothing changes.

    It is not guarded: `guard.guarded` is put around it.
    """
    app = Litestar(
        route_handlers=[*_found(pages), *_found(api), *statics],
        exception_handlers=problems.HANDLERS,
        lifespan=[_watching(desk)],
        openapi_config=None,  # `api.describing` makes the description
        state=State({"desk": desk}),
        request_max_body_size=None,  # the guard bounds every body, by path
        debug=False,
        logging_config=None,
    )

    def tag(scope: Scope) -> str:
        return choose(*wishes(scope, desk)).tag

    return Kept(app, lambda: desk.version, tag)


def _found(package: Any) -> Iterator[Any]:
    """Give the routes of all modules of a package: a page is added by its file alone."""
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda one: one.name):
        loaded = importlib.import_module(f"{package.__name__}.{module.name}")
        yield from getattr(loaded, "routes", ())


def _watching(desk: Desk) -> Any:
    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with desk.watching():
            yield

    return lifespan
