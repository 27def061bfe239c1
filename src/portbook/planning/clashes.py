"""Entries of a plan that want the same port of the same host; in time that grows with n log n."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from portbook.claims.policies import Role
from portbook.planning.siteplan import EVERY_HOST, Entry
from portbook.ports import PortRange, Transport


class Clash(NamedTuple):
    """Two entries and what both want; `later` stands further down in the file."""

    later: Entry
    earlier: Entry
    ports: PortRange


def clashes(entries: Iterable[Entry]) -> list[Clash]:
    """Return for each entry at most one earlier entry, or one that spans further, that it meets.

    An entry for every host meets those of each host. In the order of the file.
    """
    listening = [one for one in entries if one.opens and one.role == Role.LISTEN]
    found: dict[tuple[int, int], Clash] = {}
    for transport in Transport:
        hosts: dict[str, list[Entry]] = {}
        for one in listening:
            if one.transport in (None, transport):
                hosts.setdefault(one.host, []).append(one)
        everywhere = hosts.pop(EVERY_HOST, [])
        somewhere = [one for group in hosts.values() for one in group]
        told = [_swept(group) for group in (everywhere, *hosts.values())]
        told += [_Index(everywhere).meeting(somewhere), _Index(somewhere).meeting(everywhere)]
        for clash in chain.from_iterable(told):
            found.setdefault((id(clash.later), id(clash.earlier)), clash)
    return sorted(found.values(), key=lambda one: (one.later.line, one.earlier.line))


def _swept(group: Sequence[Entry]) -> Iterator[Clash]:
    """Go upwards through the ports, with the entry that reaches furthest so far in hand."""
    furthest: Entry | None = None
    for one in sorted(group, key=lambda one: (one.ports.first, one.line)):
        if furthest is not None and one.ports.first <= furthest.ports.last:
            yield _clash(furthest, one)
        if furthest is None or one.ports.last > furthest.ports.last:
            furthest = one


def _clash(one: Entry, other: Entry) -> Clash:
    first = max(one.ports.first, other.ports.first)
    both = PortRange(first, min(one.ports.last, other.ports.last))
    earlier, later = sorted((one, other), key=lambda entry: entry.line)
    return Clash(later, earlier, both)


class _Index:
    """Entries, ready to be asked which of them meets a range."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = sorted(entries, key=lambda one: (one.ports.first, one.line))
        self._firsts = [one.ports.first for one in self._entries]
        self._furthest: list[Entry] = []  # of those up to here
        for one in self._entries:
            last = self._furthest[-1] if self._furthest else one
            self._furthest.append(one if one.ports.last > last.ports.last else last)

    def meeting(self, group: Iterable[Entry]) -> Iterator[Clash]:
        for one in group:
            at = bisect_right(self._firsts, one.ports.last) - 1
            if at >= 0 and self._furthest[at].ports.last >= one.ports.first:
                yield _clash(self._furthest[at], one)
