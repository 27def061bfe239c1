"""Our own reliable links (PBL1) on the field socket, between the datagrams and the spool.

A packet is acknowledged once the spool's sync has it, and never before; what the spool refuses is
taken back, and the sender keeps it. Who may not send, or not for this unit, gets no answer at all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from portbook.daemons.sources.admission import Admission
from portbook.daemons.sources.drain import Frame
from portbook.daemons.sources.peers import plain
from portbook.daemons.sources.receiver import Receiver
from portbook.protocols.reftek import pbl1
from portbook.protocols.reftek.layouts import SIZE
from portbook.protocols.reftek.links import Delivery
from portbook.protocols.reftek.links import Links as Machines
from portbook.protocols.reftek.pbl1 import MODULUS, Kind
from portbook.seismic.spool import Arrival, Mode

QUIET_NS = 60_000_000_000  # after so long without a word a link is not told as one any more
_MOST_REMEMBERED = 65536
Key = tuple[int, int]
Peer = tuple[str, int]


class LinkStatus(NamedTuple):
    """How a link stands."""

    unit: str
    address: str
    last_ns: int


class Links:
    """All links of one socket.

    send: sends a datagram to a peer, or drops it; ask: asks that all below a spool number becomes
    safe, in a hurry; next_number: of the spool; expected: what the spool knows of links from
    before the start; alive: called with unit, address and time for each word of a link
    """

    def __init__(
        self,
        receiver: Receiver,
        admission: Admission,
        send: Callable[[bytes, Peer], object],
        ask: Callable[[int], object],
        next_number: Callable[[], int],
        expected: Mapping[Key, int],
        *,
        most: int = 4096,
        alive: Callable[[int, str, int], object] = lambda *_: None,
    ) -> None:
        self._receiver, self._admission = receiver, admission
        self._send, self._ask, self._next_number = send, ask, next_number
        self._alive, self._most = alive, most
        self._expected = dict(expected)
        self._machines = Machines(lambda *key: self._expected.get(key, 0), most=most)
        self._heard: dict[Key, tuple[str, int]] = {}  # address and time of the last word
        self._unsafe: deque[tuple[int, dict[Key, int]]] = deque()
        self._safe = 0

    def take(self, frames: list[Frame]) -> None:
        """Take frames of one wake-up, and answer what can be answered at once."""
        batch: list[Arrival] = []
        came: dict[Key, tuple[int, int]] = {}  # first link sequence, and the one behind the last
        for octets, peer, now_ns in frames:
            address = plain(peer[0])
            if not self._admits(octets, address, now_ns):
                continue
            refused = self._machines.refused
            for one in self._machines.take(octets, peer, now_ns):
                key = one.unit, one.token
                following = (one.sequence + 1) % MODULUS
                came[key] = came.get(key, (one.sequence, 0))[0], following
                if self._fits(one, address):
                    to = (address, peer[1], one.token, one.sequence)
                    batch.append(Arrival(one.payload, now_ns, Mode.LINK, *to))
            if self._machines.refused != refused:
                self._admission.refuse(address, "more PBL1 links than most_links")
        if came:
            self._keep(batch, came)
        if frames:
            self.due(frames[-1].received_ns)

    def safe(self, number: int, now_ns: int) -> None:
        """Acknowledge what is in the spool below a number, which has reached the disk."""
        self._safe = max(self._safe, number)
        while self._unsafe and self._unsafe[0][0] <= self._safe:
            for key, sequence in self._unsafe.popleft()[1].items():
                self._machines.safe(*key, sequence)
                self._remember(key, sequence)
        self.due(now_ns)

    def due(self, now_ns: int) -> None:
        """Send the answers that are due by now."""
        for octets, peer in self._machines.replies(now_ns):
            self._send(octets, peer)  # type: ignore[arg-type]

    @property
    def owing(self) -> bool:
        """Tell whether some link is owed an answer later: call `due` within 50 ms or so."""
        return self._machines.next_deadline() is not None

    def look(self, now_ns: int) -> None:
        """Let senders try again where there was no room; called every second or so.

        While the spool is full one try a second goes through: it finds out when there is room.
        """
        self._machines.full(False)
        self.due(now_ns)
        quiet = [key for key, (_, at) in self._heard.items() if now_ns - at > QUIET_NS]
        for key in quiet:
            del self._heard[key]

    def status(self) -> list[LinkStatus]:
        """Return the links that spoke within the last minute."""
        return [LinkStatus(f"{unit:04X}", *one) for (unit, _), one in self._heard.items()]

    def _admits(self, octets: bytes, address: str, now_ns: int) -> bool:
        """Tell whether a frame is taken at all; asked before anything of it is answered."""
        frame = pbl1.read(octets)
        if frame is None or frame.kind in (Kind.OFFER, Kind.ACK, Kind.PONG):
            self._admission.refuse(address, "PBL1 frame that cannot be")
            return False
        if not self._admission.link_allowed(frame.unit.to_bytes(2, "big"), address):
            return False
        key = frame.unit, frame.token
        if key in self._heard or len(self._heard) < self._most:
            self._heard[key] = address, now_ns
        self._alive(frame.unit, address, now_ns)
        return True

    def _fits(self, one: Delivery, address: str) -> bool:
        """Tell whether a payload is a packet of the link's unit; what is not is never kept."""
        if len(one.payload) != SIZE:
            self._admission.refuse(address, "PBL1 payload that is no packet")
        elif int.from_bytes(one.payload[4:6], "big") != one.unit:
            self._admission.refuse(address, "PBL1 packet of another unit than its link")
        else:
            return True
        return False

    def _keep(self, batch: list[Arrival], came: Mapping[Key, tuple[int, int]]) -> None:
        """Write a batch; note what is to be acknowledged when, or take it back."""
        if not self._receiver.take(batch):
            for key, (first, _) in came.items():
                self._machines.back(*key, first)
            self._machines.full(True)
            return
        number = self._next_number()
        self._unsafe.append((number, {key: following for key, (_, following) in came.items()}))
        if number > self._safe:
            self._ask(number)
        else:
            self.safe(number, batch[-1].received_ns if batch else 0)

    def _remember(self, key: Key, sequence: int) -> None:
        self._expected.pop(key, None)
        if len(self._expected) >= _MOST_REMEMBERED:
            del self._expected[next(iter(self._expected))]
        self._expected[key] = sequence
