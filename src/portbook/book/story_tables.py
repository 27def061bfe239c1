"""How records lie in a story's file: the columns of each kind, and what lists are ordered by.

A conversation has its numbers in columns of its own, so that any order and filter is answered from
an index alone. The other kinds have their addresses, ports and protocols in tables beside them,
since they may have several. What can be searched for by words is kept once for all rows that say
the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from portbook.book import story_rows
from portbook.book.story_rows import Row
from portbook.records import (
    Announcement,
    Conversation,
    Device,
    Finding,
    Oddity,
    Problem,
    Service,
)


class Kind(NamedTuple):
    """One kind of record: its type, its table, and what lists of it may be ordered by.

    orders: the name of an order and its column; own: the order that nobody asked for
    """

    name: str
    type: type[msgspec.Struct]
    columns: tuple[tuple[str, str], ...]
    orders: Mapping[str, str]
    own: str
    row: Callable[[Any], Row]

    @property
    def beside(self) -> bool:
        """Tell whether its addresses, ports and protocols stand in tables of their own."""
        return self.name != "conversation"


_INT, _TEXT, _BLOB = "INTEGER NOT NULL", "TEXT NOT NULL", "BLOB NOT NULL"
_TIMES = {"first": "first_ns", "last": "last_ns"}
_COMMON = (
    ("transport", _TEXT),  # "" where it has none
    ("level", _INT),
    ("first_ns", _INT),
    ("last_ns", _INT),
    ("free", _INT),
)

KINDS: Mapping[str, Kind] = {
    one.name: one
    for one in (
        Kind(
            "conversation",
            Conversation,
            (
                ("client", _BLOB),
                ("server", _BLOB),
                ("client_port", _INT),
                ("server_port", _INT),
                ("transport", _TEXT),
                ("protocol", _TEXT),
                ("packets", _INT),
                ("octets", _INT),
                ("first_ns", _INT),
                ("last_ns", _INT),
                ("counts", _INT),  # 0: a further part of one that was cut
            ),
            {
                "client": "client",
                "server": "server",
                "client_port": "client_port",
                "server_port": "server_port",
                "protocol": "protocol",
                "packets": "packets",
                "octets": "octets",
                **_TIMES,
            },
            "-octets",
            story_rows.of_conversation,
        ),
        Kind(
            "service",
            Service,
            (
                ("at", _BLOB),
                ("port", _INT),
                ("protocol", _TEXT),
                ("conversations", _INT),
                ("clients", _INT),
                *_COMMON,
            ),
            {
                "address": "at",
                "port": "port",
                "protocol": "protocol",
                "conversations": "conversations",
                "clients": "clients",
                **_TIMES,
            },
            "address",
            story_rows.of_service,
        ),
        Kind(
            "device",
            Device,
            (("at", _BLOB), ("name", _TEXT), ("vendor", _TEXT), ("product", _TEXT), *_COMMON),
            {"address": "at", "name": "name", "vendor": "vendor", "product": "product", **_TIMES},
            "address",
            story_rows.of_device,
        ),
        Kind(
            "announcement",
            Announcement,
            (
                ("at", _BLOB),
                ("destination", _BLOB),
                ("port", _INT),  # the first one
                ("period", _INT),
                ("times", _INT),
                ("missed", _INT),
                ("protocol", _TEXT),
                *_COMMON,
            ),
            {
                "address": "at",
                "source": "at",
                "destination": "destination",
                "port": "port",
                "period": "period",
                "times": "times",
                "missed": "missed",
                "protocol": "protocol",
                **_TIMES,
            },
            "first",
            story_rows.of_announcement,
        ),
        Kind(
            "finding",
            Finding,
            (("weight", _TEXT), ("code", _TEXT), ("subject", _TEXT), *_COMMON),
            {
                "weight": "weight",
                "level": "level",
                "code": "code",
                "subject": "subject",
                **_TIMES,  # it has none: the book's words are taken all the same
            },
            "weight",
            story_rows.of_finding,
        ),
        Kind(
            "oddity",
            Oddity,
            (("name", _TEXT), ("count", _INT), *_COMMON),
            {"name": "name", "count": "count"},
            "-count",
            story_rows.of_oddity,
        ),
        Kind("error", Problem, _COMMON, {"first": "first_ns"}, "first", story_rows.of_problem),
    )
}
PLACES = {name: number for number, name in enumerate(KINDS)}  # in the tables beside
