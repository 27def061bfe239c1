"""The records of the output contract as types, so that the API's description comes from the code.

A record's type is made of the record itself: times become texts as `faces.exports.document` writes
them, every field is there, the kind is told. A test holds the two to each other.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from portbook.book import Seen
from portbook.faces.exports import rfc3339
from portbook.faces.web.api.meanings import MEANINGS, OF_KIND
from portbook.records import Claim, Listener

KINDS = ("service", "device", "listener", "announcement", "finding")
Moment = Annotated[
    str,
    Meta(
        pattern=r"^([0-9]{4}-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]|@-?[0-9]+)\.[0-9]{9}Z$",
        description="RFC 3339, UTC, with nanoseconds; `@` and seconds of Unix time where a capture "
        "claims a time that no calendar has.",
        examples=["2026-11-21T08:00:00.000000000Z"],
    ),
]
_PORT = Annotated[int, Meta(ge=0, le=65535)]


class Page(msgspec.Struct, frozen=True):
    """One page of a list, as every list of the API answers."""

    rows: Sequence[Any]
    counted: int
    more: bool = False
    next: str | None = None
    previous: str | None = None


def shape(name: str, summary: str, fields: Mapping[str, Any]) -> Any:
    """Return a type that has these fields, each with its type."""
    return _struct(name, list(fields.items()), summary)


def many(row: Any, what: str | None = None, least: int = 0) -> Any:
    """Return the type of a list. what: of it in words; least: so many it has in any case"""
    return Annotated[list[row], Meta(description=what, min_length=least)]


def listing(name: str, row: Any, **extra: Any) -> Any:
    """Return the type of a list's page. row: the type of its rows; extra: further fields."""
    fields = [
        ("rows", many(row)),
        ("counted", Annotated[int, Meta(ge=0, description=_COUNTED)]),
        ("more", Annotated[bool, Meta(description="True: there are, or may be, more than that.")]),
        ("next", Annotated[str | None, Meta(description=_NEXT)]),
        ("previous", Annotated[str | None, Meta(description="The same for the page before.")]),
        *extra.items(),
    ]
    return _struct(name, fields, "One page of a list.")


_COUNTED = "Rows of the whole list, counted up to 10,000."
_NEXT = "A mark: ask again with `after` of this for the next page; null: there is none."


@cache
def told(record: type[msgspec.Struct], name: str | None = None) -> Any:
    """Return the type of a record as the contract writes it.

    name: of the type in the description, where the record's own means something else
    """
    config, hints = record.__struct_config__, get_type_hints(record, include_extras=True)
    kind = config.tag if isinstance(config.tag, str) else None
    fields: list[tuple[str, Any]] = []
    for field in msgspec.structs.fields(record):
        timed = field.name.endswith("_ns")
        plain = field.name.removesuffix("_ns")
        written = _typed(hints[field.name], timed)
        if record is Claim and plain == "ports":
            fields += [("first", _PORT), ("last", _PORT)]
            continue
        fields.append((plain, _meant(kind, plain, written)))
    if record is Listener:  # its first owner is told beside all of them
        fields += [("pid", int | None), ("program", str | None)]
    summary = (record.__doc__ or "").partition("\n\n")[0]
    return _struct(name or record.__name__, fields, summary, kind)


@cache
def sighting(kind: str) -> Any:
    """Return the type of what the book has seen of one kind."""
    details = msgspec.defstruct(f"{kind.title()}Details", _DETAILS[kind], kw_only=True)
    changed = {"of": Literal[kind], "details": details}
    return _seen(f"Seen{kind.title()}", changed)


@cache
def any_sighting() -> Any:
    """Return the type of what the book has seen of any kind."""
    return _seen("Seen", {"of": Literal[KINDS]})


def _seen(name: str, changed: Mapping[str, Any]) -> Any:
    fields = [
        (field.name, changed.get(field.name, field.type))
        for field in msgspec.structs.fields(told(Seen))
    ]
    return _struct(name, fields, "What the book has seen of one thing.", "seen")


_Texts = list[str]
_TRANSPORT = Literal["tcp", "udp", "sctp", "dccp"]
_DETAILS: dict[str, list[Any]] = {
    "service": [
        ("address", str),
        ("port", _PORT),
        ("transport", _TRANSPORT),
        ("protocols", _Texts),
    ],
    "device": [("address", str), ("mac", str | None), ("facts", dict[str, str])],
    "listener": [
        ("address", str),
        ("port", _PORT),
        ("transport", _TRANSPORT),
        ("state", _Texts),
        ("family", _Texts),
        ("programs", _Texts),
        ("units", _Texts),
        ("containers", _Texts),
        ("users", _Texts),
        ("namespace", str | None),
    ],
    "announcement": [
        ("source", str),
        ("destination", str),
        ("ports", list[_PORT]),
        ("transport", _TRANSPORT),
        ("period_s", float),
        ("protocol", str | None),
    ],
    "finding": [
        ("code", str),
        ("name", str),
        ("level", Literal["note", "warning", "error"]),
        ("subject", str),
        ("message", str),
        ("fingerprint", str),
    ],
}


def written(value: Any) -> Any:
    """Return records in records as the contract writes them: for what `document` does not reach."""
    if isinstance(value, msgspec.Struct):
        tag = value.__struct_config__.tag
        fields = {"kind": tag} if isinstance(tag, str) else {}
        for name in value.__struct_fields__:
            one = getattr(value, name)
            timed = name.endswith("_ns") and isinstance(one, int)
            fields[name.removesuffix("_ns")] = rfc3339(one) if timed else written(one)
        return fields
    if isinstance(value, (list, tuple)):
        return [written(one) for one in value]
    return value


def _struct(name: str, fields: Sequence[Any], summary: str, kind: str | None = None) -> Any:
    return msgspec.defstruct(
        name,
        fields,
        namespace={"__doc__": summary},
        tag=kind,
        tag_field="kind" if kind else None,
        kw_only=True,
    )


def _meant(kind: str | None, name: str, typed: Any) -> Any:
    meaning = OF_KIND.get((kind or "", name)) or MEANINGS.get(name)
    return Annotated[typed, Meta(description=meaning)] if meaning else typed


def _typed(hint: Any, timed: bool) -> Any:
    """Return a field's type as it is written. timed: its integers are moments"""
    if hint is int and timed:
        return Moment
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return told(hint)
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return reduce(or_, (_typed(one, timed) for one in inner))
    if origin is tuple and len(inner) == 2 and inner[1] is ...:
        return many(_typed(inner[0], timed))
    return dict[inner[0], inner[1]] if origin is Mapping else hint  # type: ignore[valid-type]
