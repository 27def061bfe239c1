"""What a receiver is made of, put together from its settings, and changed when they are.

The order matters: the spool comes before everything that writes to it, and the ring is filled
from the spool with the sequences that it had before anybody may read it.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from portbook.daemons.archival.archivist import Archivist
from portbook.daemons.configuration.places import Network, admits, admitted
from portbook.daemons.configuration.settings import GB, Settings
from portbook.daemons.outputs.fanout import Fanout
from portbook.daemons.sources import descriptors
from portbook.daemons.sources.admission import Admission, rules
from portbook.daemons.sources.doors import Doors
from portbook.daemons.sources.drain import Drain
from portbook.daemons.sources.incoming import Incoming
from portbook.daemons.sources.linking import Links
from portbook.daemons.sources.peers import Peers
from portbook.daemons.sources.receiver import Receiver
from portbook.daemons.sources.syncing import Syncing
from portbook.daemons.sources.upstreams import Upstreams
from portbook.daemons.voices import wording
from portbook.daemons.voices.speaker import Speaker
from portbook.daemons.voices.voice import SIZE, worth_telling
from portbook.seismic.alarms import Alarm
from portbook.seismic.instruments import NamedHole
from portbook.seismic.liveness import Liveness
from portbook.seismic.ordering import Order
from portbook.seismic.ring import Ring
from portbook.seismic.spool import Arrival, Mode, Spool

if TYPE_CHECKING:
    from portbook.daemons.outputs.outlets import Outlets

SPOOL = "spool"
MOST_RECALLED = 65_536  # packets of before a restart, a twentieth of a second
OTHERS = 2048  # descriptors: streams of packets, connections that are not known yet, files
MOST_STEPS_TOLD = 10  # clock steps of a unit, one by one; a clock that errs in each packet floods
CALM_S = 600.0  # an alarm about lost datagrams ends after so long without
_MODES = {"raw": Mode.RAW, "observed": Mode.OBSERVED, "link": Mode.LINK}


class Parts:
    """Everything of one receiver; `start` opens it to the world, `stop` closes it.

    Raises ArchiveError when the spool cannot be used.
    """

    def __init__(self, settings: Settings, doors: Doors, speaker: Speaker) -> None:
        self.settings, self.doors, self.speaker = settings, doors, speaker
        self.broken: Exception | None = None  # the disk failed to sync: only a restart helps
        self.started_ns = time.time_ns()
        self._dropped, self._dropped_s = 0, time.monotonic()
        self.peers = Peers()
        self.spool = Spool(
            Path(settings.folder) / SPOOL,
            most_octets=settings.spool.most_octets,
            min_free=int(settings.archive.min_free_gb * GB),
            segment_octets=int(settings.spool.segment_mb * 1_000_000),
        )
        self.order = Order(
            window=settings.order.window, hold_ns=int(settings.order.hold_s * 1_000_000_000)
        )
        self.admission = Admission(rules(settings, doors.where("field")), speaker, self.peers)
        near_year = time.gmtime(self.started_ns // 1_000_000_000).tm_year
        self.liveness = Liveness(near_year, started_ns=self.started_ns)
        self._relayed: set[str] = set()  # addresses of upstreams, from before a restart
        self.ring = self._refilled()
        self.outlets = self._outlets(near_year)
        self.receiver = Receiver(self.spool, self.order, self.ring, self.admission, speaker)
        self.receiver.liveness = self.liveness
        self.receiver.stood(one.key for one in speaker.alarms.standing())
        if self.outlets is not None:
            self.receiver.feeds.append(self.outlets.add)
        self.receiver.again(list(self.spool.undelivered()))
        self._limit()
        self._readers: tuple[Network, ...] = ()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to take packets and to serve clients."""
        settings, receiver = self.settings, self.receiver
        self.syncing = Syncing(
            self.spool.sync,
            loop.call_soon_threadsafe,
            self._safe,
            self._unsafe,
            pause_s=settings.spool.sync_ms / 1000,
        )
        self.fanout = Fanout(self.ring, self.speaker, peers=self.peers)
        self.fanout.start(loop)
        receiver.pumps.append(self.fanout.pump)
        if self.outlets is not None:
            self.outlets.start(loop)
            receiver.pumps.append(self.outlets.pump)
        self.upstreams = Upstreams(receiver.take, self.speaker, self.peers, self._relayed)
        self.archivist = self._archivist()
        receiver.written = self._written
        self._written(self.spool.next_number)
        self.links: Links | None = None
        self.drain = self._drain()
        self.incoming = self._incoming()
        if self.drain is not None:  # a socket that was handed over has a past
            self._dropped = self.drain.dropped() or 0
        self.reload(settings)
        for one in (self.drain, self.incoming):
            if one is not None:
                one.start(loop)

    def reload(self, settings: Settings) -> None:
        """Use other settings, as far as they can be changed while it runs."""
        self.settings = settings
        self._allow_connections(settings)
        self.admission.reload(rules(settings, self.doors.where("field")))
        self.spool.min_free = int(settings.archive.min_free_gb * GB)
        self._readers = admitted(settings.allow.clients, self.doors.where("clients"))
        if self.drain is not None:
            self.drain.modes = _modes(settings)
        self.fanout.most = settings.clients.most
        self.fanout.lag_packets = settings.clients.lag_packets
        self.fanout.heartbeat_s = settings.clients.heartbeat_s
        self.fanout.keep(self._may_read)
        self.upstreams.run_only(settings.upstream)
        if self.archivist is not None:
            self.archivist.reload(settings)
        if self.outlets is not None:
            self.outlets.reload(settings)
        self._limit()

    async def stop(self) -> None:
        """Take no more, make safe and acknowledge what was taken, say good-bye to everybody."""
        if self.drain is not None:
            self._empty(self.drain)
            self.drain.stop()
        if self.incoming is not None:
            self.incoming.stop()
        await self.upstreams.stop()
        if not self.broken:
            self.syncing.request(self.spool.next_number, urgent=True)
        await asyncio.to_thread(self.syncing.close)
        await asyncio.sleep(0)  # the answers of the last sync: links are acknowledged now
        self.fanout.stop()
        if self.outlets is not None:
            await self.outlets.stop()
        if self.archivist is not None:
            await self.archivist.leave()

    def close(self) -> None:
        """Let go of the spool."""
        with suppress(OSError):
            self.settle()
        self.spool.close()

    def settle(self) -> None:
        """Tell the spool which packets are still to go out after a restart."""
        waiting = self.receiver.waiting()
        self.spool.settled(min(waiting, default=self.spool.next_number))

    def release(self) -> None:
        """Let the spool delete what is archived and no longer in the ring."""
        archivist = self.archivist
        safe = self.syncing.safe if archivist is None else archivist.archived_number
        self.spool.release(safe, self.settings.ring.packets)

    def look(self, now_ns: int) -> None:
        """Do what is due once a second. Raises ArchiveError for a spool that fails."""
        self.receiver.look(now_ns)
        if self.links is not None:
            self.links.look(now_ns)
        if self.archivist is not None:
            self.archivist.look()
        self._look_at_drops()
        if self.broken is None:
            self.settle()
            self.release()

    def _look_at_drops(self) -> None:
        """Tell when the system threw datagrams away, and when it has stopped doing so."""
        if self.drain is None:
            return
        trouble, self.drain.trouble = self.drain.trouble, None
        if trouble is not None:
            self.speaker.say("warning", f"the field socket cannot be read: {trouble.strerror}")
        dropped = self.drain.dropped()
        if dropped is None:
            return
        now_s = time.monotonic()
        if dropped != self._dropped:
            self.speaker.say("warning", f"{dropped - self._dropped} datagrams found no room")
            self._dropped, self._dropped_s = dropped, now_s
            self.speaker.alarm(
                "drops:field",
                "drops",
                "datagrams found no room in the field socket and are lost; look at the load of "
                "this machine, at listen.receive_mb and at net.core.rmem_max",
                level="error",
            )
        elif now_s - self._dropped_s > CALM_S:
            self.speaker.clear("drops:field")

    def _allow_connections(self, settings: Settings) -> None:
        """Have as many descriptors as the clients that are wanted need, or say that they lack."""
        wanted = settings.clients.most + settings.seedlink.most + OTHERS
        got = descriptors.allow(wanted)
        if got < wanted:
            self.speaker.say(
                "warning",
                f"this process may open {got} files and wants {wanted} for all its connections; "
                "more of those are refused then. Raise the limit: ulimit -n, or LimitNOFILE=",
            )

    def _may_read(self, address: str) -> bool:
        return admits(self._readers, address)

    def _limit(self) -> None:
        told = self.settings
        limits = {unit: one.silence_s for unit, one in told.unit.items()}
        self.liveness.limit(told.alarms.silence_s, told.alarms.stopped_s, limits)

    def _refilled(self) -> Ring:
        """Return the ring with what it held before, under the sequences that it had."""
        slots = self.settings.ring.packets
        first, entries = self.spool.refill(slots)
        ring = Ring(slots, first)
        packets = [entry.arrival.octets for entry in entries]
        for octets in packets:
            self.order.restore(octets)
        ring.append(packets)
        self._recall([entry.arrival for entry in entries[-MOST_RECALLED:]])
        return ring

    def _recall(self, arrivals: list[Arrival]) -> None:
        """Let liveness know who was heard before, so that who fell silent meanwhile is missed."""
        allowed = {bytes.fromhex(unit) for unit in self.settings.allow.units}
        for one in arrivals:
            if not allowed or one.octets[4:6] in allowed:
                self.liveness.recall(one.octets, one.address, one.received_ns)
                if one.mode == Mode.UPSTREAM:
                    self._relayed.add(one.address)

    def _outlets(self, near_year: int) -> Outlets | None:
        listening = self.doors.get("seedlink")
        if listening is None and not self.settings.datalink:
            return None
        from portbook.daemons.outputs.outlets import Outlets

        where = self.doors.where("seedlink")
        return Outlets(self.settings, self.ring, near_year, self.speaker, listening, where)

    def _archivist(self) -> Archivist | None:
        if not self.settings.archive.raw and not self.settings.archive.sds:
            return None
        return Archivist(
            self.settings,
            self.speaker,
            self._archived,
            self._said,
            excused=lambda: _disk_stands(self.speaker.alarms.standing()),
        )

    def _drain(self) -> Drain | None:
        sock = self.doors.get("field")
        if sock is None:
            return None
        self.links = Links(
            self.receiver,
            self.admission,
            lambda octets, peer: _send(sock, octets, peer),
            lambda number: self.syncing.request(number, urgent=True),
            lambda: self.spool.next_number,
            self.spool.links(),
            most=self.settings.field.most_links,
            alive=self.liveness.link,
        )
        return Drain(
            sock,
            self.receiver.take,
            self.links.take,
            allowed=self.admission.source_allowed,
            peers=self.peers,
        )

    def _incoming(self) -> Incoming | None:
        sock = self.doors.get("clients")
        if sock is None:
            return None
        return Incoming(
            sock,
            self.fanout.adopt,
            self.receiver.take,
            self.speaker,
            may_read=self._may_read,
            may_send=self.admission.source_allowed,
            peers=self.peers,
        )

    def _written(self, number: int) -> None:
        self.syncing.request(number)
        if self.archivist is not None:
            self.archivist.spooled(number)

    def _safe(self, number: int) -> None:
        self.speaker.clear("disk:sync")
        if self.links is not None:
            self.links.safe(number, time.time_ns())

    def _unsafe(self, error: Exception) -> None:
        self.broken = error
        self.speaker.alarm(
            "disk:sync",
            "disk",
            f"the spool cannot be brought to the disk: {error}; nothing is acknowledged any more",
            level="error",
        )

    def _archived(self, number: int) -> None:
        pass  # `release` looks at it once a second

    def _said(self, told: Mapping[str, Any]) -> None:
        """Act on a line of the archiver."""
        speaker = self.speaker
        if isinstance(alarm := told.get("alarm"), Mapping):
            speaker.alarm(
                str(alarm.get("key")),
                str(alarm.get("what")),
                str(alarm.get("message")),
                level=str(alarm.get("level")),
                unit=alarm.get("unit"),
            )
        elif isinstance(key := told.get("clear"), str):
            speaker.clear(key)
        elif isinstance(hole := told.get("hole"), Mapping):
            self._hole(hole)
        elif isinstance(step := told.get("clock"), Mapping):
            self._step(step)
        elif isinstance(odd := told.get("oddity"), Mapping):
            speaker.say("info", f"archiver: {wording.oddity(odd)}")
        elif "error" in told:
            speaker.say("error", f"archiver: {told['error']}")
        elif "deleted" in told:
            speaker.say("info", f"archiver deleted {_words(told['deleted'])}")

    def _hole(self, hole: Mapping[str, Any]) -> None:
        unit, stream, packets = hole.get("unit"), hole.get("stream"), hole.get("packets")
        if isinstance(unit, str) and isinstance(stream, int) and isinstance(packets, int):
            now_ns = time.time_ns()
            self.liveness.hole(unit, stream, packets, now_ns, _named(hole, now_ns))
        self.speaker.say("warning", f"hole: {wording.hole(hole)}")

    def _step(self, step: Mapping[str, Any]) -> None:
        unit, off_s = step.get("unit"), step.get("off_s")
        if not isinstance(unit, str):
            return
        many = self.liveness.stepped(unit, off_s, time.time_ns())
        if many <= MOST_STEPS_TOLD or worth_telling(many):
            so_far = "" if many <= MOST_STEPS_TOLD else f"; {many} of this unit so far"
            self.speaker.say("warning", f"clock step: {wording.step(step)}{so_far}")

    def _empty(self, drain: Drain) -> None:
        """Take what waits in a socket of our own: nobody reads it after us."""
        if "field" not in self.doors.given:
            until = time.monotonic() + 1.0
            while drain.read() and time.monotonic() < until:
                pass


def _named(hole: Mapping[str, Any], now_ns: int) -> NamedHole | None:
    """Return a hole with its sequences; None when the line does not tell them."""
    try:
        return msgspec.convert({**hole, "found_ns": now_ns}, NamedHole)
    except msgspec.ValidationError:
        return None


def _modes(settings: Settings) -> frozenset[Mode]:
    return frozenset(mode for name, mode in _MODES.items() if getattr(settings.field, name))


def _send(sock: socket.socket, octets: bytes, peer: tuple[str, int]) -> None:
    with suppress(OSError):  # an acknowledgement that is lost is sent again
        sock.sendto(octets, peer)


def _disk_stands(alarms: Iterable[Alarm]) -> bool:
    """Tell whether a disk is full or fails; archives above their size limit hold up nobody."""
    return any(one.key.startswith("disk:") and one.key != SIZE for one in alarms)


def _words(told: Any) -> str:
    if not isinstance(told, Mapping):
        return str(told)
    return ", ".join(f"{key} {value}" for key, value in told.items() if value is not None)
