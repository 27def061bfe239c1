"""What may be asked of a long list, and one page of what it holds.

`Asked` has the command line's words for filters. Pages follow each other by a mark in the order
(`cursors`), not by a count of rows: a row that is written meanwhile moves no other.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Generic, TypeVar

import msgspec

from portbook.errors import UsageError
from portbook.ports import PortRange, Transport
from portbook.records import Level

Row = TypeVar("Row")

MOST_COUNTED = 10_000  # rows that are counted; beyond, there are "more"
MOST_ROWS = 1_000  # of one page
UNKNOWN = "unknown"  # the protocol of what nobody could name


class Asked(msgspec.Struct, frozen=True):
    """What is asked of a list: filters that all must hold, an order, a place to go on from.

    text: words, each of which must be met in the row's own texts (address, names, vendor,
        protocol, program, ...); one of one or two letters must begin a word
    host: an address or a prefix, "10.0.0.9" or "10.0.0.0/24"
    protocol: short name, or "unknown"
    level: of findings, at least this
    source: the look that saw it last; site: where
    since_ns: last seen at or after; until_ns: first seen at or before
    gone: True: what is gone too
    order: a column's name, "-" before it for descending; "": the kind's own
    after: a mark from `Listed.next` or `Listed.previous`
    most: rows of a page, 1 to 1,000
    """

    text: str = ""
    host: str | None = None
    ports: tuple[PortRange, ...] = ()
    transport: Transport | None = None
    protocol: str | None = None
    level: Level | None = None
    source: str | None = None
    site: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    gone: bool = False
    order: str = ""
    after: str | None = None
    most: int = 50


class Listed(msgspec.Struct, Generic[Row], frozen=True):
    """One page of a list.

    counted: rows of the whole list, up to 10,000; more: there are, or may be, more than these
    next, previous: marks for `Asked.after`; None: there is no such page
    """

    rows: tuple[Row, ...]
    counted: int
    more: bool
    next: str | None
    previous: str | None


def order_of(asked: Asked, known: Collection[str], own: str) -> tuple[str, bool]:
    """Return the column that is asked to order by, and whether it descends.

    known: the names that may be asked for; own: the order where none is asked for
    """
    order = asked.order or own
    name = order.removeprefix("-")
    if name not in known:
        raise UsageError(f"no order {asked.order[:40]!r} here; known: {', '.join(sorted(known))}")
    return name, order.startswith("-")


def rows_of(asked: Asked) -> int:
    """Return how many rows a page has."""
    if not 1 <= asked.most <= MOST_ROWS:
        raise UsageError(f"a page has 1 to {MOST_ROWS} rows, not {asked.most}")
    return asked.most
