"""Our own style sheets and scripts: few and small, read once, marked by their content."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from portbook.faces.web.kept import KEPT

_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
          ".svg": "image/svg+xml"}  # fmt: skip


@get("/static/{name:str}", include_in_schema=False, sync_to_thread=False)
def static(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
    """Give one file by its name; nothing that is not in the folder itself has one."""
    known = _all()
    if name not in known:
        raise NotFoundException(f"no file {name!r} here")
    request.scope["state"][KEPT] = 3600.0
    kind = _TYPES["." + name.rpartition(".")[2]]
    return Response(known[name], media_type=kind, headers={"cache-control": "no-cache"})


@lru_cache(maxsize=1)
def _all() -> dict[str, bytes]:
    folder = files("portbook.faces.web") / "static"
    return {
        one.name: one.read_bytes()
        for one in folder.iterdir()
        if one.is_file() and "." + one.name.rpartition(".")[2] in _TYPES
    }


routes = [static]
