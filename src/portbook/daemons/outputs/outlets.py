"""What leaves as miniSEED while it comes: SeedLink clients, and DataLink servers that we feed.

Made only where the settings want it: a receiver without either makes no records.
"""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

from portbook import __version__
from portbook.daemons.configuration.places import admitted
from portbook.daemons.configuration.settings import Settings
from portbook.daemons.outputs.datalink import DataLinkPush
from portbook.daemons.outputs.seedlink import SeedLink
from portbook.daemons.reports.snapshot import ClientState
from portbook.daemons.voices.voice import Voice
from portbook.protocols.seedlink.telling import About
from portbook.seismic.feed import Feed
from portbook.seismic.miniseed import RECORD
from portbook.seismic.record_ring import RecordRing
from portbook.seismic.ring import Ring

AGAIN_S = 30.0  # after a fault of our own
_TURN = 32  # packets that are caught up with in one go: 2 ms


class Outlets:
    """The feed, its ring of records, and who reads from it; `start` once the ring is filled.

    listening: the SeedLink socket, which stays its caller's; where: ADDRESS:PORT of it
    """

    def __init__(
        self,
        settings: Settings,
        ring: Ring,
        near_year: int,
        voice: Voice,
        listening: socket.socket | None,
        where: str,
    ) -> None:
        self._feed = Feed(settings.stations(), near_year, settings.rates())
        self._records = RecordRing(settings.ring.packets)
        self._ring, self._live = ring, False
        self._voice, self._listening, self._where = voice, listening, where
        self._settings = settings
        self._seedlink: SeedLink | None = None
        self._pushes = [
            DataLinkPush(
                self._records,
                one.host,
                one.port,
                Path(settings.folder) / "datalink" / f"{one.host}:{one.port}",
                voice=voice,
            )
            for one in dict.fromkeys(settings.datalink)
        ]
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, sequence: int, octets: bytes) -> None:
        """Take a packet with its ring sequence; what comes while we catch up is found there."""
        if self._live:
            records = self._feed.add(sequence, octets)
            if records:
                self._records.append(records)

    def pump(self) -> None:
        """Send what is new."""
        if self._seedlink is not None:
            self._seedlink.pump()
        for push in self._pushes:
            push.pump()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to serve, as soon as all that the ring holds is there as records."""
        self._tasks.append(loop.create_task(self._catch_up(loop)))

    def reload(self, settings: Settings) -> None:
        """Use other limits, and other codes for what comes from now on."""
        if settings.unit != self._settings.unit:
            self._feed.rename(settings.stations())
            self._feed.know(settings.rates())
        self._settings = settings
        if self._seedlink is not None:
            networks = admitted(settings.allow.clients, self._where)
            self._seedlink.reload(most=settings.seedlink.most, networks=networks)

    async def stop(self) -> None:
        """End all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for push in self._pushes:
            push.close()
        if self._seedlink is not None:
            self._seedlink.close()

    def clients(self) -> list[ClientState]:
        """Return how each SeedLink client and each DataLink server stands."""
        rows = self._seedlink.status()["clients"] if self._seedlink is not None else ()
        return [
            ClientState(
                name=row["peer"],
                how="seedlink",
                packets=row["sent_octets"] // RECORD,
                lag=row["lag_records"],
                program=row["program"],
                since_ns=row["since_ns"],
            )
            for row in rows
        ] + [self._pushed(push.status()) for push in self._pushes]

    async def _catch_up(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make records of what the ring held before the start, without holding up what comes."""
        ring = self._ring
        for at in range(ring.tail, ring.head):
            if at >= ring.tail:
                self._feed.learn(bytes(ring.packet(at)))
            if at % _TURN == 0:
                await asyncio.sleep(0)
        at = ring.tail
        while at < ring.head:
            at = max(at, ring.tail)
            self._records.append(self._feed.add(at, bytes(ring.packet(at))))
            at += 1
            if at % _TURN == 0:
                await asyncio.sleep(0)
        self._live = True
        self._serve(loop)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._listening is not None:
            told = self._settings
            self._seedlink = SeedLink(
                self._records,
                About(f"portbook/{__version__}", told.seedlink.organisation),
                most=told.seedlink.most,
                networks=admitted(told.allow.clients, self._where),
                loop=loop,
            )
            self._seedlink.listen(self._listening)
        self._tasks += [loop.create_task(self._push(one)) for one in self._pushes]

    def _pushed(self, row: dict[str, Any]) -> ClientState:
        return ClientState(
            name=f"{row['host']}:{row['port']}",
            how="datalink",
            lag=row["waiting"],
            program=row["server"],
            said=row["why"] or f"has all before packet {row['sequence']}",
        )

    async def _push(self, push: DataLinkPush) -> None:
        while True:
            try:
                await push.run()
                return
            except Exception as error:  # a fault of one must not end the others, nor be silent
                self._voice.say("error", f"DataLink: {error!r}; a fault of ours")
                await asyncio.sleep(AGAIN_S)
