"""The reader's language, chosen by hand and kept in a cookie."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect

from portbook.errors import UsageError
from portbook.faces.languages import languages
from portbook.faces.web.rendering import COOKIE

_YEAR_S = 31_536_000


class Choice(msgspec.Struct):
    """What the form of the page's foot sends."""

    to: str
    back: str = "/"


@post("/language", include_in_schema=False, sync_to_thread=False)
def language(
    request: Request[Any, Any, Any],
    data: Annotated[Choice, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[Any]:
    """Keep the choice and go back to the page."""
    if data.to not in languages():
        raise UsageError(f"no language {data.to[:20]!r}; known: {', '.join(languages())}")
    cookie = Cookie(
        key=COOKIE,
        value=data.to,
        max_age=_YEAR_S,
        samesite="lax",
        httponly=True,
        secure=request.url.scheme == "https",
    )
    return Redirect(own_page(data.back), status_code=303, cookies=[cookie])


def own_page(address: str) -> str:
    """Return an address of this server's own, whatever was asked for."""
    parts = urlsplit(address)
    plain = address.startswith("/") and not address.startswith(("//", "/\\"))
    clean = len(address) <= 2000 and address.isprintable() and "\\" not in address
    return address if plain and clean and not parts.scheme and not parts.netloc else "/"


routes = [language]
