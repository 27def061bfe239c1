"""What leaves as miniSEED while it comes: SeedLink clients, and DataLink servers that we feed.

Made only where the settings want it: a receiver without either makes no records.
"""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from portbook import __version__
from portbook.daemons.places import admitted
from portbook.daemons.seedlink import SeedLink
from portbook.daemons.settings import Settings
from portbook.daemons.snapshot import ClientState
from portbook.daemons.voice import Voice
from portbook.protocols.seedlink.telling import About
from portbook.seismic.feed import Feed
from portbook.seismic.miniseed import RECORD
from portbook.seismic.record_ring import RecordRing


class Outlets:
    """The feed, its ring of records, and who reads from it.

    listening: the SeedLink socket, which stays its caller's; where: ADDRESS:PORT of it
    """

    def __init__(
        self,
        settings: Settings,
        near_year: int,
        voice: Voice,
        listening: socket.socket | None,
        where: str,
    ) -> None:
        self._feed = Feed(settings.stations(), near_year, settings.rates())
        self._ring = RecordRing(settings.ring.packets)
        self._voice, self._listening, self._where = voice, listening, where
        self._settings = settings
        self._seedlink: SeedLink | None = None
        self._folder = Path(settings.folder)

    def add(self, sequence: int, octets: bytes) -> None:
        """Take a packet with its ring sequence."""
        records = self._feed.add(sequence, octets)
        if records:
            self._ring.append(records)

    def pump(self) -> None:
        """Send what is new."""
        if self._seedlink is not None:
            self._seedlink.pump()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to serve."""
        if self._listening is not None:
            told = self._settings
            self._seedlink = SeedLink(
                self._ring,
                About(f"portbook/{__version__}", told.seedlink.organisation),
                most=told.seedlink.most,
                networks=admitted(told.allow.clients, self._where),
                loop=loop,
            )
            self._seedlink.listen(self._listening)

    def reload(self, settings: Settings) -> None:
        """Use other limits."""
        self._settings = settings
        if self._seedlink is not None:
            networks = admitted(settings.allow.clients, self._where)
            self._seedlink.reload(most=settings.seedlink.most, networks=networks)

    def stop(self) -> None:
        """End all connections."""
        if self._seedlink is not None:
            self._seedlink.close()

    def clients(self) -> list[ClientState]:
        """Return how each SeedLink client stands."""
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
        ]
