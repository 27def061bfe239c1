"""The REF TEK receiver as a process: its signals, its rounds, its beginning and its end.

It does not know who started it: sockets may be handed over, and whoever listens at NOTIFY_SOCKET
hears a heartbeat, which goes out because data moved, or because nothing waited to be moved.
SIGTERM and SIGINT end it in good order; SIGHUP reads the settings again without losing a packet.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from portbook.daemons.configuration.places import EVERYWHERE, admitted
from portbook.daemons.configuration.reloading import merged
from portbook.daemons.configuration.settings import Settings
from portbook.daemons.reports.reporting import snapshot, vitals
from portbook.daemons.reports.status import Status
from portbook.daemons.running.parts import Parts
from portbook.daemons.sources.doors import Doors, opened
from portbook.daemons.voices.log import Log
from portbook.daemons.voices.speaker import Speaker
from portbook.daemons.voices.voice import worth_telling
from portbook.daemons.watchdog.notify import Notifier
from portbook.errors import SourceError, UsageError
from portbook.seismic.instruments import Instrument
from portbook.seismic.store import ArchiveError
from portbook.seismic.verdicts import judge

TURN_S = 0.05  # between looks at what waits in the order, and at links that are owed an answer
LOOK_S = 1.0
EXIT_DISK = 4  # the spool cannot be written any more: somebody has to start us anew


def run(
    settings: Settings,
    *,
    reread: Callable[[], Settings] | None = None,
    environ: Mapping[str, str] = os.environ,
    log: Log | None = None,
) -> int:
    """Receive until a signal ends it; return the exit code, 0 for an end that was asked for.

    reread: reads the settings again, at SIGHUP
    Raises UsageError and SourceError when it cannot begin; the message names what and the remedy.
    """
    log = log or Log(environ=environ)
    folder = Path(settings.folder)
    doors = opened(settings, environ)
    gc.disable()  # until all is there: it would walk the ring again and again while that is filled
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SourceError(f"{folder}: {error.strerror}; it is where the spool stands") from None
        return asyncio.run(Rtpd(settings, doors, log, reread, environ).serve())
    finally:
        gc.enable()
        doors.close()


class Rtpd:
    """One life of a receiver."""

    def __init__(
        self,
        settings: Settings,
        doors: Doors,
        log: Log,
        reread: Callable[[], Settings] | None,
        environ: Mapping[str, str],
    ) -> None:
        self._settings, self._doors, self._log = settings, doors, log
        self._reread = reread
        self._notifier = Notifier(environ)
        self._end: asyncio.Future[str]
        self._instruments: list[Instrument] = []
        self._status: Status | None = None
        self._beat_at = time.monotonic()
        self._faults = 0
        self._code = 0

    async def serve(self) -> int:
        """Run until the end."""
        loop = asyncio.get_running_loop()
        self._end = loop.create_future()
        loop.set_exception_handler(self._fault)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._over, signal.Signals(number).name)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        folder = Path(self._settings.folder)
        self._speaker = Speaker(self._log, folder, self._settings.alarms)
        try:
            self._parts = Parts(self._settings, self._doors, self._speaker)
            try:
                await self._live(loop)
            finally:
                self._parts.close()
        finally:
            self._speaker.close()
            self._notifier.close()
        return self._code

    async def _live(self, loop: asyncio.AbstractEventLoop) -> None:
        parts = self._parts
        parts.start(loop)
        listening = self._doors.get("status")
        if listening is not None:
            where = self._doors.where("status")
            self._status = Status(listening, admitted(self._settings.allow.status, where))
        self._look()
        self._tell_beginning()
        self._notifier.ready()
        gc.collect()
        gc.freeze()  # what is there now stays: the collector need not walk it ever again
        gc.enable()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._every(TURN_S, self._turn)),
                group.create_task(self._every(self._settings.watchdog.beat_s, self._beat)),
                group.create_task(self._every(LOOK_S, self._look)),
            ]
            if parts.archivist is not None:
                tasks.append(group.create_task(parts.archivist.run()))
            why = await self._end
            self._notifier.stopping(why)
            self._log.say("info", f"ends: {why}")
            await parts.stop()
            for task in tasks:
                task.cancel()

    def _over(self, why: str) -> None:
        if not self._end.done():
            self._end.set_result(why)

    def _hang_up(self) -> None:
        """Read the settings again; when they are wrong, the old ones go on."""
        if self._reread is None:
            self._log.say("warning", "SIGHUP: there is no settings file to read again")
            return
        self._notifier.reloading()
        try:
            kept, now, restart = merged(self._settings, self._reread())
        except (UsageError, SourceError) as error:
            self._log.say("error", f"reload: {error}; the settings stay as they were")
        else:
            self._settings = kept
            self._speaker.reload(kept.alarms)
            self._parts.reload(kept)
            self._log.say("info", f"reloaded: {', '.join(now) or 'nothing changed'}")
            if restart:
                self._log.say("warning", f"reload: {', '.join(restart)} need a restart")
        self._notifier.ready()

    async def _every(self, seconds: float, what: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(seconds)
            what()

    def _turn(self) -> None:
        receiver, links = self._parts.receiver, self._parts.links
        if receiver.held or receiver.next_deadline() is not None:
            receiver.due()
        if links is not None and links.owing:
            links.due(time.time_ns())

    def _beat(self) -> None:
        counts = vitals(self._parts, self._instruments)
        if self._notifier.beat(**counts._asdict()):
            self._beat_at = time.monotonic()

    def _look(self) -> None:
        """Do what is due once a second: judge, clear, release, show."""
        try:
            self._look_at(self._parts, time.time_ns())
        except ArchiveError as error:
            self._speaker.alarm("disk:spool", "disk", f"the spool: {error}", level="error")
        except Exception:  # what is only told must not end what is received
            self._trouble("a fault of ours in the look that is due once a second")
        if self._parts.broken is not None:
            self._code = EXIT_DISK
            self._over("the spool cannot be synced")

    def _look_at(self, parts: Parts, now_ns: int) -> None:
        alarms, told = self._speaker.alarms, self._settings.alarms
        upstreams = parts.upstreams
        relays = upstreams.relays(alarms.__contains__, now_ns)
        self._instruments = parts.liveness.look(now_ns, upstreams.connected(), relays)
        self._speaker.tell(
            judge(
                self._instruments,
                alarms,
                now_ns,
                started_ns=parts.started_ns,
                silence_s=told.silence_s,
                unlocked_s=told.unlocked_s,
            )
        )
        parts.look(now_ns)
        if self._status is not None:
            beat_s = time.monotonic() - self._beat_at
            self._status.show(snapshot(parts, self._instruments, beat_s))

    def _trouble(self, what: str) -> None:
        """Tell of an exception that was caught where it must not end everything."""
        self._faults += 1
        if worth_telling(self._faults):
            self._log.say("error", f"{what}: {traceback.format_exc(limit=-4)}")

    def _fault(self, _: asyncio.AbstractEventLoop, about: dict[str, Any]) -> None:
        """Tell of an exception in something that the loop called; the loop goes on."""
        error = about.get("exception")
        self._faults += 1
        if worth_telling(self._faults):
            lines = traceback.format_exception(error, limit=-4) if error else []
            self._log.say("error", f"a fault of ours: {about.get('message')} {''.join(lines)}")

    def _tell_beginning(self) -> None:
        """Say what listens where, for whom, and what was there."""
        parts, say = self._parts, self._log.say
        for name in self._doors.sockets:
            given = " (handed over)" if name in self._doors.given else ""
            say("info", f"listens for {name} at {self._doors.where(name)}{given}")
        for name in ("sources", "clients", "status"):
            door = "field" if name == "sources" else name
            where = self._doors.where(door)
            open_to_all = where and EVERYWHERE == admitted(
                getattr(self._settings.allow, name), where
            )
            if open_to_all:
                say("warning", f"allow.{name} is empty and {where} is no loopback: all may come")
        buffer = self._doors.buffer
        if buffer is not None and buffer.remedy:
            say(
                "warning",
                f"the field socket holds {buffer.got_octets >> 10} KiB, not "
                f"{buffer.asked_octets >> 10}: bursts may be lost; {buffer.remedy}",
            )
        held = parts.ring.head - parts.ring.tail
        say("info", f"spool at packet {parts.spool.next_number}, ring holds {held} packets")
        if not self._settings.archive.raw and not self._settings.archive.sds:
            say("warning", "archive.raw and archive.sds are empty: nothing is kept for long")
