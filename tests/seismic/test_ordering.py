"""Packets go out once and in order, by the rules of the assembler, whatever a link does to them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sequenced import SIZE, disturbed, event, packet

from portbook.protocols.reftek.packets import read
from portbook.seismic.assembly import Assembler
from portbook.seismic.ordering import Order
from portbook.seismic.outcomes import Late, Outcome, Placed, Told

HOLD_NS = 2_000_000_000
UNITS, STREAMS = (0x9D20, 0xAE4C), (0, 8)
RATES = {(f"{unit:04X}", stream): 100.0 for unit in UNITS for stream in STREAMS}


def out(outcomes: Iterable[Outcome]) -> list[bytes]:
    """Return the packets that an assembler lets through."""
    return [one.packet.octets for one in outcomes if isinstance(one, (Placed, Late, Told))]


def by_lane(packets: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    lanes = defaultdict(list)
    for octets in packets:
        lanes[octets[4:6] + octets[18:19]].append(octets)
    return lanes


def given_to(order: Order, packets: Sequence[bytes], now_ns: int = 0) -> list[bytes]:
    return [one for octets in packets for one, _ in order.add(octets, None, now_ns)]


@st.composite
def links(draw: st.DrawFn) -> tuple[list[bytes], random.Random]:
    """Return what two units with two streams each sent, as a bad link brought it."""
    chance = random.Random(draw(st.integers(0, 1 << 32)))
    lanes = []
    for unit in UNITS:
        for stream in STREAMS:
            lane: list[bytes] = []
            number = draw(st.sampled_from([1, 9998]))
            first = draw(st.sampled_from([0, 9_900, 9_999]))
            for length in draw(st.lists(st.integers(1, 150), min_size=1, max_size=4)):
                place = len(lane) * 10
                lane += event(
                    length, first=first, number=number, unit=unit, stream=stream, at=place
                )
                number, first = number + 1, 0
            lanes.append(lane)
        lanes.append([packet("SH", unit=unit, text=b"%d" % (at // 2)) for at in range(20)])
    mixed = [one for lane in lanes for one in zip(_spread(lane, chance), lane, strict=True)]
    every = [octets for _, octets in sorted(mixed, key=lambda one: one[0])]
    loss = draw(st.sampled_from([0, 0.01, 0.2, 0.7]))
    reach = draw(st.sampled_from([0, 2, 64, 400]))
    return disturbed(every, chance, loss=loss, repeats=0.05, reach=reach), chance


def _spread(lane: Sequence[bytes], chance: random.Random) -> list[float]:
    return sorted(chance.random() for _ in lane)


@settings(max_examples=60, deadline=None)
@given(links(), st.sampled_from([1, 8, 64]))
def test_the_order_is_the_assemblers(link: tuple[list[bytes], random.Random], window: int) -> None:
    packets, chance = link
    order, assembler = Order(window=window), Assembler(2026, window=window, rates=RATES)
    now_ns = 0
    for number, octets in enumerate(packets):
        now_ns += chance.choice([0, 10**6, 10**8, 10**9])
        assert by_lane(out(assembler.due(now_ns))) == by_lane(one for one, _ in order.due(now_ns))

        found = read(octets)
        assert found is not None
        expected = out(assembler.add(found, now_ns))
        made = order.add(octets, number, now_ns)

        assert expected == [one for one, _ in made]
        assert {number} >= {cargo for one, cargo in made if one is octets}
        assert assembler.next_deadline() == order.next_deadline()

    assert by_lane(out(assembler.flush())) == by_lane(one for one, _ in order.flush())


@settings(max_examples=40, deadline=None)
@given(links())
def test_whatever_comes_goes_out_once_with_its_cargo(
    link: tuple[list[bytes], random.Random],
) -> None:
    packets, _ = link
    order = Order()
    made = []
    for number, octets in enumerate(packets):
        made += order.add(octets, number, 0)
    held = set(order.held())
    made += order.flush()
    cargoes = [cargo for _, cargo in made]

    assert set(packets) == {octets for octets, _ in made}
    assert len(made) == len(set(cargoes))
    assert all(packets[cargo] == octets for octets, cargo in made)
    assert len(packets) - len(made) == order.repeated
    assert held <= set(cargoes)
    assert [] == order.held()
    assert order.next_deadline() is None


@settings(max_examples=40, deadline=None)
@given(links(), st.floats(0, 1))
def test_an_order_goes_on_where_another_one_stopped(
    link: tuple[list[bytes], random.Random], where: float
) -> None:
    packets, _ = link
    cut = int(len(packets) * where)
    before = Order()
    gone = given_to(before, packets[:cut])
    waiting = [octets for octets, _ in _held(before, packets[:cut], gone)]
    after = Order()
    for octets in gone:
        after.restore(octets)

    assert [] == after.held()
    assert after.next_deadline() is None

    made = [*gone, *given_to(after, waiting), *given_to(after, packets[cut:])]
    made += [octets for octets, _ in after.flush()]

    assert sorted(set(packets)) == sorted(made)


def _held(
    order: Order, packets: Sequence[bytes], gone: Sequence[bytes]
) -> list[tuple[bytes, None]]:
    left = set(packets) - set(gone)
    assert len(left) == len(order.held())
    return [(octets, None) for octets in dict.fromkeys(packets) if octets in left]


def test_packets_in_their_turn_go_out_at_once() -> None:
    order = Order()
    every = [*event(40), *event(40, number=2)]
    for octets in every:
        assert [(octets, octets[14:18])] == order.add(octets, octets[14:18], 0)


def test_a_listener_that_comes_in_the_middle_waits_for_nothing() -> None:
    order = Order()
    every = event(400)[100:]

    assert every == given_to(order, every)


def test_an_event_of_more_than_ten_thousand_packets_wraps_without_a_break() -> None:
    order = Order()
    every = event(10_300)

    assert every == given_to(order, every)
    assert [] == given_to(order, every[-200:])


def test_what_is_missing_is_waited_for_as_long_as_told_and_no_longer() -> None:
    order = Order(hold_ns=HOLD_NS)
    every = event(10)
    given_to(order, every[:3])

    assert [] == order.add(every[4], 4, 1_000)
    assert [] == order.add(every[6], 6, 2_000)
    assert [4, 6] == order.held()
    assert 1_000 + HOLD_NS == order.next_deadline()
    assert [] == order.due(999 + HOLD_NS)
    assert [(every[4], 4)] == order.due(1_000 + HOLD_NS)
    assert 2_000 + HOLD_NS == order.next_deadline()  # from its own coming on
    assert [(every[3], 3)] == order.add(every[3], 3, HOLD_NS + 1_100)  # late, and yet good
    assert [] == order.add(every[3], 3, HOLD_NS + 1_200)
    assert [(every[5], 5), (every[6], 6)] == order.add(every[5], 5, HOLD_NS + 1_300)
    assert order.next_deadline() is None


def test_the_deadline_is_that_of_the_stream_that_waits_longest() -> None:
    order = Order(hold_ns=HOLD_NS)
    first, second = event(10), event(10, stream=8)
    order.add(first[2], None, 100)
    order.add(second[2], None, 200)
    order.add(first[5], None, 300)
    order.add(first[0], None, 400)
    order.add(first[1], None, 500)  # the first one goes on: what waits there came later

    assert 200 + HOLD_NS == order.next_deadline()
    assert [second[2]] == [octets for octets, _ in order.due(250 + HOLD_NS)]
    assert 300 + HOLD_NS == order.next_deadline()


def test_recorders_with_one_unit_id_are_kept_apart_by_their_source() -> None:
    order = Order()
    every = event(5)
    made = [
        octets
        for one in every
        for source in ("a", "b")
        for octets, _ in order.add(one, 0, 0, source)
    ]

    assert [octets for octets in every for _ in range(2)] == made


def test_an_event_number_that_begins_again_is_another_event() -> None:
    order = Order()
    first, again = event(10), event(10, at=60_000)
    other = event(10, number=2, at=30_000)

    assert [*first, *other, *again] == given_to(order, [*first, *other, *again])


@pytest.mark.parametrize("kind", ["SH", "SC", "OM", "DS", "AD", "CD", "FD"])
def test_packets_outside_of_events_go_out_unless_one_of_the_last_64_was_equal(kind: str) -> None:
    order = Order()
    every = [packet(kind, sequence=at, text=b"%d" % at) for at in range(65)]

    assert every[:64] == given_to(order, [*every[:64], *every[:64]])
    assert [every[64], every[0]] == given_to(order, [every[64], every[1], every[0]])


@pytest.mark.parametrize(
    ("at", "octets"), [(14, b"\xff\xff"), (16, b"\x0a\x00"), (14, b"\x00\x1f")]
)
def test_a_packet_without_a_place_in_any_order_goes_out_once(at: int, octets: bytes) -> None:
    order = Order()
    every = event(4)
    odd = every[1][:at] + octets + every[1][at + 2 :]

    assert [every[0], odd, every[1]] == given_to(order, [every[0], odd, odd, every[1]])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=50))
def test_no_octets_make_it_stumble(packets: list[bytes]) -> None:
    order = Order(window=4, most_lanes=8)
    heads = [b"DT\x00\x26\x9d\x20" + one for one in packets]
    made = given_to(order, [*packets, *heads, *(one.ljust(SIZE, b"\0") for one in heads)])
    made += [octets for octets, _ in order.flush()]

    assert set(made) >= set(packets) - {one for one in packets if one[:2] in (b"DT", b"EH", b"ET")}


def test_what_is_held_is_bounded_whatever_comes() -> None:
    chance = random.Random(5)
    order = Order(window=4, most_lanes=16)
    came, went = 0, 0
    for number in range(20_000):
        octets = packet(
            unit=0x9000 + chance.randrange(64),
            event=chance.randrange(10_000),
            sequence=chance.randrange(10_000),
        )
        came += 1
        went += len(order.add(octets, number, number))
        if number % 100 == 0:
            assert len(order.held()) <= 16 * 4

    went += len(order.flush())

    assert came == went + order.repeated


def test_a_flood_of_units_takes_no_memory_and_loses_nothing() -> None:
    order = Order(most_lanes=64)
    early = [packet(unit=unit, sequence=2) for unit in range(1000)]
    made = given_to(order, early)

    assert len(order.held()) <= 64

    made += [octets for octets, _ in order.flush()]

    assert sorted(early) == sorted(made)


def test_a_stream_that_sends_outlives_a_flood_of_others() -> None:
    order = Order(most_lanes=64)
    steady = event(300)
    for number, octets in enumerate(steady):
        assert [octets] == [one for one, _ in order.add(octets, None, number)]
        order.add(packet(unit=0xA000 + number, sequence=1), None, number)

    assert [] == given_to(order, steady[-100:])
