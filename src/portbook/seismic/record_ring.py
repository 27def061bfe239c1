"""The last records, and who reads them from where: cursors, and selections that they share.

A record is held against a selection once, when it comes, whatever the number of clients that
want the same; what several of them have to get is joined once. Pure.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from portbook.protocols.seedlink.telling import MODULUS_3, StationTold, StreamTold
from portbook.protocols.seedlink.wanting import Matcher, Select, Station, Wanted, matches
from portbook.seismic.live_records import PARTS_3, Channel, Record

_TRIM = 4096


class Selection:
    """The places in the ring of all records that one wish selects.

    channels: those that it selects, with the place of the STATION in the wish that they come
    under; joined: octets for clients that stand at the same place, by version and place
    """

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.channels: dict[Channel, int] = {}
        self.places: list[int] = []
        self.base = 0  # how many places were let go of
        self.users = 0
        self.joined: dict[tuple[int, int, int], tuple[bytes, int]] = {}
        self._matcher = Matcher(wanted)

    def meet(self, channel: Channel) -> bool:
        """Tell whether it selects a channel that is new to it."""
        place = self._matcher.which(channel.station, channel.stream, channel.seed)
        if place is not None:
            self.channels[channel] = place
        return place is not None

    @property
    def end(self) -> int:
        """Return how many records were ever selected."""
        return self.base + len(self.places)

    def add(self, place: int, tail: int) -> None:
        """Take a record's place; those before the ring's tail are let go of in time."""
        self.places.append(place)
        self.joined.clear()
        self.base += _trim(self.places, tail)


class RecordRing:
    """The last `most` records in their order, by place: a number that grows with each.

    fresh: selections that got something since `take_fresh`
    """

    def __init__(self, most: int) -> None:
        self.head = 0  # place of the next record
        self.next_sequence = 0  # ring sequence after the last record's
        self._slots: list[Record | None] = [None] * most
        self._selections: dict[Wanted, Selection] = {}
        self._channels: dict[Channel, list[Selection]] = {}
        self._fresh: set[Selection] = set()

    @property
    def tail(self) -> int:
        """Return the place of the oldest record that is held."""
        return max(0, self.head - len(self._slots))

    def __len__(self) -> int:
        return self.head - self.tail

    def append(self, records: Iterable[Record]) -> None:
        """Take records, in the order of their sequences."""
        for record in records:
            place = self.head
            self._slots[place % len(self._slots)] = record
            self.head = place + 1
            self.next_sequence = record.ring + 1
            channel = record.channel
            selections = self._channels.get(channel)
            if selections is None:
                selections = self._meet(channel)
            tail = self.tail
            channel.held.append(place)
            _trim(channel.held, tail)
            for selection in selections:
                selection.add(place, tail)
                self._fresh.add(selection)

    def _meet(self, channel: Channel) -> list[Selection]:
        found = [one for one in self._selections.values() if one.meet(channel)]
        self._channels[channel] = found
        return found

    def get(self, place: int) -> Record | None:
        """Return the record at a place, None when it is not held."""
        return self._slots[place % len(self._slots)] if self.tail <= place < self.head else None

    def take_fresh(self) -> list[Selection]:
        """Return the selections that got records since the last call."""
        found = list(self._fresh)
        self._fresh.clear()
        return found

    def first_from(self, sequence: int) -> int:
        """Return the place of the first record whose number is at least this one (version 4)."""
        low, high = self.tail, self.head
        while low < high:
            middle = (low + high) // 2
            record = self.get(middle)
            if record is not None and record.sequence < sequence:
                low = middle + 1
            else:
                high = middle
        return low

    def select(self, wanted: Wanted) -> Selection:
        """Return the selection of a wish; the same one to everybody who has the same wish."""
        selection = self._selections.get(wanted)
        if selection is None:
            selection = self._selections[wanted] = Selection(wanted)
            for channel, others in self._channels.items():
                if selection.meet(channel):
                    others.append(selection)
            held = (channel.held for channel in selection.channels)
            tail = self.tail
            selection.places = sorted(place for one in held for place in one if place >= tail)
        selection.users += 1
        return selection

    def release(self, selection: Selection) -> None:
        """Take back one use; a selection that nobody uses any more is forgotten."""
        selection.users -= 1
        if selection.users == 0:
            self._selections.pop(selection.wanted, None)
            self._fresh.discard(selection)
            for channel in selection.channels:
                self._channels[channel].remove(selection)

    def told(self, station: str | None = None, stream: str | None = None) -> list[StationTold]:
        """Return the stations with what is held of them, by name; for INFO."""
        pattern = Station(station or "*", (Select(stream),) if stream else ())
        rows: dict[tuple[str, str], list[tuple[StreamTold, Record, Record]]] = {}
        for channel in self._channels:
            if not matches(pattern.pattern, channel.station):
                continue
            if not pattern.streams(channel.stream, channel.seed):
                continue
            ends = self._ends(channel)
            if ends:
                network, code, location, seed = channel.name
                first, last = ends
                made = StreamTold(location, seed, channel.stream, first.start_ns, last.end_ns)
                rows.setdefault((network, code), []).append((made, first, last))
        return [_station(*names, rows[names]) for names in sorted(rows)]

    def _ends(self, channel: Channel) -> tuple[Record, Record] | None:
        at = bisect_left(channel.held, self.tail)
        if at == len(channel.held):
            return None
        first, last = self.get(channel.held[at]), self.get(channel.held[-1])
        return (first, last) if first and last else None


def _trim(places: list[int], tail: int) -> int:
    """Let go of places before the ring's tail, now and then; return of how many."""
    if len(places) <= _TRIM or places[len(places) // 2] >= tail:
        return 0
    old = bisect_left(places, tail)
    del places[:old]
    return old


def _station(network: str, code: str, rows: list[tuple[StreamTold, Record, Record]]) -> StationTold:
    begin = min((first for _, first, _ in rows), key=lambda one: one.sequence)
    end = max((last for _, _, last in rows), key=lambda one: one.sequence)
    return StationTold(
        network,
        code,
        begin.ring * PARTS_3 % MODULUS_3,
        (end.ring + 1) * PARTS_3 % MODULUS_3,
        begin.sequence,
        end.sequence + 1,
        tuple(sorted(stream for stream, _, _ in rows)),
    )
