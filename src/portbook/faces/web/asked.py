"""The words of an address's query, the same as the command line's, and what they ask for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from portbook.book.listings import Asked
from portbook.errors import UsageError
from portbook.faces.times import moment_ns
from portbook.ports import parse_range, parse_transport
from portbook.records import Level
from portbook.survey.wants import wanted_host

WORDS = (
    "text", "host", "port", "transport", "protocol", "level", "source", "since", "until", "gone",
    "order", "after", "most", "of", "q", "policy", "role",
)  # fmt: skip
_LONGEST = 256  # letters of a word's value
_MOST_ROWS = 500
_ROWS = 50


class Words(dict[str, str]):
    """The words of a query; one that was not said is empty, so that templates need not ask."""

    def __missing__(self, name: str) -> str:
        return ""


def plain(query: str) -> Words:
    """Return the query's known words that say something; the last of several counts."""
    try:
        told = parse_qsl(query, max_num_fields=64) if len(query) <= 8192 else []
    except ValueError:  # more fields than that
        told = []
    return Words({name: value for name, value in told if name in WORDS and value})


def changed(told: Mapping[str, str], **words: str | int | None) -> str:
    """Return the query with some words changed, `?` included; None takes one away.

    The place in a list is given up unless it is what changes: another filter has other pages.
    """
    kept = {name: value for name, value in told.items() if name != "after"}
    kept |= {name: str(value) for name, value in words.items() if value is not None}
    left = {name: value for name, value in kept.items() if words.get(name, "") is not None}
    return "?" + urlencode(left) if left else "?"


def asked(told: Mapping[str, str], now_ns: int | None = None) -> Asked:
    """Return what a list is asked for; raises UsageError that says which word is wrong."""
    for name, value in told.items():
        if len(value) > _LONGEST and name != "after":
            raise UsageError(f"{name}: at most {_LONGEST} letters, got {len(value)}")
    ports, transport = _ports(told.get("port", ""))
    if "transport" in told:
        transport = parse_transport(told["transport"])
    now_ns = time.time_ns() if now_ns is None else now_ns
    return Asked(
        text=told.get("text", told.get("q", "")),
        host=wanted_host(told["host"]) if "host" in told else None,
        ports=ports,
        transport=transport,
        protocol=told.get("protocol"),
        level=_level(told.get("level")),
        source=told.get("source"),
        since_ns=moment_ns(told["since"], now_ns) if "since" in told else None,
        until_ns=moment_ns(told["until"], now_ns) if "until" in told else None,
        gone=told.get("gone") in ("1", "on", "true", "yes"),
        order=told.get("order", ""),
        after=told.get("after"),
        most=_rows(told.get("most")),
    )


def _ports(text: str) -> tuple[tuple[Any, ...], Any]:
    read = [parse_range(part) for part in text.split(",") if part.strip()]
    transports = {transport for _, transport in read}
    if len(transports) > 1:
        raise UsageError(f"port: one transport at a time, got {text!r}")
    return tuple(span for span, _ in read), transports.pop() if transports else None


def _level(text: str | None) -> Level | None:
    if text is None:
        return None
    try:
        return Level(text)
    except ValueError:
        known = ", ".join(level.value for level in Level)
        raise UsageError(f"level: no level {text!r}; known: {known}") from None


def _rows(text: str | None) -> int:
    if text is None:
        return _ROWS
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MOST_ROWS):
        raise UsageError(f"most: 1 to {_MOST_ROWS} rows a page, got {text!r}")
    return int(text)
