"""The SeedLink server: sockets of clients, each with a session and a place in the ring of records.

    ring = RecordRing(32768); feed = Feed(stations, near_year)
    server = SeedLink(ring, About("portbook/1.0", "my network"), loop=loop)
    server.listen(listening_socket)
    ...for each batch of packets: ring.append(feed.add(sequence, packet)), then: server.pump()

A record goes out in the call of `pump` that follows it. A client that does not read gets no more
than a chunk ahead; once the ring goes over what it has to get, it is dropped. One that floods us
with questions has to read the answers first.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from portbook.daemons.configuration.places import admits
from portbook.daemons.outputs.connections import SEND_OCTETS, prepared
from portbook.daemons.outputs.seedlink_client import Client
from portbook.daemons.sources import descriptors
from portbook.daemons.sources.peers import Peers
from portbook.protocols.seedlink.telling import About, StationTold
from portbook.seismic.record_ring import RecordRing
from portbook.seismic.repacking import packer

Network = IPv4Network | IPv6Network
_ACCEPTS = 64  # connections in one go
_FRESH_NS = 10**9  # an answer to INFO STATIONS may be so old
_PAUSE_S = 1.0  # when the system has no more connections


class SeedLink:
    """Serves the records of a ring to clients of SeedLink 3 and 4.

    about: how it calls itself; most: connections at once; networks: who may connect, None for
    everybody; clock: Unix nanoseconds; loop: the running one unless told.
    """

    def __init__(
        self,
        ring: RecordRing,
        about: About,
        *,
        most: int = 200,
        networks: Iterable[Network] | None = None,
        clock: Callable[[], int] = time.time_ns,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.ring = ring
        self.about = about
        self.most = most
        self.networks = None if networks is None else tuple(networks)
        self.clock = clock
        self.loop = loop or asyncio.get_running_loop()
        self.counts: Counter[str] = Counter()
        self.refusals = Peers(256)
        self._clients: set[Client] = set()
        self._by_selection: dict[object, set[Client]] = {}
        self._listening: list[socket.socket] = []
        self._old = False  # libmseed is loaded, for version 3
        self._loading = False
        self._waiting_old: list[Client] = []
        self._told: dict[tuple[str | None, str | None], tuple[int, list[StationTold]]] = {}
        self._timer = self.loop.call_later(1.0, self._look)

    def listen(self, sock: socket.socket) -> None:
        """Accept clients on a listening socket, which the caller keeps and closes."""
        sock.setblocking(False)
        self._listening.append(sock)
        self.loop.add_reader(sock, self._accept, sock)

    def adopt(self, sock: socket.socket, first: bytes = b"") -> bool:
        """Serve a connected socket, from now on ours; first: what was read of it already.

        False: it was refused and closed.
        """
        peer = prepared(sock, SEND_OCTETS)
        if peer is None:
            return self._refuse(sock, "unknown", "gone-at-once")
        if self.networks is not None and not admits(self.networks, peer.address):
            return self._refuse(sock, peer.address, "not-allowed")
        if len(self._clients) >= self.most:
            return self._refuse(sock, peer.address, "too-many-clients")
        if not descriptors.spare(sock.fileno()):
            return self._refuse(sock, peer.address, "no-descriptor-to-spare")
        client = Client(self, sock, peer.address)
        self._clients.add(client)
        self.counts["connections"] += 1
        client.heard(first)
        return True

    def pump(self) -> None:
        """Send what is new to all who wait for it; call it after records came into the ring."""
        for selection in self.ring.take_fresh():
            for client in tuple(self._by_selection.get(selection, ())):
                client.pump()

    def reload(self, *, most: int, networks: Iterable[Network] | None) -> None:
        """Use other limits from now on; whoever is connected stays."""
        self.most = most
        self.networks = None if networks is None else tuple(networks)

    def close(self) -> None:
        """Let go of all clients and listening sockets."""
        self._timer.cancel()
        for sock in self._listening:
            self.loop.remove_reader(sock)
        self._listening.clear()
        for client in tuple(self._clients):
            client.drop("server stops")

    def status(self) -> dict[str, Any]:
        """Return what a status page shows: counts, and a row for each client."""
        clients = [one.row() for one in self._clients]
        return {
            "connected": len(self._clients),
            "most": self.most,
            "records": len(self.ring),
            "counts": dict(self.counts),
            "refused": self.refusals.rows(),
            "clients": sorted(clients, key=lambda row: (row["since_ns"], row["peer"])),
        }

    def stations(self, station: str | None, stream: str | None) -> list[StationTold]:
        """Return the stations for INFO; asked over and over it answers from memory for a second."""
        key, now_ns = (station, stream), self.clock()
        at_ns, told = self._told.get(key, (0, []))
        if not told or now_ns - at_ns > _FRESH_NS:
            if len(self._told) >= 64:
                self._told.clear()
            told = self.ring.told(station, stream)
            self._told[key] = now_ns, told
        return told

    def follow(self, client: Client, selection: object) -> None:
        """Send a client what is new of a selection, from now on."""
        self._by_selection.setdefault(selection, set()).add(client)

    def forget(self, client: Client, selection: object | None) -> None:
        """Know a client no more."""
        self._clients.discard(client)
        if selection is not None:
            others = self._by_selection.get(selection, set())
            others.discard(client)
            if not others:
                self._by_selection.pop(selection, None)

    def when_old_can_be_served(self, client: Client) -> bool:
        """Tell whether libmseed is there; else load it beside the loop, then pump the client."""
        if not self._old:
            self._waiting_old.append(client)
            if not self._loading:
                self._loading = True
                threading.Thread(target=self._load, name="libmseed", daemon=True).start()
        return self._old

    def _load(self) -> None:
        try:
            packer()
        finally:
            if not self.loop.is_closed():
                self.loop.call_soon_threadsafe(self._loaded)

    def _loaded(self) -> None:
        self._old = True
        waiting, self._waiting_old = self._waiting_old, []
        for client in waiting:
            client.pump()

    def _refuse(self, sock: socket.socket, peer: str, name: str) -> bool:
        self.counts[name] += 1
        self.refusals.count(peer, name)
        sock.close()
        return False

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_ACCEPTS):
            try:
                sock, _ = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # no more of them: who waits stays in the queue
                self.counts[f"accept: {error.strerror}"] += 1
                self.loop.remove_reader(listening)
                self.loop.call_later(_PAUSE_S, self._accept_again, listening)
                return
            self.adopt(sock)

    def _accept_again(self, listening: socket.socket) -> None:
        if listening in self._listening:
            self.loop.add_reader(listening, self._accept, listening)

    def _look(self) -> None:
        """Once a second: end what takes too long, and windows that are over."""
        now_ns = self.clock()
        for client in tuple(self._clients):
            client.look(now_ns)
        self._timer = self.loop.call_later(1.0, self._look)
