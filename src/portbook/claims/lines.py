"""Tables that people write by hand: `key: value | value | value`, `#` begins a comment line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from portbook.errors import UsageError
from portbook.ports import PortRange, Transport, parse_range, parse_transport

MOST_LINES = 20_000


class Line(NamedTuple):
    """One line: its number in the file, its key, its fields with blanks cut off."""

    number: int
    key: str
    fields: tuple[str, ...]


def lines(text: str, where: str) -> Iterator[Line]:
    """Give the lines that say something; raises UsageError with file and line for one without key.

    where: the file's name, for messages
    """
    for number, written in enumerate(text.split("\n"), 1):
        content = written.strip()
        if not content or content.startswith("#"):
            continue
        key, colon, rest = content.partition(":")
        if not colon or number > MOST_LINES:
            raise UsageError(f"{where}, line {number}: write `key: value | value`, got {content!r}")
        yield Line(number, key.strip(), tuple(field.strip() for field in rest.split("|")))


def ranges(text: str, place: str) -> tuple[PortRange, ...]:
    """Read `4911, 3011, 50001-50016`; raises UsageError with the place."""
    found = []
    for part in text.split(","):
        try:
            numbers, transport = parse_range(part)
        except UsageError as error:
            raise UsageError(f"{place}: {error}") from None
        if transport:
            raise UsageError(f"{place}: the transport has its own field, got {part.strip()!r}")
        found.append(numbers)
    return tuple(found)


def transports(text: str, place: str) -> tuple[Transport | None, ...]:
    """Read `tcp udp`; `*` or `any` is (None,). Raises UsageError with the place."""
    if text in ("*", "any"):
        return (None,)
    try:
        found = tuple(parse_transport(word) for word in text.split())
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from None
    if not found:
        raise UsageError(f"{place}: name a transport, or `any`")
    return found
