"""Our own links at the receiver: acknowledged when it is safe, and never before."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from daemons.hearsay import Heard
from support import reftek

from portbook.daemons.configuration.places import EVERYWHERE
from portbook.daemons.sources.admission import Admission, Rules
from portbook.daemons.sources.drain import Frame
from portbook.daemons.sources.linking import QUIET_NS, Links
from portbook.daemons.sources.peers import Peers
from portbook.daemons.sources.receiver import Receiver
from portbook.protocols.reftek import pbl1
from portbook.protocols.reftek.link_sender import LinkSender
from portbook.protocols.reftek.pbl1 import Kind
from portbook.seismic.ordering import Order
from portbook.seismic.ring import Ring
from portbook.seismic.spool import Follower, Mode, Spool, SpoolFull

UNIT = 0x9D20
EVENT = reftek.event(f"{UNIT:04X}", seconds=20)
HERE = ("127.0.0.1", 5000)
NOW = reftek.START_NS + 60_000_000_000
MILLI = 1_000_000


class Field:
    """Links on a real spool; the test says when the disk has it. `now_ns` goes on by itself."""

    def __init__(self, folder: Path, rules: Rules | None = None, most: int = 64) -> None:
        self.spool = Spool(folder)
        self.voice = Heard()
        self.peers = Peers()
        self.admission = Admission(
            rules or Rules(frozenset(), EVERYWHERE, {}), self.voice, self.peers
        )
        self.ring = Ring(256)
        self.receiver = Receiver(self.spool, Order(), self.ring, self.admission, self.voice)
        self.sent: list[tuple[bytes, tuple[str, int]]] = []
        self.asked: list[int] = []
        self.alive: list[tuple[int, str]] = []
        self.now_ns = NOW
        self.links = Links(
            self.receiver,
            self.admission,
            lambda octets, peer: self.sent.append((octets, peer)),
            self.asked.append,
            lambda: self.spool.next_number,
            self.spool.links(),
            most=most,
            alive=lambda unit, address, _: self.alive.append((unit, address)),
        )

    def give(self, *datagrams: bytes, peer: tuple[str, int] = HERE) -> None:
        self.now_ns += MILLI
        self.links.take([Frame(one, peer, self.now_ns) for one in datagrams])

    def answers(self) -> list[pbl1.Frame]:
        found = [pbl1.read(octets) for octets, _ in self.sent]
        self.sent.clear()
        return [one for one in found if one is not None]

    def synced(self) -> None:
        self.links.safe(self.spool.next_number, self.now_ns)

    def converse(self, sender: LinkSender, turns: int = 20, peer: tuple[str, int] = HERE) -> None:
        """Let a sender and us talk, with a disk that is always quick."""
        for _ in range(turns):
            self.give(*sender.to_send(self.now_ns), peer=peer)
            self.synced()
            for octets, _ in self.sent:
                sender.take(octets, self.now_ns)
            self.sent.clear()
            self.now_ns += 200 * MILLI

    def out(self) -> list[bytes]:
        return [bytes(self.ring.packet(at)) for at in range(self.ring.head)]


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    made = Field(tmp_path)
    yield made
    made.spool.close()


def _data(sequence: int, payload: bytes, *, token: int = 7, unit: int = UNIT) -> bytes:
    return pbl1.write(pbl1.Frame(Kind.DATA, 0, unit, token, sequence, payload))


def _acked(frames: list[pbl1.Frame]) -> list[int]:
    return [told.next for one in frames if (told := pbl1.ack(one)) is not None]


def test_a_packet_is_acknowledged_when_the_disk_has_it_and_not_before(field: Field) -> None:
    field.give(*(_data(at, one) for at, one in enumerate(EVENT[:8])))

    assert field.out() == EVENT[:8]
    assert field.asked == [8]
    assert set(_acked(field.answers())) <= {0}
    field.synced()
    assert _acked(field.answers()) == [8]


def test_arrivals_carry_what_the_spool_needs_to_know_the_link_again(field: Field) -> None:
    field.give(_data(0, EVENT[0], token=99), peer=("127.0.0.9", 4711))
    (entry,) = Follower(field.spool.folder, 0).take(10)
    one = entry.arrival

    assert (one.mode, one.address, one.port) == (Mode.LINK, "127.0.0.9", 4711)
    assert (one.token, one.link_sequence) == (99, 0)
    assert field.spool.links() == {(UNIT, 99): 1}


def test_a_sender_gets_everything_through_and_rid_of_it(field: Field) -> None:
    sender = LinkSender(UNIT, lambda: 7)
    for one in EVENT:
        sender.offer(one)
    field.converse(sender)

    assert field.out() == EVENT
    assert sender.pending == 0
    assert field.links.status()[0][:2] == (f"{UNIT:04X}", "127.0.0.1")
    assert set(field.alive) == {(UNIT, "127.0.0.1")}


def test_a_sender_that_moves_goes_on_from_its_new_address(field: Field) -> None:
    sender = LinkSender(UNIT, lambda: 7)
    sender.offer(EVENT[0])
    field.converse(sender)
    sender.offer(EVENT[1])
    field.converse(sender, peer=("127.0.0.8", 9))

    assert sender.pending == 0
    assert field.out() == EVENT[:2]


def test_after_a_restart_a_link_is_known_again(tmp_path: Path) -> None:
    sender = LinkSender(UNIT, lambda: 7)
    before = Field(tmp_path)
    for one in EVENT[:5]:
        sender.offer(one)
    before.converse(sender)
    before.spool.close()
    field = Field(tmp_path)
    for one in EVENT[5:]:
        sender.offer(one)
    field.converse(sender)
    field.spool.close()

    assert sender.pending == 0
    assert sender.renewed == 0


def test_a_full_spool_closes_the_window_and_acknowledges_nothing(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = LinkSender(UNIT, lambda: 7)
    for one in EVENT:
        sender.offer(one)

    def full(_: object) -> int:
        raise SpoolFull("no room")

    with monkeypatch.context() as patch:
        patch.setattr(field.spool, "write", full)
        field.converse(sender)
        assert sender.pending == len(EVENT)
        field.give(pbl1.write(pbl1.Frame(Kind.PING, 0, UNIT, 7, 1)))
        free = [told.free for one in field.answers() if (told := pbl1.ack(one))]
        assert free == [0]
    assert field.spool.next_number == 0
    field.links.look(field.now_ns)
    field.converse(sender, turns=80)

    assert sender.pending == 0
    assert field.out() == EVENT


def test_nobody_who_may_not_send_is_answered(tmp_path: Path) -> None:
    unit = UNIT.to_bytes(2, "big")
    rules = Rules(frozenset({unit}), EVERYWHERE, {unit: (ip_network("127.0.0.1"),)})
    field = Field(tmp_path, rules)
    discover = pbl1.write(pbl1.Frame(Kind.DISCOVER, 0, UNIT, 7, 0))
    field.give(_data(0, EVENT[0], unit=0xAE4C))
    field.give(discover, _data(0, EVENT[0]), peer=("127.0.0.2", 1))
    field.now_ns += 1000 * MILLI
    field.links.due(field.now_ns)

    assert field.sent == []
    assert field.out() == []
    assert field.voice.history == ["+address:9D20"]
    field.give(discover)
    assert [one.kind for one in field.answers()] == [Kind.OFFER]
    field.spool.close()


def test_what_is_no_packet_of_the_links_unit_is_counted_and_holds_nothing_up(field: Field) -> None:
    other = reftek.event("AE4C")[0]
    field.give(_data(0, b"short"), _data(1, other), _data(2, EVENT[0]))
    field.synced()

    assert field.out() == EVENT[:1]
    assert _acked(field.answers())[-1] == 3
    assert field.peers.totals == {
        "PBL1 payload that is no packet": 1,
        "PBL1 packet of another unit than its link": 1,
    }


def test_only_rubbish_is_acknowledged_too_so_that_the_sender_goes_on(field: Field) -> None:
    field.give(_data(0, b"short"))
    field.now_ns += 1000 * MILLI
    field.links.due(field.now_ns)

    assert _acked(field.answers())[-1] == 1


@pytest.mark.parametrize("octets", [b"PBL1", b"PBL1" + b"\xff" * 20])
def test_a_frame_that_cannot_be_is_counted(field: Field, octets: bytes) -> None:
    field.give(octets, pbl1.write(pbl1.Frame(Kind.OFFER, 0, UNIT, 7, 0, b"\0\0\0\x40")))

    assert field.peers.totals == {"PBL1 frame that cannot be": 2}
    assert field.sent == []


def test_links_are_bounded_and_the_quiet_ones_forgotten(tmp_path: Path) -> None:
    field = Field(tmp_path, most=4)
    for token in range(6):
        field.give(_data(1, EVENT[0], token=token))  # not its turn: nothing of it may go
    assert len(field.links.status()) == 4
    field.links.look(field.now_ns + QUIET_NS + 1)

    assert field.links.status() == []
    field.spool.close()
