"""What was said between us and others, kept as the conversation table keeps it: as its rows.

So what portbook asked itself goes the same way to a name, a device and a finding as what it heard
others say. `octets` of a row are those of the payload: we do not see our own frames.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import NamedTuple

from portbook.evidence.table import MORE_OCTETS, Counts, Row
from portbook.ports import Transport
from portbook.protocols.prefilter import NUMBERS, prefilter

MOST = 8192  # pairs of endpoints
MOST_PIECES = 64  # payloads of a direction whose octets are kept
_A_CONNECTED, _B_ACCEPTED = 1, 8  # bits of Row.syn


class End(NamedTuple):
    """An address and a port."""

    host: str
    port: int

    @property
    def octets(self) -> bytes:
        """Return the address, 4 or 16 octets."""
        host = self.host.split("%", 1)[0]
        return socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)


class _Said:
    """One direction."""

    def __init__(self) -> None:
        self.head = bytearray()
        self.pieces: list[tuple[int, int]] = []
        self.packets = self.octets = 0

    def add(self, octets: bytes) -> None:
        room = MORE_OCTETS - len(self.head) if len(self.pieces) < MOST_PIECES else 0
        kept = octets[: max(room, 0)]
        self.head += kept
        if kept:
            self.pieces.append((len(octets), len(kept)))
        self.packets += 1
        self.octets += len(octets)


class _Talk:
    def __init__(self, transport: Transport, a: End, b: End, first_ns: int) -> None:
        self.transport, self.a, self.b = transport, a, b
        self.first_ns = self.last_ns = first_ns
        self.syn = 0
        self.broadcast = False
        self.there, self.back = _Said(), _Said()

    def row(self) -> Row:
        number = NUMBERS[self.transport]
        there, back = self.there, self.back
        bits = prefilter().bits
        return Row(
            transport=number,
            a=self.a.octets,
            a_port=self.a.port,
            b=self.b.octets,
            b_port=self.b.port,
            vlan=None,
            tunnel=None,
            packets_ab=there.packets,
            packets_ba=back.packets,
            octets_ab=there.octets,
            octets_ba=back.octets,
            payload_ab=there.octets,
            payload_ba=back.octets,
            first_ns=self.first_ns,
            last_ns=self.last_ns,
            syn=self.syn,
            started_ab=True,
            started_ba=True,
            head_ab=bytes(there.head),
            head_ba=bytes(back.head),
            pieces_ab=tuple(there.pieces),
            pieces_ba=tuple(back.pieces),
            bursts=1,
            times=(self.first_ns,),
            a_mac=b"",
            b_mac=b"",
            broadcast=self.broadcast,
            candidates=bits(number, bytes(there.head)) | bits(number, bytes(back.head)),
            where=0,
        )


class Exchanges:
    """All that was sent and that came."""

    def __init__(self) -> None:
        self._talks: dict[tuple[Transport, End, End], _Talk] = {}
        self.sent = self.sent_octets = self.came = self.came_octets = 0
        self.own: set[str] = set()  # addresses that we spoke from

    def connected(self, own: End, peer: End, now_ns: int) -> None:
        """Note that a TCP connection of ours was accepted."""
        self.own.add(own.host)
        if talk := self._talk(Transport.TCP, own, peer, now_ns):
            talk.syn = _A_CONNECTED | _B_ACCEPTED

    def said(
        self,
        transport: Transport,
        own: End,
        peer: End,
        octets: bytes,
        now_ns: int,
        *,
        broadcast: bool = False,
    ) -> None:
        """Keep what we sent."""
        self.own.add(own.host)
        self.sent += 1
        self.sent_octets += len(octets)
        talk = self._talk(transport, own, peer, now_ns)
        if talk:
            (talk.there if talk.a == own else talk.back).add(octets)
            talk.broadcast = broadcast

    def heard(self, transport: Transport, own: End, peer: End, octets: bytes, now_ns: int) -> None:
        """Keep what came."""
        self.came += 1
        self.came_octets += len(octets)
        # who speaks to us unasked, or from elsewhere than where we asked, began that conversation
        talk = self._talks.get((transport, own, peer)) or self._answering(transport, own, peer)
        talk = talk or self._talk(transport, peer, own, now_ns)
        if talk:
            (talk.back if talk.a == own else talk.there).add(octets)
            talk.last_ns = now_ns

    def _answering(self, transport: Transport, own: End, peer: End) -> _Talk | None:
        """Return a talk that begins with what went to everybody at that port, from there.

        It is not counted again: it was sent once. Its octets stand before the answer, since many
        an answer says nothing without its question.
        """
        asked = next(
            (
                one
                for one in self._talks.values()
                if one.broadcast and one.a == own and one.b.port == peer.port
            ),
            None,
        )
        if asked is None or asked.transport is not transport:
            return None
        talk = self._talk(transport, own, peer, asked.first_ns)
        if talk:
            talk.there.head += asked.there.head
            talk.there.pieces += asked.there.pieces
        return talk

    def rows(self) -> Iterator[Row]:
        """Give a row for each pair of endpoints, in the order they were first met."""
        return (talk.row() for talk in self._talks.values())

    def counts(self) -> Counts:
        """Return what went through: messages, and octets of their payload."""
        packets, octets = self.sent + self.came, self.sent_octets + self.came_octets
        return Counts(packets, octets, 0, 0, 0, 0)

    def _talk(self, transport: Transport, a: End, b: End, now_ns: int) -> _Talk | None:
        known = self._talks.get((transport, a, b))
        if known is None and len(self._talks) < MOST:
            known = self._talks[transport, a, b] = _Talk(transport, a, b, now_ns)
        if known:
            known.last_ns = now_ns
        return known
