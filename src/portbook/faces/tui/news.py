"""What is new, the latest kept: from an interface, from this machine's sockets, from the book."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable
from itertools import count
from typing import NamedTuple

import msgspec

from portbook.book import Change
from portbook.faces.watching import sentence
from portbook.records import Listener

MOST = 500  # that are kept


class News(NamedTuple):
    """One thing that is new, gone or different.

    known: what tells it from other news; record: what it is about
    """

    known: Hashable
    at_ns: int
    what: str  # "new", "gone", "changed"
    text: str
    record: msgspec.Struct


class Newsroom:
    """Keeps the latest news, and counts all of it."""

    def __init__(self) -> None:
        self._kept: deque[News] = deque(maxlen=MOST)
        self._numbers = count(1)
        self.told = 0
        self._sockets: dict[tuple[object, ...], Listener] | None = None

    @property
    def latest(self) -> tuple[News, ...]:
        """Return what is kept, the latest first."""
        return tuple(reversed(self._kept))

    def tell(self, records: Iterable[msgspec.Struct], at_ns: int) -> None:
        """Take records that are new, or tell something else than before."""
        for one in records:
            if text := sentence(one):
                self._add(at_ns, "new", text, one)

    def compare(self, sockets: Iterable[Listener], at_ns: int) -> None:
        """Tell which sockets came and went since the last time; the first time nothing is new."""
        now = {_door(one): one for one in sockets}
        before, self._sockets = self._sockets, now
        if before is None:
            return
        for what, some, others in (("gone", before, now), ("new", now, before)):
            for door in some.keys() - others.keys():
                self._add(at_ns, what, _opened(some[door]), some[door])

    def _add(self, at_ns: int, what: str, text: str, record: msgspec.Struct) -> None:
        self.told += 1
        self._kept.append(News(next(self._numbers), at_ns, what, text, record))


def changed(changes: Iterable[Change]) -> tuple[News, ...]:
    """Return changes of the book as news, in their order."""
    return tuple(
        News((one.at_ns, one.what, one.of, one.site, one.vlan, one.subject), one.at_ns, one.what,
             f"{one.of} {one.subject}{_otherwise(one)}", one)
        for one in changes
    )  # fmt: skip


def _otherwise(one: Change) -> str:
    names = ", ".join(sorted(one.before))
    return f": otherwise in {names}" if one.what == "changed" and names else ""


def _door(one: Listener) -> tuple[object, ...]:
    return one.namespace, one.interface, one.transport, one.address, one.port, one.peer


def _opened(one: Listener) -> str:
    address = f"[{one.address}]" if ":" in one.address else one.address
    who = one.program or ("owner hidden" if one.owners_hidden else "no owner")
    return f"socket {one.transport.value} {address}:{one.port} of {who}"
