"""Targets: what clients and servers say to us over a stream, cut anywhere, and PBL1's datagrams."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from fuzz.supply import Supply, piece
from fuzz.target import Target, agree, must
from portbook.protocols.datalink.writing import Writing, frame
from portbook.protocols.reftek import client
from portbook.protocols.reftek.asking import Asking
from portbook.protocols.reftek.client import Wish
from portbook.protocols.reftek.link_sender import LinkSender
from portbook.protocols.reftek.links import Links
from portbook.protocols.reftek.opening import opening
from portbook.protocols.reftek.pbl1 import MODULUS
from portbook.protocols.reftek.serving import Session
from portbook.protocols.seedlink import serving as seedlink
from portbook.protocols.seedlink.telling import About, StationTold, StreamTold

NOW_NS = 1_790_000_000_000_000_000
SECOND = 1_000_000_000
ABOUT = About("portbook/1.0", 'plant "A&B" <1>', NOW_NS)
STREAM = StreamTold("00", "HHZ", "00_H_H_Z", NOW_NS, NOW_NS + SECOND)
STATIONS = (
    StationTold("XX", "ALFA", 0, 40, 0, 2560, (STREAM,)),
    StationTold("XX", "BRAVO", 4, 44, 256, 2816, (STREAM, STREAM._replace(channel="HHN"))),
)
MOST_LINKS, MOST_HELD, MOST_WAITING = 3, 5, 40
MOST_STEPS = 200


def streamed(play: Callable[[list[bytes]], object], octets: bytes) -> None:
    """Say octets in one piece and in several: what a session makes of them is the same."""
    supply = Supply(octets)
    sizes = [supply.number() + 1 for _ in range(supply.number() % 24)]
    said = supply.rest()
    pieces, at = [], 0
    for size in sizes:
        pieces.append(said[at : at + size])
        at += size
    agree(play([said]), play([*pieces, said[at:]]), "said in pieces it is something else")


def seedlink_server(pieces: list[bytes]) -> object:
    """Serve a SeedLink client."""
    session = seedlink.Session(ABOUT, lambda station, stream: STATIONS)
    out = b""
    for one in pieces:
        out += session.feed(one, NOW_NS)
        for _ in range(len(one) + 2):
            if not session.waiting:
                break
            out += session.feed(b"", NOW_NS)
        must(not session.waiting, "lines are left over")
    session.oddities.pop("", None)
    return out, session.ended, session.version, session.request, session.program


def datalink_client(pieces: list[bytes]) -> object:
    """Write records into a DataLink server."""
    session, marks, now_ns = Writing("portbook", window=4), [], NOW_NS
    session.hello(now_ns)
    for mark in range(4):
        session.write(mark, "XX_ALFA_00_H_H_Z/MSEED", now_ns, now_ns, b"record", now_ns)
    for one in pieces:
        marks += session.feed(one, now_ns)
        session.due(now_ns)
        must(session.refused is None or session.refused.isprintable(), "hostile text was kept")
    must(len(marks) <= 4, "more acknowledged than written")
    return marks, session.ended, session.server, session.packet_octets, session.acknowledged


def reftek_server(pieces: list[bytes]) -> object:
    """Serve a client that speaks RTP."""
    session = Session(NOW_NS, process=7)
    opening(b"".join(pieces)[:6])
    out = b"".join(session.feed(one, NOW_NS) for one in pieces)
    return out, session.ended, session.stage, session.wish, session.program, session.oddities


def reftek_client(pieces: list[bytes]) -> object:
    """Ask a server that speaks RTP."""
    session = Asking(Wish(), NOW_NS, process=7)
    out, packets = session.begin(), []
    for one in pieces:
        out += session.feed(one, NOW_NS)
        packets += session.take()
        session.look(NOW_NS)
    must(all(len(one) == 1024 for one in packets), "a packet of another size")
    return out, packets, session.ended, session.stage, session.granted, session.oddities


def links(octets: bytes) -> None:
    """Carry packets over PBL1 through a network that loses, repeats, changes and invents."""
    play = _Play()
    supply = Supply(octets)
    for _ in range(MOST_STEPS):
        if not supply:
            break
        play.step(supply)
    play.settle()


class _Play:
    """A sender, receivers, and the datagrams between them."""

    def __init__(self) -> None:
        self.now_ns = NOW_NS
        tokens = iter(range(7, MODULUS))
        self.sender = LinkSender(0x9D20, lambda: next(tokens), most_waiting=MOST_WAITING)
        self.links = Links(lambda unit, token: 0, most=MOST_LINKS, most_held=MOST_HELD)
        self.there: list[bytes] = []
        self.back: list[bytes] = []
        self.offered: list[bytes] = []
        self.taken: list[bytes] = []
        self.safe = 0
        self.forged = False  # whoever can send to the port can speak PBL1

    def step(self, supply: Supply) -> None:
        """Do one thing that fuzz octets choose."""
        what = supply.number()
        kind, more = what & 15, what >> 4
        if kind < 4:
            self._offer(supply.octets(1 + more))
        elif kind < 7:
            self._exchange(lost=supply.number())
        elif kind == 7:
            self.now_ns += (1 << more) * 1_000_000
        elif kind < 10:
            self.forged = True
            self._hear(supply.piece(), f"peer {more % 4}")
        elif kind == 10:
            self.forged = True
            self.sender.take(supply.piece(), self.now_ns)
        elif kind == 11:
            self._change(supply)
        elif kind == 12:
            self.links.full(bool(more & 1))
        elif kind == 13 and self.there:
            self.there.append(self.there[more % len(self.there)])
        elif kind == 14:
            self.links.back(self.sender.unit, self.sender.token, supply.number())
            self.forged = True  # what was delivered comes again
        self._bounds()

    def settle(self) -> None:
        """Let the network be good for long: all that was offered arrives, if nobody lied."""
        if self.forged:
            return
        self.links.full(False)
        for _ in range(200):
            if not self.sender.pending:
                break
            self._exchange(lost=0)
            self.now_ns += SECOND
        agree(self.offered, self.taken, "what arrived is not what was offered")
        must(not self.sender.pending, "the sender does not come to its end")

    def _offer(self, octets: bytes) -> None:
        if octets and self.sender.offer(octets):
            self.offered.append(octets)

    def _exchange(self, lost: int) -> None:
        self.there += self.sender.to_send(self.now_ns)
        for at, one in enumerate(self.there[-64:]):
            if not lost >> at % 8 & 1:
                self._hear(one, "sender")
        self.there = self.there[-4:] if lost & 1 else []
        self.now_ns += 200_000_000
        self.back += [octets for octets, _ in self.links.replies(self.now_ns)]
        for at, one in enumerate(self.back[-64:]):
            if not lost >> (at + 3) % 8 & 1:
                self.sender.take(one, self.now_ns)
        self.back = []

    def _hear(self, datagram: bytes, peer: str) -> None:
        for one in self.links.take(datagram, peer, self.now_ns):
            if not self.forged:
                self.taken.append(one.payload)
                self.safe += 1
            self.links.safe(one.unit, one.token, (one.sequence + 1) % MODULUS)

    def _change(self, supply: Supply) -> None:
        if self.there:
            one = bytearray(self.there[-1])
            one[supply.number() % len(one)] = supply.number()
            self.there.append(bytes(one))
            self.forged = True

    def _bounds(self) -> None:
        must(len(self.links) <= MOST_LINKS, "more links than there may be")
        must(self.sender.pending <= MOST_WAITING, "more waits than may")
        must(len(self.links.replies(self.now_ns)) <= 64 * MOST_LINKS, "a flood of replies")
        self.links.next_deadline()
        self.sender.next_deadline()
        if not self.forged:
            must(self.sender.acknowledged <= self.safe, "acknowledged without being safe")


def _seedlink_seeds() -> Iterator[bytes]:
    lines = (
        b"HELLO\r\nSLPROTO 4.0\r\nUSERAGENT x/1\r\nSTATION XX_ALFA\r\nSELECT 00_H_H_Z.2D\r\n"
        b"DATA 12\r\nSTATION XX_*\r\nSELECT !*_*_*_N:native\r\nDATA ALL\r\nEND\r\n",
        b"HELLO\r\nCAPABILITIES EXTREPLY\r\nSTATION ALFA XX\r\nSELECT 00HHZ.D\r\nSELECT BH?\r\n"
        b"TIME 2025,1,2,3,4,5 2025,1,2,4\r\nEND\r\n",
        b"HELLO\r\nBATCH\r\nSTATION BRAVO XX\r\nFETCH 00002A 2025,01,01,00,00,00\r\nENDFETCH\r\n",
        b"INFO ID\rINFO STREAMS\rINFO STATIONS\rCAT\rBYE\r",
        b"HELLO\r\nSLPROTO 4.0\r\nINFO STATIONS XX_*\nINFO STREAMS * *\nINFO CONNECTIONS\n"
        b"GETCAPABILITIES\nAUTH USERPASS a b\nINFO FORMATS\nSTATION X_Y\n"
        b"DATA 1 2025-01-01T00:00:00Z 2025-01-02T00:00:00.5Z\nENDFETCH\n",
    )
    for at, one in enumerate(lines):
        yield bytes((at,)) + b"\x0b" * at + one


def _datalink_seeds() -> Iterator[bytes]:
    hello = frame("ID DataLink 2020.046 :: DLPROTO:1.1 PACKETSIZE:512 WRITE")
    good, bad = frame("OK 12 9") + b"it is fine"[:9], frame("ERROR 0 5") + b"no\x1b[m"
    yield b"\0" + hello + good * 3 + bad
    yield b"\3\1\2\3" + hello + good + frame("INFO STATUS 4") + b"<a/>" + good
    yield b"\0" + frame("ID other") + good


def _reftek_seeds(server: bool) -> Iterator[bytes]:
    """Let both ends of our own talk, and take what one of them hears."""
    for version in (1, 2):
        ours = Session(NOW_NS, version=2, process=3)
        theirs = Asking(Wish(0x9D20, 0x70, 0x1FF), NOW_NS, version=version, process=4)
        heard: tuple[list[bytes], list[bytes]] = ([], [])
        said = theirs.begin()
        while said:
            heard[0].append(said)
            answer = ours.feed(said, NOW_NS)
            heard[1].append(answer)
            said = theirs.feed(answer, NOW_NS)
        heard[0].append(b"".join(client.build(kind) for kind in range(1, 16)))
        heard[1].append(client.build(client.BREAK))
        told = b"".join(heard[0] if server else heard[1])
        yield b"\0" + told
        yield b"\5\1\2\3\4\5" + told


def _link_seeds() -> Iterator[bytes]:
    some = b"".join(bytes((0x20 | at % 4,)) + b"abc" for at in range(9))
    yield some + b"\4\0" * 9
    yield some + b"\4\x55\7\5\xaa\x47\4\x01" * 6
    yield b"\4\0" + some + b"\x1c\4\0\x0c\x0d\4\2" * 3
    frames = LinkSender(0x9D20, lambda: 7)
    frames.offer(b"packet")
    (first, *_) = frames.to_send(NOW_NS)
    yield some + b"\4\0\x08" + piece(first) + b"\x0b\5\2\x0b\x0d\3\4\0\x0e\1"


TARGETS = (
    Target("seedlink", partial(streamed, seedlink_server), _seedlink_seeds),
    Target("datalink", partial(streamed, datalink_client), _datalink_seeds),
    Target("reftek-server", partial(streamed, reftek_server), partial(_reftek_seeds, True)),
    Target("reftek-client", partial(streamed, reftek_client), partial(_reftek_seeds, False)),
    Target("links", links, _link_seeds),
)
