"""A PBL1 link delivers every packet, in order, and acknowledges only what is safe."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portbook.errors import UsageError
from portbook.protocols.reftek import pbl1
from portbook.protocols.reftek.links import Delivery, LinkReceiver, Links, LinkSender, State
from portbook.protocols.reftek.pbl1 import Ack, Frame, Kind

MILLI, NANO = 1_000_000, 1_000_000_000
UNIT, TOKEN = 0x9D20, 7
PEER = ("192.0.2.1", 2543)


def data(sequence: int, payload: bytes = b"x", *, token: int = TOKEN) -> Frame:
    return Frame(Kind.DATA, 0, UNIT, token, sequence % (1 << 32), payload)


def told(octets: bytes | None) -> Ack:
    assert octets is not None
    frame = pbl1.read(octets)
    assert frame is not None
    found = pbl1.ack(frame)
    assert found is not None
    return found


def sender(**more: int) -> LinkSender:
    tokens = count(TOKEN)
    return LinkSender(UNIT, lambda: next(tokens), **more)


def acknowledged(next_sequence: int, *, came: int = 0, free: int = 64, token: int = TOKEN) -> bytes:
    payload = pbl1.told(Ack(next_sequence, came, free))
    return pbl1.write(Frame(Kind.ACK, 0, UNIT, token, next_sequence, payload))


def kinds(datagrams: list[bytes]) -> list[tuple[str, int]]:
    frames = [pbl1.read(one) for one in datagrams]
    return [(one.kind.name, one.sequence) for one in frames if one]


def opened(payloads: int, now_ns: int = 0) -> LinkSender:
    """Return a sender that has found its receiver and sent its first packets."""
    link = sender()
    for number in range(payloads):
        assert link.offer(b"%d" % number)
    assert [("DISCOVER", 0)] == kinds(link.to_send(now_ns))
    link.take(pbl1.write(Frame(Kind.OFFER, 0, UNIT, TOKEN, 0, (64).to_bytes(4))), now_ns)
    assert [("DATA", n) for n in range(min(64, payloads))] == kinds(link.to_send(now_ns))
    return link


# ------------------------------------------------------------------------------------- receiver


def test_packets_come_out_in_order_and_once() -> None:
    link = LinkReceiver(UNIT, TOKEN)

    assert [(0, b"a")] == link.take(data(0, b"a"), 0)
    assert [] == link.take(data(2, b"c"), 0)
    assert [] == link.take(data(0, b"a"), 0)
    assert [(1, b"b"), (2, b"c")] == link.take(data(1, b"b"), 0)
    assert [] == link.take(data(2, b"c"), 0)
    assert 2 == link.repeated


def test_only_what_is_safe_is_acknowledged_and_the_rest_is_told_as_come() -> None:
    link = LinkReceiver(UNIT, TOKEN)
    for number in (0, 1, 2, 4):
        link.take(data(number), 0)

    first = told(link.reply(0))
    assert 0 == first.next
    assert 0b1011 == first.bitmap  # 1, 2 and 4
    assert link.reply(0) is None
    link.safe(2)
    second = told(link.reply(0))
    assert (2, 0b10) == (second.next, second.bitmap)


def test_safe_never_reaches_beyond_what_was_delivered() -> None:
    link = LinkReceiver(UNIT, TOKEN)
    link.take(data(0), 0)
    link.safe(5)
    assert 0 == link.acknowledged
    link.safe(1)
    assert 1 == link.acknowledged
    link.safe(0)
    assert 1 == link.acknowledged


def test_an_ack_goes_out_after_eight_packets_or_a_tenth_of_a_second() -> None:
    link = LinkReceiver(UNIT, TOKEN)
    for number in range(7):
        link.take(data(number), 1000)
        assert link.reply(1000) is None
    assert 1000 + 100 * MILLI == link.next_deadline()
    assert link.reply(1000 + 100 * MILLI) is not None
    assert link.next_deadline() is None
    for number in range(7, 15):
        link.take(data(number), 2 * NANO)
    assert link.reply(2 * NANO) is not None


def test_a_packet_that_could_not_be_kept_is_taken_again() -> None:
    link = LinkReceiver(UNIT, TOKEN)
    for number in range(3):
        link.take(data(number), 0)
    link.back(1)

    assert 1 == link.expected
    assert [(1, b"again")] == link.take(data(1, b"again"), 0)


def test_a_full_receiver_says_so_takes_nothing_and_says_when_it_has_room() -> None:
    link = LinkReceiver(UNIT, TOKEN)
    link.full = True

    assert [] == link.take(data(0), 0)
    assert 0 == told(link.reply(0)).free
    assert 1 == link.dropped
    link.full = False
    assert 64 == told(link.reply(0)).free
    assert [(0, b"x")] == link.take(data(0), 0)


def test_no_sender_gets_further_ahead_of_the_disk_than_the_window() -> None:
    link = LinkReceiver(UNIT, TOKEN)
    taken = [one for number in range(500) for one in link.take(data(number), 0)]

    assert 65 == len(taken)  # the window, and the one that was waited for
    link.safe(65)
    assert [(65, b"x")] == link.take(data(65), 0)


@given(st.lists(st.integers(0, 2**32 - 1), max_size=200), st.integers(0, 2**32 - 1))
def test_whatever_sequences_come_at_most_a_window_is_kept(sent: list[int], start: int) -> None:
    link = LinkReceiver(UNIT, TOKEN, start)
    for sequence in sent:
        link.take(data(sequence), 0)
        while octets := link.reply(0):
            assert 0 <= (told(octets).next - start) % 2**32 <= 65
        assert link.held <= 64


def test_link_sequences_wrap() -> None:
    link = LinkReceiver(UNIT, TOKEN, 2**32 - 2)
    out = [one for step in range(4) for one in link.take(data(2**32 - 2 + step), 0)]

    assert [2**32 - 2, 2**32 - 1, 0, 1] == [number for number, _ in out]
    link.safe(1)
    assert 1 == link.acknowledged


# --------------------------------------------------------------------------------------- sender


def test_it_asks_for_five_minutes_and_is_quiet_for_two() -> None:
    link = sender()
    asked = []
    now = 0
    while now <= 430 * NANO:
        asked += [now // NANO for one in kinds(link.to_send(now)) if one == ("DISCOVER", 0)]
        now = max(link.next_deadline() or 0, now + NANO // 2)

    assert [*range(0, 300, 5), 420, 425, 430] == asked


def test_no_more_than_the_window_is_on_its_way() -> None:
    link = opened(100)

    assert [] == link.to_send(0)
    link.take(acknowledged(10), 0)
    assert [("DATA", n) for n in range(64, 74)] == kinds(link.to_send(0))
    assert (10, 90) == (link.acknowledged, link.pending)


def test_a_packet_is_sent_again_later_and_later() -> None:
    link = opened(1)
    at = [0.0]
    while at[-1] < 40:
        now = link.next_deadline() or 0
        for frame in map(pbl1.read, link.to_send(now)):
            if frame and frame.kind is Kind.DATA:
                assert (0, pbl1.AGAIN) == (frame.sequence, frame.flags)
                at.append(now / NANO)

    gaps = [b - a for a, b in pairwise(at)]
    assert [1, 2, 4, 8, 10, 10, 10] == gaps[:7]


def test_patience_follows_the_round_trip_but_not_that_of_repeated_packets() -> None:
    link = opened(2)
    link.take(acknowledged(1), 300 * MILLI)
    assert 600 * MILLI == link.patience_ns
    link.to_send(2 * NANO)  # sends the second one again
    link.take(acknowledged(2), 9 * NANO)
    assert 600 * MILLI == link.patience_ns
    assert 0 == link.pending
    quick = opened(1)
    quick.take(acknowledged(1), 1 * MILLI)
    assert 200 * MILLI == quick.patience_ns


def test_what_has_come_is_not_sent_again_and_what_was_overtaken_is_sent_at_once() -> None:
    link = opened(5)
    link.take(acknowledged(0, came=0b0111), 10 * MILLI)  # 1, 2 and 3 have come, 0 and 4 not

    assert [("DATA", 0)] == kinds(link.to_send(10 * MILLI))
    assert 5 == link.pending  # and yet nothing of it is let go


def test_what_a_receiver_forgot_is_sent_again() -> None:
    link = opened(3)
    link.take(acknowledged(0, came=0b11), 10 * MILLI)
    link.take(acknowledged(0), 20 * MILLI)  # restarted, it has none of them any more

    sent = [one for at in (220, 440, 1000) for one in kinds(link.to_send(at * MILLI))]
    assert {("DATA", 0), ("DATA", 1), ("DATA", 2)} <= set(sent)


def test_a_full_receiver_is_asked_less_and_less_often_and_sent_nothing() -> None:
    link = opened(1)
    link.offer(b"more")
    link.take(acknowledged(1, free=0), 0)
    asked, now = [], 0
    while now < 25 * NANO:
        asked += [now / NANO for _ in kinds(link.to_send(now))]
        now = max(link.next_deadline() or 0, now + MILLI)
        frame = Frame(Kind.PONG, 0, UNIT, TOKEN, 0, pbl1.told(Ack(1, 0, 0)))
        link.take(pbl1.write(frame), now)

    assert 7 <= len(asked) <= 9
    link.take(acknowledged(1), now)
    assert [("DATA", 1)] == kinds(link.to_send(now))


def test_an_old_ack_that_was_overtaken_does_no_harm() -> None:
    link = opened(20)
    link.take(acknowledged(10), 0)
    link.take(acknowledged(4), 0)
    (ping,) = (one for one in kinds(link.to_send(0)) if one[0] == "PING")
    link.take(acknowledged(12), 0)
    pong = Frame(Kind.PONG, 0, UNIT, TOKEN, ping[1], pbl1.told(Ack(12, 0, 64)))
    link.take(pbl1.write(pong), 0)

    assert (TOKEN, 12, 0) == (link.token, link.acknowledged, link.renewed)


@pytest.mark.parametrize("place", [0, 5, 5000])
def test_a_receiver_that_lost_what_it_acknowledged_gets_all_the_rest_under_a_new_token(
    place: int,
) -> None:
    link = opened(20)
    link.take(acknowledged(10), 0)
    link.take(acknowledged(place), 0)
    (ping,) = (one for one in kinds(link.to_send(0)) if one[0] == "PING")
    pong = Frame(Kind.PONG, 0, UNIT, TOKEN, ping[1], pbl1.told(Ack(place, 0, 64)))
    link.take(pbl1.write(pong), 0)

    frames = [pbl1.read(one) for one in link.to_send(0)]
    assert 1 == link.renewed
    assert [(TOKEN + 1, n, b"%d" % (10 + n)) for n in range(10)] == [
        (one.token, one.sequence, one.payload) for one in frames if one and one.kind is Kind.DATA
    ]


def test_an_idle_link_is_asked_and_a_dead_one_looked_for_anew() -> None:
    link = opened(1)
    link.take(acknowledged(1), 0)

    assert 30 * NANO == link.next_deadline()
    assert [("PING", 1)] == kinds(link.to_send(30 * NANO))
    for _ in range(20):
        link.to_send(link.next_deadline() or 0)
    assert State.ASKING is link.state


def test_too_many_packets_and_wrong_ones_are_not_taken() -> None:
    link = sender(most_waiting=2)
    assert [True, True, False] == [link.offer(b"x") for _ in range(3)]
    for wrong in (b"", bytes(1025)):
        with pytest.raises(UsageError, match="1 to 1024"):
            link.offer(wrong)


def test_goodbye_is_said_once() -> None:
    link = sender()
    link.close()
    assert 0 == link.next_deadline()
    assert [("BYE", 0)] == kinds(link.to_send(0))
    assert [] == link.to_send(10 * NANO)
    assert link.next_deadline() is None
    assert not link.offer(b"x")


# ------------------------------------------------------------------------------ many links at once


def test_links_are_kept_apart_and_answered_where_they_spoke_last() -> None:
    links = Links(lambda unit, token: 3 if token == 9 else 0)
    moved = ("192.0.2.1", 40001)

    assert [Delivery(UNIT, 7, 0, b"x")] == links.take(pbl1.write(data(0)), PEER, 0)
    assert [] == links.take(pbl1.write(data(0, token=9)), PEER, 0)
    assert [Delivery(UNIT, 9, 3, b"x")] == links.take(pbl1.write(data(3, token=9)), moved, 0)
    links.safe(UNIT, 7, 1)
    answers = {peer: told(octets).next for octets, peer in links.replies(0)}
    assert {PEER: 1, moved: 3} == answers
    assert links.next_deadline() is None


def test_the_links_that_a_stranger_opens_push_out_only_what_is_safe() -> None:
    kept: dict[tuple[int, int], int] = {}
    links = Links(lambda unit, token: kept.get((unit, token), 0), most=4)
    links.take(pbl1.write(data(0, token=1)), PEER, 0)  # delivered, not safe
    for token in range(100, 200):
        links.take(pbl1.write(Frame(Kind.PING, 0, UNIT, token, 1)), PEER, 0)
        assert len(links) <= 4
        links.replies(0)

    links.safe(UNIT, 1, 1)
    assert [1] == [told(octets).next for octets, _ in links.replies(0)]
    kept[UNIT, 1] = 1
    for token in range(200, 210):
        links.take(pbl1.write(Frame(Kind.PING, 0, UNIT, token, 1)), PEER, 0)
    assert [] == links.take(pbl1.write(data(0, token=1)), PEER, 0)  # still known
    assert [Delivery(UNIT, 1, 1, b"x")] == links.take(pbl1.write(data(1, token=1)), PEER, 0)


def test_packets_before_their_turn_are_bounded_over_all_links() -> None:
    links = Links(lambda unit, token: 0, most_held=10)
    for token in range(20):
        for number in range(1, 9):
            links.take(pbl1.write(data(number, token=token)), PEER, 0)
    links.replies(0)
    out = links.take(pbl1.write(data(0, token=19)), PEER, 0)

    assert [Delivery(UNIT, 19, 0, b"x")] == out  # in its turn it is always taken
    assert 9 == len(links.take(pbl1.write(data(0, token=0)), PEER, 0))


# ------------------------------------------------------------------------------- hostile datagrams


@given(st.one_of(st.binary(max_size=1100), st.binary(max_size=40).map(lambda one: b"PBL1" + one)))
def test_any_octets_are_a_frame_of_exact_length_or_nothing(datagram: bytes) -> None:
    frame = pbl1.read(datagram)

    assert frame is None or pbl1.write(frame) == datagram


frames = st.builds(
    Frame,
    st.sampled_from(Kind),
    st.integers(0, 255),
    st.just(UNIT),
    st.sampled_from([TOKEN, TOKEN + 1]),
    st.one_of(st.integers(0, 80), st.integers(0, 2**32 - 1)),
).map(
    lambda one: one._replace(
        payload={
            Kind.OFFER: bytes((0, 0, 0, one.flags)),
            Kind.DATA: b"payload",
            Kind.ACK: pbl1.told(Ack(one.sequence, one.flags << 7, one.flags)),
            Kind.PONG: pbl1.told(Ack(one.sequence // 2, one.flags, 64)),
        }.get(one.kind, b"")
    )
)


@given(st.lists(frames, max_size=150))
def test_no_frames_make_either_end_raise_or_grow(hostile: list[Frame]) -> None:
    links = Links(lambda unit, token: 0, most=4, most_held=32)
    link = sender(most_waiting=50)
    now = 0
    for frame in hostile:
        now += 70 * MILLI
        links.take(pbl1.write(frame), PEER, now)
        assert len(links.replies(now)) <= 4 * 4
        link.offer(b"x")
        link.take(pbl1.write(frame), now)
        assert len(link.to_send(now)) <= 64 + 64 + 8 + 2
        assert link.pending <= 50
    assert len(links) <= 4


@pytest.mark.parametrize("size", range(45))
def test_a_frame_that_is_cut_is_none(size: int) -> None:
    whole = acknowledged(5)
    read = pbl1.read((whole + bytes(16))[:size])

    assert (read is not None) == (size == len(whole))


def test_the_tables_of_the_layout_say_what_is_sent() -> None:
    octets = pbl1.write(Frame(Kind.ACK, 1, UNIT, 0x01020304, 9, pbl1.told(Ack(8, 5, 64))))

    assert "50424c3103019d200102030400000009" == octets[:16].hex()
    assert "0000000800000000000000050040" == octets[16:].hex()
    told_head = pbl1.HEADER.read(octets)
    assert told_head == {
        "magic": b"PBL1",
        "kind": 3,
        "flags": 1,
        "unit": "9D20",
        "token": 0x01020304,
        "sequence": 9,
    }
    assert {"next": 8, "bitmap": 5, "free": 64} == pbl1.ACKNOWLEDGEMENT.read(octets, 16)


def test_a_frame_with_the_wrong_payload_is_not_written() -> None:
    with pytest.raises(UsageError, match="DATA has no payload of 0 octets"):
        pbl1.write(Frame(Kind.DATA, 0, UNIT, TOKEN, 0))


# ------------------------------------------------------------- both ends, and a channel in between


class World:
    """A sender and a receiver, with a channel between that loses, doubles and reorders.

    What the receiver wrote is safe with its next sync; a restart keeps only what was safe, or as
    much more as the disk happened to have. Checks as it goes that nothing else is acknowledged.
    """

    def __init__(self, seed: int, loss: float, double: float, late: int, packets: int) -> None:
        self.random = random.Random(seed)
        self.loss, self.double, self.late = loss, double, late
        self.now = 0
        self.payloads = [b"%06d" % number for number in range(packets)]
        self.offered = 0
        self.written: list[Delivery] = []
        self.synced = 0  # of `written`
        self.air: list[tuple[int, int, bool, bytes]] = []
        self.numbers = count()
        self.sent_by: dict[int, int] = {}  # token: index of its first payload
        self.start_sender(0)
        self.start_receiver()

    def start_sender(self, first: int) -> None:
        self.sender = LinkSender(UNIT, lambda: self.random.getrandbits(32))
        self.offered = self.base = first

    def start_receiver(self) -> None:
        keep = self.random.randint(self.synced, len(self.written))
        del self.written[keep:]
        self.synced = keep  # what is read back at a start is synced before anything else
        known = {(one.unit, one.token): (one.sequence + 1) % 2**32 for one in self.written}
        self.receiver = Links(lambda unit, token: known.get((unit, token), 0))

    def carry(self, datagram: bytes, up: bool, clean: bool) -> None:
        copies = (
            1
            if clean
            else (self.random.random() >= self.loss) + (self.random.random() < self.double)
        )
        for _ in range(copies):
            at = self.now + MILLI * (1 if clean else self.random.randint(1, self.late))
            self.air.append((at, next(self.numbers), up, datagram))

    def step(self, clean: bool) -> None:
        while self.offered < len(self.payloads) and self.sender.pending < 100:
            assert self.sender.offer(self.payloads[self.offered])
            self.offered += 1
        for datagram in self.sender.to_send(self.now):
            self.carry(datagram, True, clean)
        for datagram, _ in self.receiver.replies(self.now):
            self.carry(datagram, False, clean)
        waits = [one[0] for one in self.air]
        waits += [due for due in (self.sender.next_deadline(),) if due is not None]
        waits += [due for due in (self.receiver.next_deadline(),) if due is not None]
        self.now = max(self.now + MILLI, min(min(waits), self.now + 100 * MILLI))
        arriving = sorted(one for one in self.air if one[0] <= self.now)
        self.air = [one for one in self.air if one[0] > self.now]
        for _, _, up, datagram in arriving:
            if up:
                self.written += self.receiver.take(datagram, PEER, self.now)
            else:
                self.sender.take(datagram, self.now)
        if self.random.random() < 0.3:
            self.sync()
        self.check()

    def sync(self) -> None:
        for one in self.written[self.synced :]:
            self.receiver.safe(one.unit, one.token, (one.sequence + 1) % 2**32)
        self.synced = len(self.written)

    def check(self) -> None:
        safe = {one.payload for one in self.written[: self.synced]}
        done = self.base + self.sender.acknowledged
        assert safe.issuperset(self.payloads[self.base : done])
        each = [(one.token, one.sequence) for one in self.written]
        assert len(set(each)) == len(each)

    @property
    def finished(self) -> bool:
        return self.offered == len(self.payloads) and not self.sender.pending


def tokens_of(written: list[Delivery]) -> Iterator[list[Delivery]]:
    for token in dict.fromkeys(one.token for one in written):
        yield [one for one in written if one.token == token]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    loss=st.sampled_from([0.0, 0.01, 0.2, 0.5]),
    double=st.sampled_from([0.0, 0.05, 0.5]),
    late=st.sampled_from([1, 20, 600]),
    restarts=st.lists(st.tuples(st.integers(1, 300), st.booleans()), max_size=5),
)
def test_everything_arrives_in_order_and_nothing_unsafe_is_acknowledged(
    seed: int, loss: float, double: float, late: int, restarts: list[tuple[int, bool]]
) -> None:
    world = World(seed, loss, double, late, packets=150)
    due = dict(restarts)
    for step in range(20_000):
        if due.get(step):
            # It remembers what was acknowledged, as a gateway with its own disk does.
            world.start_sender(world.base + world.sender.acknowledged)
        elif step in due:
            world.start_receiver()
        world.step(clean=False)
        if world.finished:
            break
    assert world.finished, "it did not come to an end"
    assert {one.payload for one in world.written} == set(world.payloads)
    for part in tokens_of(world.written):
        assert sorted(one.payload for one in part) == [one.payload for one in part]
        assert [one.sequence for one in part] == list(range(len(part)))


@pytest.mark.parametrize("silence_s", [5, 100, 500])
def test_after_a_silence_of_the_network_it_goes_on(silence_s: int) -> None:
    world = World(1, loss=0.0, double=0.0, late=1, packets=300)
    while world.sender.acknowledged < 100:
        world.step(clean=True)
    world.loss = 1.0
    until = world.now + silence_s * NANO
    while world.now < until:
        world.step(clean=False)
    assert not world.finished
    until = world.now + 130 * NANO  # two minutes of quiet may just have begun
    while world.now < until and not world.finished:
        world.step(clean=True)

    assert world.finished
    assert world.payloads == [one.payload for one in world.written]


def test_a_receiver_that_lost_its_disk_is_served_all_that_is_left() -> None:
    world = World(2, loss=0.1, double=0.05, late=50, packets=200)
    while world.sender.acknowledged < 80:
        world.step(clean=False)
    before, world.written, world.synced = world.written, [], 0
    kept_before = world.sender.acknowledged
    world.base = kept_before
    world.air.clear()  # with the acknowledgements that it had just sent
    gone = {one.payload for one in before}
    world.check = lambda: None  # type: ignore[method-assign]
    world.start_receiver()
    for _ in range(5000):
        world.step(clean=False)
        if world.finished:
            break

    assert world.finished
    assert 1 <= world.sender.renewed
    left = {one.payload for one in world.written} | gone
    assert set(world.payloads) == left
    assert set(world.payloads[kept_before:]) <= {one.payload for one in world.written}
