"""The words of queries: the command line's filters, each with what it may be."""

from __future__ import annotations

import time
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from portbook.book.listings import Asked
from portbook.book.sighting_pages import ORDERS
from portbook.book.stories import orders
from portbook.faces.web import asked as pages
from portbook.ports import Transport
from portbook.records import Level

MOST_ROWS, ROWS = 500, 50
_DIGITS = r"[0-9]{1,5}(-[0-9]{1,5})?(/(tcp|udp|sctp|dccp))?"

# `format` is what a pattern cannot say: a client may rely on the description alone.
Text = Annotated[
    str,
    Meta(
        max_length=256,
        description="Words, each of which is met in the row: in its address, names, vendor, "
        "protocol, program, ...",
        examples=["modbus"],
    ),
]
Host = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description="An address, or a prefix such as 10.0.0.0/24",
        examples=["10.0.0.0/8"],
        extra_json_schema={"format": "ip-or-prefix"},
    ),
]
Ports = Annotated[
    str,
    Meta(
        pattern=rf"^{_DIGITS}(,{_DIGITS})*$",
        max_length=256,
        description="Ports: 1743, 1743/udp, 1740-1743, or several with commas in between",
        examples=["1740-1743/udp"],
        extra_json_schema={"format": "ports"},
    ),
]
Carried = Annotated[Transport, Meta(description="A transport: tcp, udp, sctp or dccp")]
Spoken = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9+.-]{0,39}$",
        description="A protocol's short name, or `unknown`",
        examples=["modbus"],
    ),
]
Most = Annotated[
    int,
    Meta(ge=1, le=MOST_ROWS, description=f"Rows of a page, 1 to {MOST_ROWS}; otherwise {ROWS}"),
]
Mark = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_-]{1,1024}$",
        description="The mark of a page: what `next` or `previous` said for the same list "
        "and order",
        extra_json_schema={"format": "mark"},
    ),
]
_Source = Annotated[
    str,
    Meta(
        max_length=256,
        description="The look that told it: a capture's name, an interface, `this machine`",
        examples=["this machine"],
    ),
]


def moment(what: str) -> Any:
    """Return the type of a word that tells a moment."""
    said = (
        f"{what}: 2026-11-21T08:00:00Z, UTC without a zone; or how long ago: 90s, 15m, 2h, 3d, 1w"
    )
    return Annotated[
        str,
        Meta(
            pattern=r"^([0-9]{1,6}(\.[0-9]{1,3})?[smhdw]|[0-9]{4}-[0-9T:.Z+ -]{3,36})$",
            description=said,
            examples=["3d"],
            extra_json_schema={"format": "moment"},
        ),
    ]


def story_id(more: str = "") -> Any:
    """Return the type of a word that names a story."""
    said = "The id of a capture or of an interface, twelve digits and small letters"
    return Annotated[
        str,
        Meta(
            pattern=r"^[0-9a-z]{12}$",
            description=said + more,
            examples=["0a1b2c3d4e5f"],
            extra_json_schema={"format": "story-id"},
        ),
    ]


Since: Any = moment("Last seen at or after this moment")
Until: Any = moment("First seen at or before this moment")


class Filters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Filters that all must hold, and the page."""

    text: Text | UnsetType = UNSET
    host: Host | UnsetType = UNSET
    port: Ports | UnsetType = UNSET
    transport: Carried | UnsetType = UNSET
    protocol: Spoken | UnsetType = UNSET
    source: _Source | UnsetType = UNSET
    since: Since | UnsetType = UNSET
    until: Until | UnsetType = UNSET
    most: Most | UnsetType = UNSET


def filters(kind: str, *, book: bool, story: bool, level: bool = False) -> Any:
    """Return the words of a list. book, story: whether it may be of the book, of a story"""
    known = {*(ORDERS[kind] if book else ()), *(orders(kind) if story else ())}
    names = "|".join(sorted(known))
    order = Annotated[
        str,
        Meta(
            pattern=f"^-?({names})$",
            description=f"What rows are ordered by, descending with `-` before it: "
            f"{', '.join(sorted(known))}" + _differing(kind, book and story),
            examples=["-last"],
        ),
    ]
    fields: list[tuple[str, Any, Any]] = [
        ("order", order | UnsetType, UNSET),
        ("after", Mark | UnsetType, UNSET),
    ]
    if level:
        meant = Annotated[Level, Meta(description="At least this level: note, warning or error")]
        fields.append(("level", meant | UnsetType, UNSET))
    if book:
        gone = Annotated[bool, Meta(description="True: what is gone, too")]
        fields.append(("gone", gone | UnsetType, UNSET))
    if story:
        of = story_id(_OF if book else OF_STORY)
        fields.append(("of", of | UnsetType, UNSET))
    return msgspec.defstruct(
        f"{kind.title()}Filters",
        fields,
        bases=(Filters,),
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )


_OF = "; without it, the book is asked"
OF_STORY = "; without it, the interface that is listened to, or else the newest capture"


def _differing(kind: str, both: bool) -> str:
    """Say which orders only the book, or only a story, has."""
    if not both:
        return ""
    own, told = set(ORDERS[kind]), set(orders(kind))
    said = [
        f"{', '.join(sorted(names))} {where} only"
        for names, where in ((own - told, "of the book"), (told - own, "of a story"))
        if names
    ]
    return f" ({'; '.join(said)})" if said else ""


def asked(words: msgspec.Struct) -> Asked:
    """Return what a list is asked for; raises UsageError for what a pattern cannot tell."""
    return pages.asked(said(words))


def said(words: msgspec.Struct) -> dict[str, str]:
    """Return the words that were said, as texts."""
    told: dict[str, str] = {}
    for name in words.__struct_fields__:
        value = getattr(words, name)
        if value is not UNSET:
            told[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return told


def now_ns() -> int:
    """Return this moment."""
    return time.time_ns()
