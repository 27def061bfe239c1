"""What a client is sent is what it wants, whole and in order, wherever its socket stops."""

from __future__ import annotations

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from support.sequenced import packet

from portbook.protocols.reftek.client import MASK, Wish
from portbook.seismic.ring import Cursor, Overrun, Ring

SLOTS = 16
EVERYTHING = Wish()
WISHES = [
    EVERYTHING,
    Wish(0, 0xFFFF),
    Wish(0, 0x0110),
    Wish(0x9D20),
    Wish(0x9D20, 0x0010, 0x01),
    Wish(0x9D20, 0x0011, 0x00),
    Wish(0xAE4C, 0x0110, 0x100),
    Wish(0, 0),
]
KINDS = ["DT", "DT", "DT", "EH", "ET", "SH"]
BITS = {name: bit for bit, name in MASK.items()}


def some(number: int) -> bytes:
    """Return the packet of a number: of two units and streams and many types."""
    chance = random.Random(number)
    return packet(
        chance.choice(KINDS),
        unit=chance.choice([0x9D20, 0xAE4C]),
        stream=chance.choice([0, 8]),
        sequence=number,
        text=b"%d" % number,
    )


def message(octets: bytes, version: int) -> bytes:
    """Return a packet as a client of that version gets it, written down by hand."""
    if version == 1:
        return bytes.fromhex("000000000400") + octets
    names = {b"\x85\0": "SPEC", b"\x84\0": "CMND"}
    bit = BITS[names.get(octets[:2]) or octets[:2].decode()]
    return bytes.fromhex("000d00000400") + bit.to_bytes(4, "big") + octets


def drain(cursor: Cursor, step: int = 1 << 20) -> bytes:
    """Return all that waits, sent in steps of so many octets at most."""
    got = b""
    while cursor.waiting:
        chunk = bytes(cursor.chunk())
        assert chunk
        got += chunk[:step]
        cursor.sent(len(chunk[:step]))
    assert b"" == bytes(cursor.chunk())
    return got


class Client:
    """A cursor, and what its socket took; expected: what it must have been sent in the end."""

    def __init__(self, ring: Ring, wish: Wish, version: int, at: int | None) -> None:
        self.wish, self.version = wish, version
        self.begin = ring.head if at is None else at
        self.cursor = ring.cursor(wish, version, at)
        self.got = b""

    def expected(self, packets: list[bytes]) -> bytes:
        every = packets[self.begin :]
        return b"".join(message(one, self.version) for one in every if self.wish.wants(one))


class Clients(RuleBasedStateMachine):
    """Clients of all wishes come, read as they like, and go, while packets come in."""

    def __init__(self) -> None:
        super().__init__()
        self.ring = Ring(SLOTS)
        self.packets: list[bytes] = []
        self.clients: list[Client] = []

    @rule(count=st.integers(0, 40))
    def come(self, count: int) -> None:
        made = [some(len(self.packets) + at) for at in range(count)]
        self.packets += made
        self.ring.append(made)

    @rule(
        wish=st.sampled_from(WISHES),
        version=st.sampled_from([1, 2]),
        back=st.none() | st.integers(0, SLOTS),
    )
    def connect(self, wish: Wish, version: int, back: int | None) -> None:
        if len(self.clients) < 8:
            at = None if back is None else max(self.ring.head - back, self.ring.tail)
            self.clients.append(Client(self.ring, wish, version, at))

    @rule(
        which=st.integers(0, 7), part=st.floats(0, 1), most=st.sampled_from([1, 700, 5000, 1 << 18])
    )
    def read(self, which: int, part: float, most: int) -> None:
        if which >= len(self.clients):
            return
        client = self.clients[which]
        lag = client.cursor.lag
        try:
            chunk = bytes(client.cursor.chunk(most))
        except Overrun as over:
            self.overrun(client, over)
            return
        assert len(chunk) <= most
        assert bool(chunk) == client.cursor.waiting == bool(lag)
        took = int(len(chunk) * part)
        client.got += chunk[:took]
        client.cursor.sent(took)

    def overrun(self, client: Client, over: Overrun) -> None:
        """It is told right, and the message that was begun can be finished."""
        client.got += over.rest
        size = 1030 if client.version == 1 else 1034
        sent = len(client.got) // size - bool(over.rest)
        every = [
            number
            for number in range(client.begin, len(self.packets))
            if client.wish.wants(self.packets[number])
        ]
        lost = [number for number in every[sent:] if number < self.ring.tail]

        assert client.expected(self.packets).startswith(client.got)
        assert 0 == len(client.got) % size
        assert len(lost) == over.packets

        client.cursor.close()
        self.clients.remove(client)

    @rule(which=st.integers(0, 7), back=st.none() | st.integers(0, SLOTS))
    def join(self, which: int, back: int | None) -> None:
        """Another client wants the same as one that is there."""
        if which < len(self.clients):
            self.connect(self.clients[which].wish, self.clients[which].version, back)

    @rule(which=st.integers(0, 7))
    def leave(self, which: int) -> None:
        if which < len(self.clients):
            self.clients.pop(which).cursor.close()

    @rule()
    def trim(self) -> None:
        self.ring.table.trim(self.ring.tail)

    @invariant()
    def each_got_what_it_wants(self) -> None:
        for client in self.clients:
            expected = client.expected(self.packets)
            size = 1030 if client.version == 1 else 1034

            assert expected.startswith(client.got)
            assert client.cursor.waiting == (len(client.got) < len(expected))
            assert client.cursor.lag == (len(expected) // size - len(client.got) // size)
            begun = len(client.got) % size
            assert client.cursor.rest == expected[len(client.got) :][: size - begun if begun else 0]

    @invariant()
    def selections_are_those_of_the_clients(self) -> None:
        straight = [one for one in self.clients if one.version == 1 and one.wish.everything]

        assert len(self.ring.table.selections) <= len(self.clients) - len(straight)


TestClients = Clients.TestCase
TestClients.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("step", [1, 6, 1029, 1030, 1034, 1500, 1 << 20])
def test_a_client_gets_whole_messages_however_its_socket_stops(
    wish: Wish, version: int, step: int
) -> None:
    ring = Ring(SLOTS)
    cursor = ring.cursor(wish, version)
    got, every = b"", [some(number) for number in range(30)]
    for at in range(0, 30, 3):
        ring.append(every[at : at + 3])
        got += drain(cursor, step)

    assert b"".join(message(one, version) for one in every if wish.wants(one)) == got
    assert ring.head == cursor.position


def test_commands_and_their_answers_go_to_those_who_ask_for_them() -> None:
    ring = Ring(SLOTS)
    answer, command = b"\x85\0" + packet()[2:], b"\x84\0" + packet()[2:]
    for version in (1, 2):
        cursors = [ring.cursor(Wish(0, mask), version) for mask in (0x0001, 0x0400, 0x0010)]
        ring.append([answer, command])
        expected = [message(answer, version), message(command, version), b""]

        assert expected == [drain(cursor) for cursor in cursors]


def test_who_wants_everything_is_sent_slices_of_the_ring_itself() -> None:
    ring = Ring(SLOTS)
    cursor = ring.cursor(EVERYTHING)
    ring.append([some(number) for number in range(SLOTS)])
    chunk = cursor.chunk()

    assert isinstance(chunk, memoryview)
    assert ring.view.obj is chunk.obj
    assert SLOTS * 1030 == len(chunk)


def test_clients_at_one_place_share_what_was_gathered() -> None:
    ring = Ring(SLOTS)
    first, second = (ring.cursor(Wish(0x9D20)) for _ in range(2))
    ring.append([packet(unit=unit) for _ in range(4) for unit in (0x9D20, 0xAE4C)])
    one, other = first.chunk(), second.chunk()

    assert isinstance(one, memoryview)
    assert isinstance(other, memoryview)
    assert one.obj is other.obj
    assert 1 == len(ring.table.selections)


@pytest.mark.parametrize("version", [1, 2])
def test_clients_of_one_wish_read_each_at_its_own_pace(version: int) -> None:
    ring = Ring(SLOTS)
    wish, chance = Wish(0x9D20, 0x0010), random.Random(3)
    cursors = [ring.cursor(wish, version) for _ in range(3)]
    got = [b"", b"", b""]
    every = [packet(unit=unit, sequence=at) for at in range(300) for unit in (0x9D20, 0xAE4C)]
    for at in range(0, len(every), 2):
        ring.append(every[at : at + 2])
        for which, cursor in enumerate(cursors):
            if chance.random() < 0.7 or cursor.lag > 5:
                chunk = bytes(cursor.chunk(chance.choice([500, 3000, 1 << 18])))
                took = len(chunk) if cursor.lag > 5 else chance.randint(0, len(chunk))
                cursor.sent(took)
                got[which] += chunk[:took]
    expected = b"".join(message(one, version) for one in every[::2])

    assert [expected] * 3 == [one + drain(cursor) for one, cursor in zip(got, cursors, strict=True)]
    assert 1 == len(ring.table.selections)


@pytest.mark.parametrize("version", [1, 2])
def test_what_was_forgotten_is_looked_for_again_for_one_who_comes_later(version: int) -> None:
    ring = Ring(SLOTS)
    wish = Wish(0x9D20, 0x0010)
    first = ring.cursor(wish, version)
    every = [packet(unit=unit, sequence=at) for at in range(5) for unit in (0x9D20, 0xAE4C)]
    ring.append(every)
    expected = b"".join(message(one, version) for one in every[::2])

    assert expected == drain(first)

    ring.table.trim(ring.tail)

    assert expected == drain(ring.cursor(wish, version, at=0))
    assert b"" == drain(first)


def test_a_cursor_begins_at_the_head_or_where_it_is_told() -> None:
    ring = Ring(SLOTS, first=1000)
    every = [some(number) for number in range(8)]
    ring.append(every)

    assert (1000, 1008) == (ring.tail, ring.head)
    assert b"" == drain(ring.cursor(EVERYTHING))
    assert message(every[6], 1) + message(every[7], 1) == drain(ring.cursor(EVERYTHING, at=1006))
    assert b"" == drain(ring.cursor(EVERYTHING, at=5000))
    for wish in (EVERYTHING, Wish(0x9D20)):
        with pytest.raises(Overrun, match="10 packets"):
            ring.cursor(wish, at=990).chunk()


def test_a_client_that_is_overrun_can_be_sent_the_rest_of_its_message() -> None:
    ring = Ring(SLOTS)
    every = [packet(sequence=number) for number in range(2 * SLOTS)]
    for wish, version in ((EVERYTHING, 1), (Wish(0x9D20), 1), (EVERYTHING, 2)):
        cursor = ring.cursor(wish, version)
        ring.append(every[:1])
        begun = bytes(cursor.chunk(100))
        cursor.sent(len(begun))
        ring.append(every)
        with pytest.raises(Overrun) as told:
            cursor.chunk()

        assert message(every[0], version) == begun + told.value.rest
        assert told.value.rest == cursor.rest


def test_more_packets_than_the_ring_has_slots_leave_the_last_ones() -> None:
    ring = Ring(SLOTS)
    stays = ring.cursor(EVERYTHING)
    some_wish = ring.cursor(Wish(0x9D20))
    every = [packet(sequence=number) for number in range(100)]
    ring.append(every)

    assert (100 - SLOTS, 100) == (ring.tail, ring.head)
    for cursor in (stays, some_wish):
        with pytest.raises(Overrun) as told:
            cursor.chunk()
        assert 100 - SLOTS == told.value.packets
    last = b"".join(message(one, 1) for one in every[-SLOTS:])
    assert last == drain(ring.cursor(EVERYTHING, at=ring.tail))
    assert last == drain(ring.cursor(Wish(0x9D20), at=ring.tail))


@pytest.mark.parametrize("sizes", [(1023,), (1025,), (1024, 0), (1023, 1025), (0,)])
def test_packets_of_another_size_are_refused_whole(sizes: tuple[int, ...]) -> None:
    ring = Ring(SLOTS)
    cursor = ring.cursor(EVERYTHING)
    with pytest.raises(ValueError, match="none was taken"):
        ring.append([bytes(size) for size in sizes])

    assert 0 == ring.head
    assert not cursor.waiting


def test_a_ring_without_a_slot_cannot_be() -> None:
    for slots, first in ((0, 0), (-1, 0), (1, -1)):
        with pytest.raises(ValueError, match="a slot or more"):
            Ring(slots, first)


def test_what_a_selection_remembers_is_bounded_though_nobody_reads() -> None:
    ring = Ring(SLOTS)
    stuck, reads = ring.cursor(Wish(0x9D20)), ring.cursor(Wish(0x9D20, 0x0010))
    for number in range(20_000):
        ring.append([packet(sequence=number)])
        reads.sent(len(reads.chunk()))
    selections = ring.table.selections.values()

    assert 2 == len(selections)
    assert all(one.remembered <= 4096 + SLOTS for one in selections)
    with pytest.raises(Overrun):
        stuck.chunk()


def test_keys_of_hostile_packets_are_bounded() -> None:
    ring = Ring(SLOTS)
    cursor = ring.cursor(Wish(0x9D20, 0x0010))
    most = 0
    for number in range(70_000):
        unit, stream = (number & 0xFFFF).to_bytes(2, "big"), bytes((number >> 16,))
        ring.append([b"DT\0\0" + unit + bytes(12) + stream + bytes(1005)])
        most = max(most, ring.table.keys)

    assert 1 << 16 == most
    assert 1 == cursor.lag
