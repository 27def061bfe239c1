"""REF TEK packets on their way into the archives: logged, put in order, each written once.

intake = Intake(raw, near_year=2026)
intake.recover()                      what a sudden end left in the journal
intake.take(octets)                   for each packet that comes
intake.sync()                         all taken so far is safe
intake.finish()                       tell what is missing, close
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from portbook.protocols.reftek import packets
from portbook.protocols.reftek.packets import Packet
from portbook.records import Oddity
from portbook.seismic.assembly import WINDOW, Assembler
from portbook.seismic.carrying import Carrier, Default, refusals
from portbook.seismic.lanes import Stand
from portbook.seismic.outcomes import (
    Hole,
    Join,
    Late,
    Outcome,
    Placed,
    Refused,
    Repeated,
    Told,
    Unfinished,
)
from portbook.seismic.raw_archive import RawArchive
from portbook.seismic.reports import Break, Missing
from portbook.seismic.sds import Sds
from portbook.seismic.stations import Stations
from portbook.seismic.store import ArchiveError, sync_together
from portbook.seismic.tags import time_ns

MOST_HOLES = 10_000  # told one by one; further ones are counted only
Stands = Mapping[tuple[str, int], Iterable[Stand]]
# What travels with a packet through the assembler: its place in the log, where it came from, and
# whether its samples are sound. A plain tuple: one is made for each packet.
_Cargo = tuple[int, str, bool]


class UpsetError(Exception):
    """What should not be: a packet for whose own sake archiving failed. Begin again without it.

    octets: the packet; None when it was none
    """

    def __init__(self, outcome: Outcome, error: Exception) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        packet = getattr(outcome, "packet", None)
        self.octets: bytes | None = packet.octets if packet else None


class Counts(msgspec.Struct):
    """What became of the packets that were taken."""

    packets: int = 0
    written: int = 0
    duplicates: int = 0
    refused: int = 0
    holes: int = 0
    missing: int = 0  # packets in all holes
    records: int = 0  # of miniSEED
    record_duplicates: int = 0


class Intake:
    """Takes packets of any recorders and puts them in a raw archive, and in an SDS tree.

    hold_ns: how long a packet waits for those before it, by the `now_ns` of the calls; None: until
    `finish`, or until `window` wait. stations: codes for the SDS tree; what they lack is told.
    rates: Hz by unit and stream, where nothing else tells them. logged: each packet goes to the
    journal first; without, what was taken is safe at a `checkpoint` only, and the caller gives
    everything since then again after a sudden end. stands: where another intake came to.
    checked: look at compressed samples, and tell and carry over none that cannot be, of packets
    that are given many at a time (needs numpy and pymseed);
    default: gives codes to channels that `stations` lacks
    """

    def __init__(
        self,
        raw: RawArchive,
        near_year: int,
        *,
        sds: Sds | None = None,
        stations: Stations | None = None,
        hold_ns: int | None = None,
        window: int = WINDOW,
        rates: Mapping[tuple[str, int], float] | None = None,
        logged: bool = True,
        stands: Stands | None = None,
        checked: bool = False,
        default: Default | None = None,
    ) -> None:
        self._counts = Counts()
        self._raw, self._sds = raw, sds
        self._carrier = Carrier(sds, stations, near_year, self._odd_at, default) if sds else None
        self._year = near_year
        self._logged, self._checked = logged, checked
        self._rates = dict(rates or {})
        known = {**self._rates, **raw.rates()}
        self._assembler = Assembler(near_year, window=window, hold_ns=hold_ns, rates=known)
        self._assembler.resume(stands or {})
        self._unplaced: dict[int, bytes] = {}
        self._oddities: dict[str, Oddity] = {}
        self._holes: list[Missing] = []
        self._steps: list[Break] = []
        self._taken = 0

    @property
    def counts(self) -> Counts:
        """Return what became of the packets so far."""
        if self._carrier:
            self._counts.records = self._carrier.records
            self._counts.record_duplicates = self._carrier.duplicates
        return self._counts

    def recover(self) -> int:
        """Take once more what was logged before a sudden end; return how many packets that is."""
        count = 0
        for octets in self._raw.replay():
            if packet := packets.read(octets):
                self._take(packet, "journal of the archive", 0)
                count += 1
        return count

    def take(self, octets: bytes, where: str = "", now_ns: int = 0) -> bool:
        """Take a packet of 1024 octets as it came in; False when it is none.

        where: file and packet, for oddities. Raises ArchiveError when the archive cannot take it.
        """
        packet = packets.read(octets)
        if packet is None:
            self._no_packet(where)
            return False
        self.put(packet, where, now_ns)
        return True

    def put(self, packet: Packet, where: str = "", now_ns: int = 0) -> None:
        """Take a packet that has been read already, as `take` does."""
        self._counts.packets += 1
        if self._logged:
            self._raw.log([packet.octets])
        self._take(packet, where, now_ns)

    def take_all(self, came: Sequence[tuple[bytes, str]], now_ns: int = 0) -> None:
        """Take packets as `take` does, each with where it came from; they came by `now_ns`.

        Raises ArchiveError, and UpsetError when something is wrong with a packet or with us.
        """
        read = [(packets.read(octets), where) for octets, where in came]
        self.put_all(read, now_ns)

    def put_all(self, came: Sequence[tuple[Packet | None, str]], now_ns: int = 0) -> None:
        """Take packets that have been read already, as `take_all` does; None: it was none."""
        bad = refusals([packet for packet, _ in came]) if self._checked else {}
        for at, (packet, where) in enumerate(came):
            if packet is None:
                self._no_packet(where)
                continue
            self._counts.packets += 1
            if self._logged:
                self._raw.log([packet.octets])
            if at in bad:
                name, reason = bad[at]
                self.odd(name, f"{where}: {reason}", "it is kept in the raw archive only")
            self._take(packet, where, now_ns, at not in bad)

    def due(self, now_ns: int) -> bool:
        """Give up on packets that did not come in time; tell whether there were such."""
        outcomes = self._assembler.due(now_ns)
        self._handle(outcomes)
        return bool(outcomes)

    def sync(self) -> None:
        """Make all that was taken safe; only then may it be acknowledged."""
        if self._sds:
            self._sds.sync()
        self._raw.sync()
        if self._raw.wants_checkpoint:
            self._raw.checkpoint(self._unplaced.values())

    def checkpoint(self, *, merging: bool = False) -> None:
        """Put all that was taken in its files, and those on the disk: nothing has to come again.

        merging: late records are put in their place too, which writes their day files anew
        """
        if self._sds:
            sync_together((self._sds.store, self._raw.store))
            self._sds.checkpoint(merging=merging)
        self._raw.checkpoint(self._unplaced.values())

    def stands(self) -> dict[tuple[str, int], list[Stand]]:
        """Return how far each stream has come, for the next intake."""
        return self._assembler.stands()

    def leave(self) -> None:
        """Close the archives; what waits for packets before it is kept for the next intake."""
        if self._sds:
            self._sds.close()
        self._raw.close(self._unplaced.values())

    def finish(self) -> None:
        """Tell what is missing, write what was held, close the archives."""
        self._handle(self._assembler.flush())
        if self._sds:
            self._sds.close()
        self._raw.close()

    def abandon(self) -> None:
        """Let go of the archives at once; what was synced comes back when they are opened."""
        if self._sds:
            self._sds.abandon()
        self._raw.abandon()

    def odd(self, name: str, where: str, advice: str | None = None) -> None:
        """Count something malformed; where it was first met is kept."""
        before = self._oddities.get(name)
        count = before.count + 1 if before else 1
        self._oddities[name] = Oddity(
            name, count, before.where if before else where, before.advice if before else advice
        )

    @property
    def oddities(self) -> list[Oddity]:
        """Return what was malformed or could not be carried over, counted by name."""
        return list(self._oddities.values())

    def holes(self) -> list[Missing]:
        """Return the holes found since the last call."""
        found, self._holes = self._holes, []
        return found

    def steps(self) -> list[Break]:
        """Return the clocks that were set since the last call."""
        found, self._steps = self._steps, []
        return found

    def keep_free(self, octets: int) -> None:
        """Leave so many octets free on the disk from now on."""
        self._raw.min_free = octets
        if self._sds:
            self._sds.min_free = octets

    def name(
        self, stations: Stations | None, rates: Mapping[tuple[str, int], float] | None = None
    ) -> None:
        """Use another station map, and other rates, from now on."""
        if self._carrier:
            self._carrier.name(stations)
        self._assembler.know(rates or {}, self._rates)
        self._rates = dict(rates or {})

    def _no_packet(self, where: str) -> None:
        self._counts.packets += 1
        self._counts.refused += 1
        self.odd("no-packet", where)

    def _odd_at(self, name: str, where: str, advice: str | None) -> None:
        self.odd(name, where, advice)

    def _take(self, packet: Packet, where: str, now_ns: int, sound: bool = True) -> None:
        self._taken += 1
        self._unplaced[self._taken] = packet.octets
        cargo: _Cargo = (self._taken, where, sound)
        self._handle(self._assembler.add(packet, now_ns, cargo=cargo, sound=sound))

    def _handle(self, outcomes: list[Outcome]) -> None:
        for one in outcomes:
            try:
                if type(one) is Placed:  # most are
                    self._placed(one)
                elif isinstance(one, Hole):
                    self._hole(one)
                elif isinstance(one, Unfinished):
                    self._raw.end_event(one.unit, one.stream, one.event)
                else:
                    self._one(one)
            except ArchiveError:
                raise
            except Exception as error:
                raise UpsetError(one, error) from error

    def _placed(self, one: Placed) -> None:
        packet = one.packet
        self._store(packet, one.time_ns)
        if packet.type == "DT":
            self._carry(one)
            if one.join is Join.BROKEN:
                what = f"{one.cargo[1]}: unit {packet.unit} sequence {packet.sequence}"
                self.odd("samples-do-not-follow", what)
        elif packet.type == "ET":
            self._end(packet)
        del self._unplaced[one.cargo[0]]

    def _one(self, one: Placed | Told | Late | Repeated | Refused) -> None:
        if isinstance(one, Refused):
            self._refused(one)
        elif isinstance(one, Repeated):
            self._repeated(one)
        else:
            self._store(one.packet, one.time_ns)
            if isinstance(one, Placed | Late):
                self._carry(one)
            if one.packet.type == "ET":
                self._end(one.packet)
        self._unplaced.pop(one.cargo[0], None)

    def _refused(self, one: Refused) -> None:
        """Leave a packet out, or only without its order where there are too many streams."""
        self.odd(one.name, f"{one.cargo[1]}: {one.reason}")
        when = time_ns(one.packet, self._year)
        if one.name == "too-many-streams" and when is not None:
            self._store(one.packet, when)
        else:
            self._counts.refused += 1

    def _repeated(self, one: Repeated) -> None:
        """Keep a packet that differs from one of the same number: nobody knows which is right."""
        if one.equal:
            self._counts.duplicates += 1
            return
        self.odd("number-twice", f"{one.cargo[1]}: sequence {one.packet.sequence}, other data")
        when = time_ns(one.packet, self._year)
        if when is not None:
            self._store(one.packet, when)

    def _store(self, packet: Packet, time_ns: int) -> None:
        if self._raw.add(packet, time_ns):
            self._counts.written += 1
        else:
            self._counts.duplicates += 1

    def _end(self, packet: Packet) -> None:
        if packet.stream is not None and packet.event is not None:
            self._raw.end_event(packet.unit, packet.stream, packet.event)

    def _carry(self, one: Placed | Late) -> None:
        _, where, sound = one.cargo
        if self._carrier and sound:
            self._carrier.carry(one.packet, one.time_ns, one.rate_hz, where)
        if isinstance(one, Placed) and one.join is Join.CLOCK_STEP:
            self._step(one, where)

    def _step(self, one: Placed, where: str) -> None:
        if len(self._steps) >= MOST_HOLES:
            return
        packet = one.packet
        self._steps.append(
            Break(
                join=str(one.join),
                unit=packet.unit,
                stream=(packet.stream or 0) + 1,
                channel=(packet.channel or 0) + 1,
                event=packet.event or 0,
                sequence=packet.sequence,
                at_ns=one.time_ns,
                off_s=None if one.off_ns is None else one.off_ns / 1e9,
                source=where,
                offset=0,
            )
        )

    def _hole(self, hole: Hole) -> None:
        for first, count in self._absent(hole):
            self._counts.holes += 1
            self._counts.missing += count
            if len(self._holes) < MOST_HOLES:
                last = (first + count - 1) % 10_000
                self._holes.append(
                    Missing(
                        hole.unit,
                        hole.stream + 1,
                        hole.event,
                        first,
                        last,
                        count,
                        hole.from_ns,
                        hole.until_ns,
                    )
                )

    def _absent(self, hole: Hole) -> Iterator[tuple[int, int]]:
        """Give the parts of a hole that the archive does not hold from before: first and count."""
        begin = None
        for step in range(hole.packets + 1):
            number = (hole.first_sequence + step) % 10_000
            known = step == hole.packets or self._known(hole, number)
            if begin is None and not known:
                begin = step
            elif begin is not None and known:
                yield (hole.first_sequence + begin) % 10_000, step - begin
                begin = None

    def _known(self, hole: Hole, number: int) -> bool:
        return any(
            self._raw.has_number(hole.unit, hole.stream, hole.event, number, at_ns)
            for at_ns in (hole.from_ns, hole.until_ns)
        )
