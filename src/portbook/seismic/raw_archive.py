"""A raw REF TEK archive in the maker's layout, which the tools for it read.

ROOT/YYYYDDD/UUUU/S/HHMMSSTTT_LLLLLLLL, packets of 1024 octets one behind the other; a file ends
at a missing packet, the event's end, or for state of health the day's end. Other than the maker's,
this one writes each packet once, never over a file, and comes back whole from any sudden end:

    archive.log(octets of packets)    they came in
    archive.sync()                    and now they are safe; acknowledge them
    archive.add(packet, time_ns)      put each in its file, in order
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from portbook.protocols.reftek import packets
from portbook.protocols.reftek.layouts import SIZE
from portbook.protocols.reftek.packets import Packet
from portbook.seismic import archive_state
from portbook.seismic.archive_state import State, Stream
from portbook.seismic.names import DAY_NS, MILLI, NANO, Span, day_ns, file_name, folder
from portbook.seismic.oldest import Oldest
from portbook.seismic.raw_file import RawFile, begins_ns, place_of
from portbook.seismic.raw_listing import days, earliest, files, listed
from portbook.seismic.shelves import WRAP, Shelves
from portbook.seismic.store import (
    CHECKPOINT_OCTETS,
    ROOM,
    ArchiveError,
    Cut,
    Room,
    Store,
    Written,
    by_day,
)
from portbook.seismic.tags import span_ns, time_ns

MOST_FILES = 3  # open at a time of one stream: late packets go on where their gap began
MOST_STREAMS = 4096  # of which files are open at a time
_OPEN = "_00000000"


class Purged(NamedTuple):
    """Closed files that were deleted; day: of the first, since 1970; over: no other one may go."""

    files: int = 0
    octets: int = 0
    day: int | None = None
    over: bool = False


class RawArchive:
    """A raw archive that is open for writing, by one program at a time.

    root: its folder, made when absent; min_free: octets that must stay free on the disk
    Raises ArchiveError when another program writes there, or the disk is full or fails; then
    nothing more is written, and what was reported safe comes back when the archive is opened.
    """

    def __init__(
        self,
        root: Path,
        *,
        min_free: int = 0,
        checkpoint_octets: int = CHECKPOINT_OCTETS,
        room: Room = ROOM,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._now_ns = now_ns
        self._store = Store(
            root,
            SIZE,
            _is_packet,
            min_free=min_free,
            room=room,
            checkpoint_octets=checkpoint_octets,
        )
        self._shelves = Shelves(self._store)
        self._open: OrderedDict[tuple[str, int], list[RawFile]] = OrderedDict()
        self._oldest = Oldest(root)
        self._all_known = False  # the oldest were looked for since `purge` last came to an end
        try:
            self._changed = False
            self.state = self._known_state()
            self._recover()
        except BaseException:
            self._store.close(finished=False)
            raise

    @property
    def root(self) -> Path:
        """Return the archive's folder."""
        return self._store.root

    @property
    def store(self) -> Store:
        """Return the files below."""
        return self._store

    @property
    def min_free(self) -> int:
        """Return the octets that must stay free on the disk."""
        return self._store.min_free

    @min_free.setter
    def min_free(self, octets: int) -> None:
        self._store.min_free = octets

    @property
    def cuts(self) -> list[Cut]:
        """Return the torn ends that were cut off, as left by a sudden end."""
        return self._store.cuts

    def replay(self) -> Iterator[bytes]:
        """Give the packets that were logged before a sudden end; put them in order and add them."""
        return self._store.replay()

    def log(self, octets: Iterable[bytes]) -> None:
        """Write packets as they came in into the journal; safe after the next `sync`."""
        self._store.log(octets)

    def add(self, packet: Packet, at_ns: int) -> bool:
        """Append a packet to its file; False when this very packet is in the archive already.

        at_ns: its time. Packets are to come in order; one that does not gets a file of its own.
        """
        key = packet.unit, place_of(packet)
        files = self._open.get(key)
        # What goes on where the only open file ends cannot be in it, and is in no closed one
        # either if none is near that time: so it is with nearly all packets.
        if (
            files is not None
            and len(files) == 1
            and files[0].takes(packet, at_ns)
            and files[0].count < WRAP
            and self._shelves.nothing_near(*key, at_ns)
        ):
            file = files[0]
            self._open.move_to_end(key)
        elif self.holds(packet, at_ns):
            return False
        else:
            file = self._file_for(packet, at_ns)
        if not self.state.writing:
            self._changed = True
            self._publish(writing=True)
        self._store.append(file.path, packet.octets)
        file.add(packet, at_ns)
        self._account(file, packet, at_ns)
        return True

    def holds(self, packet: Packet, at_ns: int) -> bool:
        """Tell whether this very packet, octet for octet, is in the archive."""
        place = place_of(packet)
        for file in self._open.get((packet.unit, place), ()):
            for index in file.head.places(packet.event, packet.sequence):
                if self._store.read(file.path, index) == packet.octets:
                    return True
        return self._shelves.hold(packet, place, at_ns)

    def has_number(self, unit: str, stream: int, event: int, sequence: int, at_ns: int) -> bool:
        """Tell whether the archive has a packet of that number about that time."""
        place = stream + 1
        files = self._open.get((unit, place), ())
        return any(
            len(file.head.places(event, sequence)) > 0 for file in files
        ) or self._shelves.have_number(unit, place, event, sequence, at_ns)

    def end_event(self, unit: str, stream: int, event: int) -> None:
        """Close the files of an event, which is over: each gets the name with its length."""
        for file in list(self._open.get((unit, stream + 1), ())):
            if file.event == event:
                self._close(file)

    def rates(self) -> dict[tuple[str, int], float]:
        """Return the last known rate in Hz of each unit and wire stream.

        An event that goes on after a restart does not tell it again.
        """
        every = self.state.streams.values()
        return {
            (one.unit, one.place - 1): one.rate_hz for one in every if one.place and one.rate_hz
        }

    def holdings(self) -> Iterator[tuple[int, int, int]]:
        """Give days of data, octets that are there of each, and days when they were written.

        Days are counted from 1970. Each step takes about as long as reading a day's folder.
        """
        for name in days(self.root):
            begins_ns = day_ns(name)
            every = [about for _, _, about in files(self.root, name)]
            if begins_ns is not None and every:
                written = int(max(one.st_mtime for one in every)) * NANO // DAY_NS
                yield begins_ns // DAY_NS, sum(one.st_size for one in every), written

    def growth(self, *, following: bool = True) -> dict[int, int]:
        """Return by how many octets each day has grown since the last call.

        It is followed from the first call on; following: whether it is any more.
        """
        return by_day(self._store.growth(following=following), lambda path: day_ns(path[:7]))

    def forget(self, day: int) -> tuple[int, int]:
        """Delete the files of a day; return how many and their octets.

        Open ones are closed first. What is not named as this archive names its files stays.
        """
        name = folder(day * DAY_NS, "0", 0)[:7]
        for every in list(self._open.values()):
            for file in [one for one in every if one.path.startswith(f"{name}/")]:
                self._close(file)
        shrunk: dict[tuple[str, int], int] = {}
        count = 0
        for key, span, _ in list(files(self.root, name)):
            octets = self._store.remove(span.path)
            if octets is not None:
                shrunk[key] = shrunk.get(key, 0) + octets
                count += 1
        for unit, place in shrunk:
            self._leave(f"{name}/{unit}/{place}")
        self._shelves.forget(name)
        self._shrink_all(shrunk)
        if shrunk:
            self._publish(writing=self.state.writing)
        return count, sum(shrunk.values())

    def purge(self, octets: int, most: int = 64) -> Purged:
        """Delete closed files, those first that were written longest ago, until so much is gone.

        most: files that are deleted by this call; while there are more, and neither `octets` are
        gone nor `over` is told, call it again. A file that is open stays, and one of which
        something is not safe yet: after a sudden end that would come again as new.
        """
        shrunk: dict[tuple[str, int], int] = {}
        count, day = 0, None
        over = False
        while count < most and sum(shrunk.values()) < octets:
            one = self._oldest.take()
            if one is None:
                over = self._all_known
                self._all_known = not over and self._oldest.look()
                if over or not self._all_known:
                    break
                continue
            key, path = (one.unit, one.place), one.span.path
            size = self._store.size(path)
            if not size or self._is_open(key, path) or not self._store.is_safe(path):
                continue
            gone = self._shelves.gone(*key, one.span, size)
            removed = self._store.remove(path)
            if removed is not None:
                gone()
                self._leave(path.rpartition("/")[0])
                shrunk[key] = shrunk.get(key, 0) + removed
                count += 1
                day = one.span.first_ns // DAY_NS if day is None else day
        self._shrink_all(shrunk)
        if sum(shrunk.values()) >= octets:
            self._all_known = False
        return Purged(count, sum(shrunk.values()), day, over)

    def _is_open(self, key: tuple[str, int], path: str) -> bool:
        return any(file.path == path for file in self._open.get(key, ()))

    def _leave(self, folder: str) -> None:
        """Remove a stream's folder, and those above it, as far as they are empty."""
        while folder:
            try:
                (self.root / folder).rmdir()
            except OSError:  # something is in it
                return
            folder = folder.rpartition("/")[0]

    def _shrink_all(self, shrunk: dict[tuple[str, int], int]) -> None:
        """Correct what archive.sta says of streams; shrunk: octets that each has less."""
        left = days(self.root) if shrunk else []
        for key, octets in shrunk.items():
            self._shrink(key, octets, left)

    def _shrink(self, key: tuple[str, int], octets: int, left: list[str]) -> None:
        one = self.state.streams.get(key)
        first_ns = next((at for day in left if (at := earliest(self.root, day, *key))), None)
        if one is None:
            return
        if first_ns is None:
            del self.state.streams[key]
            return
        one.octets = max(0, one.octets - octets)
        one.earliest_ns = first_ns

    def flush(self) -> None:
        """Hand all that waits to the system, so that kill -9 cannot reach it; at least once a MiB.

        Without it, or `sync`, what was logged and added waits in memory.
        """
        self._store.flush()

    def sync(self) -> None:
        """Make all that was logged safe against kill -9 and power loss."""
        self._store.sync()

    @property
    def wants_checkpoint(self) -> bool:
        """Tell whether it is time to call `checkpoint`."""
        return self._store.wants_checkpoint

    def checkpoint(self, unplaced: Iterable[bytes] = ()) -> None:
        """Empty the journal into synced files; unplaced: packets logged, but not added yet."""
        if self._changed:
            self._publish(writing=True)
        files = [
            Written(file.path, 0, msgspec.Raw(msgspec.json.encode(file)))
            for every in self._open.values()
            for file in every
        ]
        self._store.checkpoint(archive_state.encode(self.state), files, unplaced)

    def close(self, unplaced: Iterable[bytes] = ()) -> None:
        """Close all files under their final names and let go of the archive.

        unplaced: packets that wait for others; they come back when the archive is opened again
        """
        unplaced = list(unplaced)
        try:
            for every in list(self._open.values()):
                for file in list(every):
                    self._close(file)
            self.checkpoint(unplaced)
            if self._changed or self.state.writing:
                self._publish(writing=False)
        except ArchiveError:
            self._store.close(finished=False)
            raise
        self._store.close(finished=not unplaced)

    def abandon(self) -> None:
        """Let go at once, as after a failure; what was logged comes back at the next opening."""
        self._store.close(finished=False)

    def _file_for(self, packet: Packet, at_ns: int) -> RawFile:
        key = packet.unit, place_of(packet)
        files = self._open.setdefault(key, [])
        self._open.move_to_end(key)
        file = next((one for one in files if one.takes(packet, at_ns)), None)
        if file is None:
            if len(files) >= MOST_FILES:
                self._close(files[0])
                files = self._open.setdefault(key, [])
            file = self._begin(packet, at_ns)
            files.append(file)
            if len(self._open) > MOST_STREAMS:
                for old in list(next(iter(self._open.values()))):
                    self._close(old)
        return file

    def _begin(self, packet: Packet, at_ns: int) -> RawFile:
        first_ns, place = begins_ns(packet, at_ns), place_of(packet)
        path, first_ns = self._free(first_ns, packet.unit, place, 0)
        return RawFile(
            path, packet.unit, place, packet.event, first_ns, packet.sequence, latest_ns=at_ns
        )

    def _free(self, first_ns: int, unit: str, place: int, length_ms: int) -> tuple[str, int]:
        """Return a name that no file has: the time in it moves on by milliseconds until then."""
        while True:
            path = f"{folder(first_ns, unit, place)}/{file_name(first_ns, length_ms)}"
            if not self._store.size(path) and not (self.root / path).exists():
                return path, first_ns
            first_ns += MILLI

    def _close(self, file: RawFile) -> None:
        files = self._open[file.unit, file.place]
        files.remove(file)
        if not files:
            del self._open[file.unit, file.place]
        first_ns = file.first_ns
        if file.length_ms:
            path, first_ns = self._free(first_ns, file.unit, file.place, file.length_ms)
            self._store.rename(file.path, path)
            file.path = path
        span = Span(first_ns, first_ns + file.length_ms * MILLI, file.path)
        self._shelves.add(file.unit, file.place, span, file.head)

    def _account(self, file: RawFile, packet: Packet, at_ns: int) -> None:
        key = file.unit, file.place
        one = self.state.streams.get(key)
        if one is None:
            one = self.state.streams[key] = Stream(*key, file.first_ns, file.first_ns)
        end_ns = at_ns
        if packet.type == "DT" and packet.channel is not None:
            one.channels |= 1 << packet.channel
            if file.rate_hz:
                end_ns += span_ns(packet.samples or 0, file.rate_hz)
        if file.first_ns < one.earliest_ns:
            one.earliest_ns = file.first_ns
        if end_ns > one.latest_ns:
            one.latest_ns = end_ns
        one.octets += SIZE
        one.rate_hz = file.rate_hz or one.rate_hz

    def _known_state(self) -> State:
        if self._store.state and (state := archive_state.decode(self._store.state)):
            return state
        try:
            state = archive_state.decode((self.root / archive_state.NAME).read_bytes())
        except FileNotFoundError:
            state, self._changed = None, True
        except OSError as error:
            raise ArchiveError(f"{self.root / archive_state.NAME}: {error.strerror}") from error
        now_ns = self._now_ns()
        return state or State(self.root.resolve().name, now_ns, now_ns, listed(self.root))

    def _recover(self) -> None:
        """Take up the files that were being written at a sudden end, by what they really hold."""
        self._changed |= bool(self._store.recovered or self._store.removed)
        for gone in self._store.removed if self._store.state else ():
            _, unit, place, _ = gone.path.split("/")
            self._shrink_all({(unit, int(place)): gone.octets})
        for one in self._store.recovered:
            about = bytes(one.about)
            file = msgspec.json.decode(about, type=RawFile) if about != b"null" else None
            if file and file.count * SIZE > self._store.size(one.path):
                file, one.safe = None, 0  # somebody cut it since: look at what it has
            done = file.count if file else one.safe // SIZE
            resumes = one.path.endswith(_OPEN) and (file is not None or not done)
            for index in range(done, self._store.size(one.path) // SIZE):
                packet = packets.read(self._store.read(one.path, index))
                at_ns = time_ns(packet, self._year) if packet else None
                if packet is None or at_ns is None:
                    break
                if file is None:
                    file = self._again(one.path, packet, at_ns)
                file.add(packet, at_ns)
                self._account(file, packet, at_ns)
            if file is None and not self._store.size(one.path):
                (self.root / one.path).unlink(missing_ok=True)
            elif file and resumes:
                self._open.setdefault((file.unit, file.place), []).append(file)

    def _again(self, path: str, packet: Packet, at_ns: int) -> RawFile:
        first_ns = begins_ns(packet, at_ns)
        return RawFile(
            path, packet.unit, place_of(packet), packet.event, first_ns, packet.sequence, at_ns
        )

    @property
    def _year(self) -> int:
        return time.gmtime(self._now_ns() // NANO).tm_year

    def _publish(self, *, writing: bool) -> None:
        self.state.updated_ns, self.state.writing = self._now_ns(), writing
        self._store.replace(archive_state.NAME, archive_state.encode(self.state))


def _is_packet(octets: bytes) -> bool:
    return packets.is_header(octets)
