"""Pages: templates filled in the reader's language.

One Jinja environment a language, since macros must speak it too; compiled templates are shared.
Everything that comes from a network is text: autoescape is on for all templates.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined
from litestar import Request, Response
from litestar.enums import MediaType
from markupsafe import Markup

from portbook.faces.exports import rfc3339
from portbook.faces.languages import SOURCE, Language, choose, languages
from portbook.faces.web.asked import changed, plain
from portbook.faces.web.kept import KEPT

if TYPE_CHECKING:
    from jinja2.bccache import Bucket

    from portbook.faces.web.desk import Desk

COOKIE = "language"


class _Compiled(BytecodeCache):
    """Compiled templates in memory, for the environments of all languages."""

    def __init__(self) -> None:
        self._codes: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket when the template was compiled before."""
        if code := self._codes.get(bucket.key):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._codes[bucket.key] = bucket.bytecode_to_string()


class _Environment(Environment):
    """What a record's mapping does not tell is None; a record has its fields or none."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return an attribute, or what a mapping holds under its name."""
        if isinstance(obj, Mapping) and not hasattr(obj, attribute):
            try:
                return obj[attribute]
            except KeyError:
                return None
        return super().getattr(obj, attribute)


_compiled = _Compiled()


@lru_cache(maxsize=16)
def environment(language: Language) -> Environment:
    """Return the environment whose templates speak a language."""
    made = _Environment(
        loader=PackageLoader("portbook.faces.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        bytecode_cache=_compiled,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_callables(  # type: ignore[attr-defined]  # the extension adds it
        language.gettext,
        language.ngettext,
        newstyle=True,
        pgettext=language.pgettext,
        npgettext=language.npgettext,
    )
    made.globals |= {"language": language, "languages": languages, "changed": changed}
    made.globals["ngettext"] = _counted(language)
    made.filters |= {
        "number": language.number,
        "octets": language.octets,
        "moment": language.moment,
        "short": language.short,
        "ago": language.ago,
        "duration": language.duration,
        "percent": language.percent,
        "listed": language.list,
        "rfc3339": rfc3339,
        "segment": _segment,
        "time": _time_of(language),
        "svg": Markup,
    }
    return made


def _counted(language: Language) -> Callable[..., Markup]:
    """Return ngettext whose %(num)s is written as the language writes numbers."""

    def ngettext(singular: str, plural: str, n: int, /, **variables: Any) -> Markup:
        said = Markup(language.ngettext(singular, plural, n))
        return said % {"num": language.number(n), **variables}

    return ngettext


def language_of(request: Request[Any, Any, Any]) -> Language:
    """Return the language that the reader chose, by hand or by browser."""
    return choose(*wishes(cast(Mapping[str, Any], request.scope), request.app.state.desk))


def wishes(scope: Mapping[str, Any], desk: Desk) -> tuple[str | None, str | None, str]:
    """Return what the browser wishes, what was chosen by hand, and the language otherwise."""
    headers = dict(scope["headers"])
    accepted: bytes | None = headers.get(b"accept-language")
    return (
        accepted.decode("latin-1") if accepted else None,
        _cookie(headers.get(b"cookie", b"")),
        desk.settings.language or SOURCE,
    )


def _cookie(header: bytes) -> str | None:
    if COOKIE.encode() not in header:
        return None
    for part in header.decode("latin-1").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return None


def render(
    request: Request[Any, Any, Any],
    template: str,
    *,
    status: int = 200,
    kept_s: float | None = 2.0,
    **context: Any,
) -> Response[bytes]:
    """Fill a template; `_("...")` and the like in it speak the reader's language.

    kept_s: for how long the page may be kept while nothing changes; None: it is made each time,
    such as a page about its reader
    """
    desk, language = request.app.state.desk, language_of(request)
    body = fill(desk, language, template, request.url.path, request.url.query, **context)
    if kept_s is not None:
        request.scope["state"][KEPT] = kept_s
    return Response(
        body,
        status_code=status,
        media_type=MediaType.HTML,
        headers={
            "content-language": language.tag,
            "cache-control": "no-cache",
            "vary": "accept-language, cookie, accept-encoding",
        },
    )


def fill(
    desk: Desk, language: Language, template: str, path: str, query: str, **context: Any
) -> bytes:
    """Return a template filled in a language; path and query: of the page that it is."""
    return (
        environment(language)
        .get_template(template)
        .render(desk=desk, here=path, asked=plain(query), now_ns=time.time_ns(), **context)
        .encode()
    )


def _segment(text: object) -> str:
    """Quote a text for one segment of an address."""
    return quote(str(text), safe=":,@")


def _time_of(language: Language) -> Any:
    def told(moment_ns: int | None) -> Markup:
        if moment_ns is None:
            return Markup("–")
        return Markup('<time datetime="{}">{}</time>').format(
            rfc3339(moment_ns), language.short(moment_ns)
        )

    return told
