"""Our own reliable links (PBL1) on the field socket: one state machine for each unit and token.

A packet is acknowledged once the spool's sync has it, and never before; what the spool refuses is
taken back, and the sender keeps it. Who may not send, or not for this unit, gets no answer at all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from portbook.daemons.admission import Admission
from portbook.daemons.drain import Frame
from portbook.daemons.peers import plain
from portbook.daemons.receiver import Receiver
from portbook.protocols.reftek import pbl1
from portbook.protocols.reftek.layouts import SIZE
from portbook.protocols.reftek.links import LinkReceiver
from portbook.protocols.reftek.pbl1 import Kind
from portbook.seismic.spool import Arrival, Mode

QUIET_NS = 600_000_000_000  # a link that is settled and unheard for so long is let go of
_MOST_REMEMBERED = 65536
_OURS = (Kind.OFFER, Kind.ACK, Kind.PONG)  # what receivers say
Key = tuple[int, int]


class LinkStatus(NamedTuple):
    """How a link stands."""

    unit: str
    address: str
    last_ns: int


class _Link:
    """A link, and where its sender spoke last: NAT may have moved it."""

    __slots__ = ("address", "last_ns", "machine", "peer")

    def __init__(self, machine: LinkReceiver) -> None:
        self.machine = machine
        self.peer: tuple[str, int] = ("", 0)
        self.address = ""
        self.last_ns = 0


class Links:
    """All links of one socket.

    send: sends a datagram to a peer, or drops it; ask: asks that all below a spool number becomes
    safe, in a hurry; expected: what the spool knows of links from before the start
    """

    def __init__(
        self,
        receiver: Receiver,
        admission: Admission,
        send: Callable[[bytes, tuple[str, int]], object],
        ask: Callable[[int], object],
        next_number: Callable[[], int],
        expected: Mapping[Key, int],
        *,
        most: int = 4096,
    ) -> None:
        self._receiver, self._admission = receiver, admission
        self._send, self._ask, self._next_number = send, ask, next_number
        self._most = most
        self._expected = dict(expected)
        self._links: dict[Key, _Link] = {}
        self._owing: dict[Key, _Link] = {}
        self._unsafe: deque[tuple[int, list[tuple[_Link, int]]]] = deque()
        self._safe = 0

    def __len__(self) -> int:
        return len(self._links)

    def take(self, frames: list[Frame]) -> None:
        """Take frames of one wake-up, and answer what can be answered at once."""
        batch: list[Arrival] = []
        touched: dict[Key, tuple[_Link, int]] = {}
        for octets, peer, now_ns in frames:
            frame = pbl1.read(octets)
            address = plain(peer[0])
            if frame is None or frame.kind in _OURS:
                self._admission.refuse(address, "PBL1 frame that cannot be")
                continue
            link = self._link(frame, address)
            if link is None:
                continue
            link.peer, link.address, link.last_ns = peer, address, now_ns
            touched.setdefault((frame.unit, frame.token), (link, link.machine.expected))
            for sequence, payload in link.machine.take(frame, now_ns):
                if self._fits(frame, payload, address):
                    to = (address, peer[1], frame.token, sequence)
                    batch.append(Arrival(payload, now_ns, Mode.LINK, *to))
        self._settle(batch, touched)
        if frames:
            self._answer({key: link for key, (link, _) in touched.items()}, frames[-1].received_ns)

    def safe(self, number: int, now_ns: int) -> None:
        """Acknowledge what is in the spool below a number, which has reached the disk."""
        self._safe = max(self._safe, number)
        found: dict[Key, _Link] = {}
        while self._unsafe and self._unsafe[0][0] <= self._safe:
            for link, sequence in self._unsafe.popleft()[1]:
                link.machine.safe(sequence)
                found[link.machine.unit, link.machine.token] = link
        self._answer(found, now_ns)

    def due(self, now_ns: int) -> None:
        """Send the answers that are due by now."""
        self._answer(dict(self._owing), now_ns)

    @property
    def owing(self) -> bool:
        """Tell whether some link is owed an answer later: call `due` within 50 ms or so."""
        return bool(self._owing)

    def look(self, now_ns: int) -> None:
        """Let senders try again where there was no room, and let go of links that are over.

        While the spool is full one try a second goes through: it finds out when there is room.
        """
        self._retry(now_ns)
        for key, link in list(self._links.items()):
            machine = link.machine
            over = machine.ended or now_ns - link.last_ns > QUIET_NS
            if over and machine.expected == machine.acknowledged:
                self._forget(key)

    def status(self) -> list[LinkStatus]:
        """Return how each link stands."""
        return [
            LinkStatus(f"{unit:04X}", link.address, link.last_ns)
            for (unit, _), link in self._links.items()
        ]

    def _retry(self, now_ns: int) -> None:
        shut = {key: link for key, link in self._links.items() if link.machine.full}
        for link in shut.values():
            link.machine.full = False
        self._answer(shut, now_ns)

    def _link(self, frame: pbl1.Frame, address: str) -> _Link | None:
        key = frame.unit, frame.token
        link = self._links.get(key)
        if link is not None and link.address == address:
            return link
        if not self._admission.link_allowed(frame.unit.to_bytes(2, "big"), address):
            return None
        if link is None and frame.kind is not Kind.BYE:
            if len(self._links) >= self._most and not self._make_room():
                self._admission.refuse(address, "more PBL1 links than most_links")
                return None
            machine = LinkReceiver(frame.unit, frame.token, self._expected.pop(key, 0))
            machine.full = self._receiver.full
            link = self._links[key] = _Link(machine)
        return link

    def _fits(self, frame: pbl1.Frame, payload: bytes, address: str) -> bool:
        """Tell whether a payload is a packet of the link's unit; what is not is never kept."""
        if len(payload) != SIZE:
            self._admission.refuse(address, "PBL1 payload that is no packet")
        elif int.from_bytes(payload[4:6], "big") != frame.unit:
            self._admission.refuse(address, "PBL1 packet of another unit than its link")
        else:
            return True
        return False

    def _settle(self, batch: list[Arrival], touched: dict[Key, tuple[_Link, int]]) -> None:
        """Write a batch; note what is to be acknowledged when, or take it back."""
        moved = [(link, at) for link, at in touched.values() if link.machine.expected != at]
        if not moved:
            return
        if not self._receiver.take(batch):
            for link, at in moved:
                link.machine.back(at)
                link.machine.full = True
            return
        number = self._next_number()
        self._unsafe.append((number, [(link, link.machine.expected) for link, _ in moved]))
        if number > self._safe:
            self._ask(number)
        else:
            self.safe(number, moved[0][0].last_ns)

    def _answer(self, links: Mapping[Key, _Link], now_ns: int) -> None:
        for key, link in links.items():
            while (octets := link.machine.reply(now_ns)) is not None:
                self._send(octets, link.peer)
            if link.machine.next_deadline() is None:
                self._owing.pop(key, None)
            else:
                self._owing[key] = link

    def _make_room(self) -> bool:
        """Let go of the link that was silent longest, if nothing of it waits for the disk."""
        idle = [
            (link.last_ns, key)
            for key, link in self._links.items()
            if link.machine.expected == link.machine.acknowledged
        ]
        if not idle:
            return False
        self._forget(min(idle)[1])
        return True

    def _forget(self, key: Key) -> None:
        machine = self._links.pop(key).machine
        self._owing.pop(key, None)
        self._expected.pop(key, None)
        if len(self._expected) >= _MOST_REMEMBERED:
            del self._expected[next(iter(self._expected))]
        self._expected[key] = machine.acknowledged
