"""Which closed files of a raw archive may hold a packet, found by their names.

A file holds one run of sequences without a break, so a packet's place in it follows from the
sequence of its first packet: to find out whether a packet is there costs one read.
"""

from __future__ import annotations

import bisect
import os
from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from portbook.protocols.reftek import packets
from portbook.protocols.reftek.layouts import SIZE
from portbook.protocols.reftek.packets import Packet
from portbook.seismic.names import DAY_NS, LONGEST_MS, MILLI, Span, folder, read_name
from portbook.seismic.store import Store

MARGIN_NS = 60_000_000_000  # a clock that is set may put packets outside of their file's times
WRAP = 10_000
_DAYS_BACK = LONGEST_MS * MILLI // DAY_NS + 1  # so far may the longest name of a file reach
_MOST = 4096  # streams whose files are remembered
_DAYS = 4  # of each
MOST_GONE = 1 << 20  # packets of deleted files that are remembered


class Head:
    """What a file's first packet tells, and how many packets it has."""

    __slots__ = ("count", "event", "sequence")

    def __init__(self, event: int | None, sequence: int, count: int) -> None:
        self.event, self.sequence, self.count = event, sequence, count

    def places(self, event: int | None, sequence: int) -> range:
        """Return the places where a packet of that number would stand."""
        if event != self.event:
            return range(0)
        return range((sequence - self.sequence) % WRAP, self.count, WRAP)


class _Day:
    """The files that reach into a day, by when they begin."""

    __slots__ = ("_longest_ns", "_spans")

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._longest_ns = 0

    def add(self, span: Span) -> None:
        bisect.insort(self._spans, span)
        self._longest_ns = max(self._longest_ns, span.end_ns - span.first_ns)

    def __bool__(self) -> bool:
        return bool(self._spans)

    def forget(self, folder: str) -> None:
        self._spans = [one for one in self._spans if not one.path.startswith(folder)]

    def drop(self, span: Span) -> None:
        at = bisect.bisect_left(self._spans, span)
        if self._spans[at : at + 1] == [span]:
            del self._spans[at]
        else:
            self.forget(span.path)

    @property
    def ends_ns(self) -> int:
        """Return when the last of the files ends."""
        return max((one.end_ns for one in self._spans), default=0)

    def near(self, at_ns: int) -> list[Span]:
        """Return the files that may hold a packet of that time; a lossy day has thousands."""
        from_ns = at_ns - MARGIN_NS - self._longest_ns
        start = bisect.bisect_left(self._spans, from_ns, key=lambda one: one.first_ns)
        upto = bisect.bisect_right(self._spans, at_ns + MARGIN_NS, key=lambda one: one.first_ns)
        return [one for one in self._spans[start:upto] if one.end_ns + MARGIN_NS >= at_ns]


class _Sums(NamedTuple):
    """A file that was deleted; sums: one of each of its packets, none when there were too many."""

    key: tuple[str, int]
    span: Span
    head: Head
    sums: array[int]


class Gone:
    """The files that were deleted last to make room, with a sum of each of their packets."""

    def __init__(self) -> None:
        self._days: dict[tuple[str, int], _Day] = {}
        self._files: OrderedDict[str, _Sums] = OrderedDict()
        self._packets = 0

    def add(
        self, unit: str, place: int, span: Span, head: Head, packets_of: Sequence[bytes]
    ) -> None:
        """Remember a file, instead of those of which it is longest ago."""
        key = (unit, place)
        self._forget(span.path)
        self._days.setdefault(key, _Day()).add(span)
        self._files[span.path] = _Sums(key, span, head, array("q", map(hash, packets_of)))
        self._packets += head.count
        while self._packets > MOST_GONE and len(self._files) > 1:
            self._forget(next(iter(self._files)))

    def holds(self, packet: Packet, place: int, at_ns: int) -> bool:
        """Tell whether this very packet stood in one of them."""
        return any(
            index < len(sums) and sums[index] == hash(packet.octets)
            for _, _, head, sums in self._near(packet.unit, place, at_ns)
            for index in head.places(packet.event, packet.sequence)
        )

    def has_number(
        self, unit: str, place: int, event: int | None, sequence: int, at_ns: int
    ) -> bool:
        """Tell whether one of them had a packet of that number about that time."""
        near = self._near(unit, place, at_ns)
        return any(len(one.head.places(event, sequence)) > 0 for one in near)

    def _near(self, unit: str, place: int, at_ns: int) -> list[_Sums]:
        day = self._days.get((unit, place))
        return [self._files[one.path] for one in day.near(at_ns)] if day else []

    def _forget(self, path: str) -> None:
        if path in self._files:
            one = self._files.pop(path)
            self._packets -= one.head.count
            day = self._days[one.key]
            day.drop(one.span)
            if not day:
                del self._days[one.key]


class Shelves:
    """The closed files below a root, listed when first asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._days: OrderedDict[tuple[str, int], dict[int, _Day]] = OrderedDict()
        self._free: dict[tuple[str, int], tuple[int, int]] = {}  # times that no closed file is near
        self._heads: OrderedDict[str, Head | None] = OrderedDict()
        self._gone = Gone()

    def nothing_near(self, unit: str, place: int, at_ns: int) -> bool:
        """Tell whether surely no closed file holds a packet of that time, at less cost."""
        from_ns, until_ns = self._free.get((unit, place), (0, 0))
        if from_ns <= at_ns < until_ns:
            return True
        day = at_ns // DAY_NS
        from_ns = self._listed(unit, place, day).ends_ns + MARGIN_NS + 1
        if len(self._free) >= _MOST:
            self._free.clear()
        self._free[unit, place] = (max(from_ns, day * DAY_NS), (day + 1) * DAY_NS)
        return max(from_ns, day * DAY_NS) <= at_ns

    def hold(self, packet: Packet, place: int, at_ns: int) -> bool:
        """Tell whether this very packet, octet for octet, stands in a closed file."""
        return any(
            self._store.read(span.path, index) == packet.octets
            for span, head in self._around(packet.unit, place, at_ns)
            for index in head.places(packet.event, packet.sequence)
        ) or self._gone.holds(packet, place, at_ns)

    def have_number(
        self, unit: str, place: int, event: int | None, sequence: int, at_ns: int
    ) -> bool:
        """Tell whether a closed file has a packet of that number about that time."""
        return any(
            len(head.places(event, sequence)) > 0 for _, head in self._around(unit, place, at_ns)
        ) or self._gone.has_number(unit, place, event, sequence, at_ns)

    def add(self, unit: str, place: int, span: Span, head: Head) -> None:
        """Remember a file that was closed just now."""
        self._remember(span.path, head)
        self._free.pop((unit, place), None)
        for day, known in self._days.get((unit, place), {}).items():
            if _reaches(span, day):
                known.add(span)

    def gone(self, unit: str, place: int, span: Span, octets: int) -> Callable[[], None]:
        """Read a file that is to be deleted; call what is returned when it has been.

        From then on the file is not there, but its packets still count as held for a while: what
        comes a second time is not new because room was made.
        """
        head, packets_of = self._head(span.path), self._read(span.path, octets)

        def deleted() -> None:
            self._heads.pop(span.path, None)
            for day in self._days.get((unit, place), {}).values():
                day.drop(span)
            if head is not None:
                self._gone.add(unit, place, span, head, packets_of)

        return deleted

    def forget(self, day: str) -> None:
        """Forget the files of a day's folder, which were deleted."""
        below = f"{day}/"
        for path in [path for path in self._heads if path.startswith(below)]:
            del self._heads[path]
        for known in self._days.values():
            for one in known.values():
                one.forget(below)

    def _around(self, unit: str, place: int, at_ns: int) -> list[tuple[Span, Head]]:
        near = self._listed(unit, place, at_ns // DAY_NS).near(at_ns)
        return [(one, head) for one in near if (head := self._head(one.path))]

    def _listed(self, unit: str, place: int, day: int) -> _Day:
        key = (unit, place)
        days = self._days.setdefault(key, {})
        self._days.move_to_end(key)
        if len(self._days) > _MOST:
            self._days.popitem(last=False)
        if day not in days:
            if len(days) >= _DAYS:
                days.pop(next(iter(days)))
            days[day] = self._look(unit, place, day)
        return days[day]

    def _look(self, unit: str, place: int, day: int) -> _Day:
        found = _Day()
        first, last = (folder(max(0, at) * DAY_NS, unit, place)[:7] for at in _reach(day))
        below = f"{unit}/{place}"
        for name in _names(str(self._store.root)):
            if not (len(name) == 7 and first <= name <= last):
                continue
            for one in _names(f"{self._store.root}/{name}/{below}"):
                span = read_name(name, below, one)
                if span and _reaches(span, day):
                    found.add(span)
        return found

    def _head(self, path: str) -> Head | None:
        if path not in self._heads:
            packet = packets.read(self._store.read(path, 0))
            count = self._store.size(path) // SIZE
            head = Head(packet.event, packet.sequence, count) if packet else None
            self._remember(path, head)
        return self._heads[path]

    def _read(self, path: str, octets: int) -> list[bytes]:
        """Return the packets of a file that is not too large to be remembered."""
        if octets > MOST_GONE // 16 * SIZE:
            return []
        try:
            whole = (self._store.root / path).read_bytes()
        except OSError:
            return []
        return [whole[at : at + SIZE] for at in range(0, len(whole), SIZE)]

    def _remember(self, path: str, head: Head | None) -> None:
        self._heads[path] = head
        self._heads.move_to_end(path)
        if len(self._heads) > 16 * _MOST:
            self._heads.popitem(last=False)


def _reach(day: int) -> tuple[int, int]:
    """Return the first and the last day whose folders may hold files that reach into a day."""
    return day - _DAYS_BACK, day + 1


def _reaches(span: Span, day: int) -> bool:
    start = day * DAY_NS
    return span.first_ns - MARGIN_NS < start + DAY_NS and span.end_ns + MARGIN_NS >= start


def _names(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except (FileNotFoundError, NotADirectoryError):
        return []
