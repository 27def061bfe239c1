"""What a port plan tells of stretches of ports: allowed, claimed, reserved, in use, free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from portbook.ports import HIGHEST, Band, PortRange

MOST_MARKS = 2000  # of a kind
LEAST_FREE = 8  # ports of a stretch that is shown as free


class Mark(NamedTuple):
    """Ports with something to say of them."""

    ports: PortRange
    text: str
    href: str | None = None


class Told(NamedTuple):
    """A row of the list that tells the same as the strip."""

    ports: PortRange
    what: str  # in the reader's language
    text: str
    href: str | None


class StripPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of ports."""

    allowed: tuple[PortRange, ...] | None = None  # by a policy; None: there is none
    claimed: tuple[PortRange, ...] = ()
    reserved: tuple[Mark, ...] = ()  # by a vendor or the site
    seen: tuple[Mark, ...] = ()  # heard on the network
    listening: tuple[Mark, ...] = ()  # on this machine
    ephemeral: PortRange | None = None  # what the system hands out to clients


class StripWords(msgspec.Struct, frozen=True, kw_only=True):
    """What the strip says, in the reader's language."""

    title: str
    description: str
    bands: tuple[str, str, str]  # system, user, dynamic
    allowed: str
    claimed: str
    reserved: str
    seen: str
    listening: str
    ephemeral: str
    free: str


def free_stretches(plan: StripPlan, least: int = 1) -> tuple[PortRange, ...]:
    """Return stretches that nothing speaks against, in order.

    They are allowed where there is a policy, outside the system band where there is none; nobody
    claims, reserves or uses them, and the system does not hand them out.
    """
    free = bytearray(HIGHEST + 1)
    for one in plan.allowed if plan.allowed is not None else (PortRange(1024, HIGHEST),):
        free[one.first : one.last + 1] = bytes([1]) * one.size
    marks = (*plan.reserved, *plan.seen, *plan.listening)
    taken = [*plan.claimed, *(one.ports for one in marks)]
    for one in [*taken, *([plan.ephemeral] if plan.ephemeral else [])]:
        free[one.first : one.last + 1] = bytes(one.size)
    return tuple(one for one in _runs(free) if one.size >= least)


def listed(plan: StripPlan, words: StripWords) -> list[Told]:
    """Return what the strip shows as rows of a list, in order of ports, for those who read it.

    Claims are left out: each port's own page tells them.
    """
    found = [Told(band.range, text, "", None) for band, text in zip(Band, words.bands, strict=True)]
    for ranges, word in (
        (plan.allowed or (), words.allowed),
        ([plan.ephemeral] if plan.ephemeral else [], words.ephemeral),
        (free_stretches(plan, LEAST_FREE), words.free),
    ):
        found += [Told(one, word, "", None) for one in ranges]
    for marks, word in (
        (plan.reserved, words.reserved),
        (plan.seen, words.seen),
        (plan.listening, words.listening),
    ):
        found += [Told(one.ports, word, one.text, one.href) for one in marks[:MOST_MARKS]]
    return sorted(found, key=lambda one: (one.ports.first, -one.ports.last, one.what, one.text))


def together(marks: Sequence[Mark]) -> Mark:
    """Return one mark for those of a row: with its text where it is alone, else their numbers."""
    if len(marks) == 1:
        return marks[0]
    first, *others = merged(one.ports for one in marks)
    if not others:
        return Mark(first, ", ".join(dict.fromkeys(one.text for one in marks)), marks[0].href)
    return Mark(first, "".join(f"· {one} " for one in others))


def _runs(flags: bytearray) -> Iterator[PortRange]:
    first = flags.find(1)
    while first >= 0:
        end = flags.find(0, first)
        last = (end if end >= 0 else len(flags)) - 1
        yield PortRange(first, last)
        first = flags.find(1, last + 1)


def merged(ranges: Iterable[PortRange]) -> Iterator[PortRange]:
    """Give the ranges that some ranges make together, in order."""
    flags = bytearray(HIGHEST + 1)
    for one in ranges:
        flags[one.first : one.last + 1] = bytes([1]) * one.size
    return _runs(flags)
