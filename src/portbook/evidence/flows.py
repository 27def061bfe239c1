"""One conversation of the plain reader, packet by packet."""

from __future__ import annotations

from portbook.evidence.heads import Head
from portbook.evidence.pots import Pots
from portbook.evidence.segments import SCTP, TCP, UDP, Segment
from portbook.evidence.shares import share
from portbook.evidence.signatures import Signatures
from portbook.evidence.table import (
    FIRST_TIMES,
    HEAD_OCTETS,
    LAST_TIMES,
    MORE_OCTETS,
    PIECES,
    QUIET_NS,
    Row,
)
from portbook.evidence.tunnels import PORTS

SYN, ACK = 2, 16
SIDES = {(True, SYN): 1, (False, SYN): 2, (True, SYN | ACK): 4, (False, SYN | ACK): 8}
RINGS = 1 << 16  # conversations at a time whose last bursts are kept


class Shared:
    """What all conversations of a table share: signatures and bounded memory."""

    def __init__(self, signatures: Signatures, pool_octets: int) -> None:
        self.signatures = signatures
        self.pots = Pots(pool_octets)
        self.rings = RINGS


class Way(Head):
    """One direction of a conversation."""

    __slots__ = ("forward",)

    def __init__(self, of: Flow, forward: bool, datagrams: bool) -> None:
        super().__init__(started=datagrams)
        self.of = of
        self.forward = forward
        self.quick = False  # only counting is left to do: the reader may take its short cut
        self.packets = 0
        self.octets = 0
        self.payload = 0


class Times:
    """What every packet of a conversation touches, side by side in memory."""

    __slots__ = ("first_ns", "last_ns")


class Flow(Times):
    """One conversation; what `Row` says of it, while it grows."""

    __slots__ = (
        "a",
        "a_mac",
        "a_port",
        "ab",
        "b",
        "b_mac",
        "b_port",
        "ba",
        "broadcast",
        "bursts",
        "carrier",
        "many",
        "pot",
        "ring",
        "shared",
        "syn",
        "times",
        "transport",
        "tunnel",
        "vlan",
        "wanted",
        "where",
    )

    def __init__(self, first: Segment, shared: Shared) -> None:
        self.shared = shared
        self.transport = first.transport
        self.a, self.a_port = first.source, first.source_port
        self.b, self.b_port = first.target, first.target_port
        self.vlan, self.tunnel = first.vlan, first.tunnel
        ports = first.source_port, first.target_port
        self.carrier = first.transport == UDP and not PORTS.isdisjoint(ports)  # of a tunnel
        self.a_mac = first.source_mac
        self.b_mac = b"" if first.target_mac[:1] and first.target_mac[0] & 1 else first.target_mac
        self.broadcast = first.broadcast
        self.where = first.where
        self.first_ns = self.last_ns = first.time_ns
        self.bursts = 1
        self.times: list[int] | None = None  # from the second burst on
        self.ring = False
        self.pot = share(first, shared.pots.count)  # that its blocks come from
        self.syn = 0
        self.many = False  # datagrams are worth keeping
        self.wanted = False  # the prefilter hit: longer heads are worth their memory
        datagrams = first.transport != TCP
        self.ab = Way(self, True, datagrams)
        self.ba = Way(self, False, datagrams)

    def add(self, way: Way, segment: Segment) -> None:
        """Count one segment and keep of it what is worth keeping."""
        if not (way.forward or way.packets or self.b_mac):
            self.b_mac = segment.source_mac
        self.keep(
            way, segment.time_ns, segment.octets, segment.packets, segment.flags, segment.seq,
            segment.ack, segment.payload, segment.length,
        )  # fmt: skip

    def keep(
        self,
        way: Way,
        time_ns: int,
        octets: int,
        packets: int,
        flags: int,
        seq: int | None,
        ack: int,
        payload: bytes,
        length: int,
    ) -> None:
        """Count a segment, of which this stands in `Segment`, and keep what is worth keeping.

        It is not the first of its direction, or comes from `add`.
        """
        way.packets += packets
        way.octets += octets
        way.payload += length
        if time_ns > self.last_ns:
            if time_ns - self.last_ns > QUIET_NS:
                self.burst(time_ns)
            self.last_ns = time_ns
        elif time_ns < self.first_ns:
            self.first_ns = time_ns
        if self.transport == TCP:
            self._stream(way, flags, seq, ack, payload, length)
        elif length and not way.done:
            if not way.pieces:
                self._judge(way, payload)
            size = way.filled + len(payload)
            if self.wanted and (size > HEAD_OCTETS or len(way.pieces) >= PIECES):
                way.extend(self.shared.pots, self.pot)
            way.append(payload, length, self.many)
        way.quick = way.done and not self.carrier

    def burst(self, time_ns: int) -> None:
        """Note that a burst began after a silence."""
        self.bursts += 1
        if self.times is None:
            self.times = [self.first_ns]
        if self.bursts == FIRST_TIMES + 1 and self.shared.rings:
            self.shared.rings -= 1
            self.ring = True
        if self.bursts > FIRST_TIMES and not self.ring:
            return
        self.times.append(time_ns)
        if len(self.times) > FIRST_TIMES + LAST_TIMES:
            del self.times[FIRST_TIMES]

    @property
    def young(self) -> bool:
        """Tell whether it has a block that is due."""
        longer = max(self.ab.capacity, self.ba.capacity) > HEAD_OCTETS
        return longer and self.shared.pots.due(self.pot)

    def release(self) -> None:
        """Give longer heads back to their pot."""
        for _ in range(self.ab.shorten() + self.ba.shorten()):
            self.shared.pots.give(self.pot)

    def forget(self) -> None:
        """Give back all that is bounded."""
        self.release()
        self.shared.rings += self.ring

    def row(self) -> Row:
        """Return the conversation as the table's interface has it."""
        ab, ba = self.ab, self.ba
        head_ab, head_ba = bytes(ab.data[: ab.filled]), bytes(ba.data[: ba.filled])
        bits = self.shared.signatures.bits
        stream = self.transport == TCP
        return Row(
            transport=self.transport,
            a=self.a,
            a_port=self.a_port,
            b=self.b,
            b_port=self.b_port,
            vlan=self.vlan,
            tunnel=self.tunnel,
            packets_ab=ab.packets,
            packets_ba=ba.packets,
            octets_ab=ab.octets,
            octets_ba=ba.octets,
            payload_ab=ab.payload,
            payload_ba=ba.payload,
            first_ns=self.first_ns,
            last_ns=self.last_ns,
            syn=self.syn,
            started_ab=ab.started,
            started_ba=ba.started,
            head_ab=head_ab,
            head_ba=head_ba,
            pieces_ab=ab.stream_pieces() if stream else ab.datagram_pieces(),
            pieces_ba=ba.stream_pieces() if stream else ba.datagram_pieces(),
            bursts=self.bursts,
            times=(self.first_ns,) if self.times is None else tuple(self.times),
            a_mac=self.a_mac,
            b_mac=self.b_mac,
            broadcast=self.broadcast,
            candidates=bits(self.transport, head_ab) | bits(self.transport, head_ba),
            where=self.where,
        )

    def _stream(
        self, way: Way, flags: int, seq: int | None, ack: int, payload: bytes, length: int
    ) -> None:
        other = self.ba if way.forward else self.ab
        if flags & SYN:
            self.syn |= SIDES[way.forward, flags & (SYN | ACK)]
            if seq is None:
                way.started = True
            else:
                seq = (seq + 1) % (1 << 32)
                way.syn(other, seq, bool(flags & ACK))
                other.quick = other.done
        if way.done or seq is None:
            return
        if flags & ACK and other.base is None:
            other.hint = ack
        if not length:
            return
        place = way.locate(seq, length)
        if place is None:
            return
        skipped = max(0, -place)
        octets = payload[skipped:]
        start = place + skipped
        if start == 0 and not way.filled:
            self._judge(way, octets)
        way.note(start, place + length)
        if octets and not (self.wanted and start >= MORE_OCTETS):
            if self.wanted and start + len(octets) > HEAD_OCTETS:
                way.extend(self.shared.pots, self.pot)
            way.place(start, octets)
        way.settle(self.wanted)

    def _judge(self, way: Way, octets: bytes) -> None:
        """Find out by the first payload of a direction whether longer heads are worth it."""
        bits = self.shared.signatures.bits(self.transport, octets[:HEAD_OCTETS])
        if bits:
            self.wanted = True
            self.many = self.many or self.shared.signatures.many(bits)


class Others(Flow):
    """All conversations of other shares: a reader counts them the short way, and keeps nothing."""

    __slots__ = ("room",)

    def __init__(self, shared: Shared, room: int) -> None:
        self.room = room  # for directions that are remembered; what finds none goes the long way
        super().__init__(
            Segment(SCTP, b"", 0, b"", 0, None, None, b"", b"", False, 0, 0, 0), shared
        )
        self.ab.quick = True

    def remembers(self, segment: Segment) -> bool:
        """Tell whether later packets of a direction may go the short way, and find room for it."""
        ports = segment.source_port, segment.target_port
        short = segment.transport == TCP or (segment.transport == UDP and PORTS.isdisjoint(ports))
        if segment.tunnel is not None or not short or not self.room:
            return False
        self.room -= 1
        return True

    def add(self, way: Way, segment: Segment) -> None:
        """Leave a segment to whoever keeps its share."""

    def keep(self, way: Way, *_: object) -> None:
        """Leave a segment to whoever keeps its share."""

    def burst(self, time_ns: int) -> None:
        """Note nothing."""
