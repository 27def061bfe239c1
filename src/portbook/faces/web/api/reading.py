"""What comes in, held to the types that operations declare; every refusal names what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints
from urllib.parse import parse_qsl

import msgspec
from litestar.exceptions import HTTPException
from msgspec import Meta

from portbook.errors import UsageError

if TYPE_CHECKING:
    from litestar import Request

Read = TypeVar("Read", bound=msgspec.Struct)
MOST_WORDS = 64
_WHERE = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<where>.*)`)?\Z", re.DOTALL)


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No words at all."""


def place(kind: type[Read], told: Mapping[str, Any]) -> Read:
    """Read what a path names; raises UsageError."""
    return _read(kind, dict(told), "the path")


def words(kind: type[Read], query: bytes) -> Read:
    """Read a query; raises UsageError that names the word which nobody knows or which is wrong."""
    try:
        pairs = parse_qsl(
            query.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_WORDS
        )
    except ValueError:
        raise UsageError(f"at most {MOST_WORDS} words are read here") from None
    told = dict(pairs)
    if len(told) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"{twice[:40]}: said more than once")
    return _read(kind, told, "the query")


async def body(kind: Any, request: Request[Any, Any, Any]) -> Any:
    """Read a body of JSON; None where none is declared. Raises UsageError, and HTTPException (415)
    for another media type.
    """
    if kind is None:
        return None
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise HTTPException(
            detail=f"send application/json here, not {media[:60] or 'an unnamed type'}",
            status_code=415,
        )
    octets = await request.body()
    try:
        return msgspec.json.decode(octets, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        what, where = _located(error)
        raise UsageError(f"{where or 'the body'}: {what}") from None


def _read(kind: type[Read], told: Mapping[str, str], where: str) -> Read:
    known = kind.__struct_fields__
    for name in told:
        if name not in known:
            listed = f"known: {', '.join(known)}" if known else "there are none here"
            raise UsageError(f"{where}: no word {name[:40]!r}; {listed}")
    missing = [one.name for one in msgspec.structs.fields(kind) if one.required]
    for name in missing:
        if name not in told:
            raise UsageError(f"{name}: is needed; {_meaning(kind, name)}")
    try:
        return msgspec.convert(told, kind, strict=False)
    except msgspec.ValidationError as error:
        what, name = _located(error)
        if name not in known:
            raise UsageError(f"{where}: {what}") from None
        raise UsageError(f"{name}: {_meaning(kind, name)}; got {told[name][:60]!r}") from None


def _located(error: Exception) -> tuple[str, str]:
    match = _WHERE.match(str(error))
    return (match["what"], match["where"] or "") if match else (str(error), "")


def _meaning(kind: type[msgspec.Struct], name: str) -> str:
    """Return a word's own description, in one line."""
    hints = [get_type_hints(kind, include_extras=True)[name]]
    while hints:
        hint = hints.pop()
        for one in getattr(hint, "__metadata__", ()):
            if isinstance(one, Meta) and one.description:
                return one.description.rstrip(".")
        hints += get_args(hint)
    return "not what it may be"
