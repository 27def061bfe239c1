"""REF TEK packets put in order: holes, gaps, overlaps, set clocks, repetitions, late ones."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.recorded import (
    C0,
    FILES,
    NANO,
    Recorder,
    changed,
    each,
    health,
    needs_obspy,
    obspy_traces,
    read,
    real_file,
    split,
)

from portbook.protocols.reftek.packets import Packet
from portbook.seismic.assembly import WINDOW, Assembler
from portbook.seismic.outcomes import (
    Hole,
    Join,
    Late,
    Outcome,
    Placed,
    Refused,
    Repeated,
    Told,
    Unfinished,
)
from portbook.seismic.segments import segments

YEAR = 2023
AE4C, NINE_EEF, NINE_E16, AUXILIARY, CUT = FILES


def told(made: Iterable[bytes] | Iterable[Packet], **more: object) -> list[Outcome]:
    """Return all outcomes of packets."""
    assembler = Assembler(YEAR, **more)  # type: ignore[arg-type]
    out = []
    for one in made:
        out += assembler.add(read(one) if isinstance(one, bytes) else one)
    return out + assembler.flush()


def of(kind: type, outcomes: list[Outcome]) -> list:  # type: ignore[type-arg]
    return [one for one in outcomes if isinstance(one, kind)]


def order(outcomes: list[Outcome]) -> list[tuple[int | None, int]]:
    return [(one.packet.event, one.packet.sequence) for one in of(Placed, outcomes)]


def joins(outcomes: list[Outcome]) -> list[Join]:
    return [one.join for one in of(Placed, outcomes) if one.join]


def breaks(outcomes: list[Outcome]) -> list[tuple[Join, int, int]]:
    """Return what is no plain going on: how, channel, offset in milliseconds."""
    return [
        (one.join, one.packet.channel, one.off_ns // 1_000_000)
        for one in of(Placed, outcomes)
        if one.join not in (None, Join.FIRST, Join.JOINED)
    ]


def holes(outcomes: list[Outcome]) -> list[tuple[int, int, int]]:
    return [(one.first_sequence, one.last_sequence, one.packets) for one in of(Hole, outcomes)]


def test_a_whole_event_is_placed_as_it_came() -> None:
    outcomes = told(Recorder().event_of(3))

    assert [(1, sequence) for sequence in range(11)] == order(outcomes)
    assert [Join.FIRST] * 3 + [Join.JOINED] * 6 == joins(outcomes)
    assert {100.0} == {one.rate_hz for one in of(Placed, outcomes)}
    assert len(outcomes) == 11


def test_the_clock_steps_of_a_real_file_are_no_gaps() -> None:
    outcomes = told(split(real_file(AE4C).read_bytes()))
    steps = [
        (one.packet.sequence, one.packet.channel, one.off_ns // 1_000_000)
        for one in of(Placed, outcomes)
        if one.join is Join.CLOCK_STEP
    ]

    assert [(14, 0, -610), (15, 1, -610), (16, 2, 390), (17, 1, 1000), (18, 0, 1000)] == steps
    assert 5 == len(breaks(outcomes))
    assert 8 == len(segments(outcomes))
    assert [] == of(Hole, outcomes)


@needs_obspy
@pytest.mark.parametrize("name", FILES)
def test_obspy_splits_real_files_at_the_same_places(name: str) -> None:
    path = real_file(name)
    theirs = sorted((at, begin, rate, len(data)) for at, begin, rate, data in obspy_traces(path))
    found = segments(told(split(path.read_bytes())))

    assert theirs == sorted((one.channel, one.start_ns, one.rate_hz, one.samples) for one in found)


@pytest.mark.parametrize("name", FILES)
def test_real_files_are_in_order_and_whole(name: str) -> None:
    packets = split(real_file(name).read_bytes())
    outcomes = told(packets)

    assert packets == [one.packet for one in of(Placed, outcomes)]
    assert (name in (NINE_E16, CUT)) == bool(of(Unfinished, outcomes))
    assert {AUXILIARY: {0.1}, AE4C: {200.0}}.get(name, {100.0}) == {
        one.rate_hz for one in of(Placed, outcomes)
    }


def test_a_lost_packet_is_a_hole_of_the_stream_and_a_gap_of_its_channel() -> None:
    recorder = Recorder()
    made = recorder.event_of(3)
    begin = read(made[1]).time
    outcomes = told(made[:5] + made[6:])

    assert begin
    assert [(5, 5, 1)] == holes(outcomes)
    assert [(Join.GAP, 1, 1000)] == breaks(outcomes)
    assert 9 == len(joins(outcomes)) + 1


def test_a_hole_is_bound_by_the_data_around_it() -> None:
    recorder = Recorder()
    start_ns = recorder.now_ns
    made = recorder.event_of(4)
    (hole,) = of(Hole, told(made[:4] + made[10:]))

    assert ("9ABC", 0, 1, 4, 9, 6) == (
        hole.unit,
        hole.stream,
        hole.event,
        hole.first_sequence,
        hole.last_sequence,
        hole.packets,
    )
    assert (start_ns + NANO, start_ns + 3 * NANO) == (hole.from_ns, hole.until_ns)


def test_a_hole_before_the_trailer_ends_with_its_last_sample() -> None:
    recorder = Recorder()
    start_ns = recorder.now_ns
    made = recorder.event_of(2)
    last = f"{2023318221321}990".encode()
    (hole,) = of(Hole, told([*made[:4], changed(made[-1], 144, last)]))

    assert (4, 6) == (hole.first_sequence, hole.last_sequence)
    assert (start_ns + NANO, start_ns + NANO + 990_000_000) == (hole.from_ns, hole.until_ns)


@given(st.integers(0, 2**32), st.integers(1, WINDOW // 2))
def test_disorder_within_the_window_and_duplicates_change_nothing(seed: int, reach: int) -> None:
    recorder = Recorder()
    made = recorder.event_of(12, samples=10) + recorder.event_of(12, samples=10)
    shuffled = _shuffled(made, seed, reach)
    outcomes = told(shuffled)

    assert [(one.event, one.sequence) for one in each(made)] == order(outcomes)
    assert len(shuffled) - len(made) == len(of(Repeated, outcomes))
    assert all(one.equal for one in of(Repeated, outcomes))
    assert [] == of(Hole, outcomes) + of(Late, outcomes) + of(Unfinished, outcomes)
    assert {Join.FIRST: 3, Join.JOINED: 69} == Counter(joins(outcomes))


def _shuffled(made: Sequence[bytes], seed: int, reach: int) -> list[bytes]:
    """Return packets moved by less than `reach` places, one in five of them twice."""
    chance = random.Random(seed)
    doubled = [(at, one) for at, one in enumerate(made) for _ in range(1 + (chance.random() < 0.2))]
    return [one for _, one in sorted((at + chance.random() * reach, one) for at, one in doubled)]


@given(st.sets(st.integers(0, 37), max_size=30), st.integers(0, 2**32))
def test_every_hole_is_named_once_whatever_is_lost(lost: set[int], seed: int) -> None:
    made = Recorder().event_of(12, samples=10)
    left = [one for at, one in enumerate(made) if at not in lost]
    outcomes = told(_shuffled(left, seed, 8))
    missing = [(first + at) % 10_000 for first, _, many in holes(outcomes) for at in range(many)]
    behind = {at for at in lost if at < max((set(range(38)) - lost), default=0)}

    assert sorted(behind) == missing
    assert sorted(set(range(38)) - lost) == [sequence for _, sequence in order(outcomes)]
    assert (37 in lost and bool(left)) == bool(of(Unfinished, outcomes))


@given(st.lists(st.integers(0, 28), max_size=60), st.integers(1, 8))
def test_no_packet_is_lost_and_none_comes_twice(picks: list[int], window: int) -> None:
    made = Recorder().event_of(9, samples=5)
    given_ = [read(made[at]) for at in picks]
    out = [one for one in told(given_, window=window) if not isinstance(one, Hole | Unfinished)]
    whole = [one.packet for one in out if isinstance(one, Placed | Late)]

    assert Counter(one.sequence for one in given_) == Counter(one.packet.sequence for one in out)
    assert set(picks) == {one.sequence for one in whole}
    assert len(whole) == len(set(picks))


def test_sequences_wrap_inside_an_event() -> None:
    recorder = Recorder(rate_hz=1000)
    made = [recorder.header()]
    recorder.sequence = 9_996
    made += recorder.round(2) + recorder.round(2) + recorder.round(2)
    outcomes = told(made[1:])

    assert [9996, 9997, 9998, 9999, 0, 1, 2, 3, 4] == [at for _, at in order(outcomes)]
    assert [] == of(Hole, outcomes)


def test_a_long_event_wraps_without_a_false_gap() -> None:
    recorder = Recorder(rate_hz=1000)
    made = [recorder.header(), *(one for _ in range(3400) for one in recorder.round(2))]
    outcomes = told(made)

    assert [] == of(Hole, outcomes) + of(Late, outcomes) + of(Repeated, outcomes)
    assert {Join.FIRST: 3, Join.JOINED: 10_197} == Counter(joins(outcomes))


def test_event_numbers_wrap() -> None:
    recorder = Recorder()
    recorder.event = 9_999
    first = recorder.event_of(2)
    recorder.event = 0
    outcomes = told(first + recorder.event_of(2))

    assert [] == breaks(outcomes) + of(Hole, outcomes)


def test_a_listener_that_comes_in_the_middle_misses_nothing() -> None:
    made = Recorder(rate_hz=1000).event_of(60, samples=2)

    assert [] == holes(told(made[WINDOW + 36 :]))


def test_the_clock_is_set_while_nothing_is_lost() -> None:
    recorder = Recorder()
    made = [recorder.header(), *recorder.round()]
    recorder.now_ns -= 610_000_000
    made += recorder.round()
    recorder.now_ns += NANO
    made += recorder.round()

    steps = [(Join.CLOCK_STEP, channel, off) for off in (-610, 1000) for channel in range(3)]
    assert steps == breaks(told(made))


def test_around_samples_that_cannot_be_no_clock_is_set() -> None:
    recorder = Recorder()
    assembler = Assembler(YEAR)
    made = [recorder.header(), *recorder.round()]
    spoilt = [bytearray(one) for one in recorder.round()]
    for one in spoilt:
        one[20:22] = b"\x00\x99"
    made += [*map(bytes, spoilt), *recorder.round(), *recorder.round()]
    outcomes = [
        out
        for at, one in enumerate(made)
        for out in assembler.add(read(one), sound=not 4 <= at < 7)
    ]

    every = list(range(len(made)))
    assert every == [one.packet.sequence for one in of(Placed, outcomes)]
    assert [Join.FIRST] * 3 + [Join.GAP] * 3 + [Join.JOINED] * 3 == joins(outcomes)


def test_a_leap_of_a_year_is_a_set_clock_too() -> None:
    recorder = Recorder()
    made = [recorder.header(), *recorder.round()]
    recorder.now_ns -= 1024 * 7 * 86400 * NANO  # a receiver that lost count of the GPS weeks
    outcomes = told(made + recorder.round())

    assert [Join.CLOCK_STEP] * 3 == joins(outcomes)[3:]


def test_new_year_and_its_leap_day_are_no_gaps() -> None:
    for first_s in (1_735_689_599, 1_709_164_799):  # 2024-12-31 and 2024-02-28, 23:59:59
        recorder = Recorder(start_ns=first_s * NANO)
        assert [] == breaks(told(recorder.event_of(3)))


def test_a_flat_signal_does_not_hide_a_loss() -> None:
    recorder = Recorder()
    made = [recorder.header(), *(one for _ in range(4) for one in recorder.round(flat=True))]
    outcomes = told(made[:4] + made[7:])

    assert [(4, 6, 3)] == holes(outcomes)
    assert [(Join.GAP, channel, 1000) for channel in range(3)] == breaks(outcomes)


def test_samples_that_do_not_follow_are_told_as_broken() -> None:
    recorder = Recorder()
    made = [recorder.header(), *recorder.round(), *recorder.round()]
    other = changed(made[4], 71, bytes((made[4][71] ^ 1,)))  # the first sample, not its difference

    outcomes = told([*made[:4], other, *made[5:]])
    assert [(Join.BROKEN, 0, 0)] == breaks(outcomes)


def test_time_that_goes_back_behind_a_loss_is_an_overlap() -> None:
    recorder = Recorder()
    made = [recorder.header(), *recorder.round(), *recorder.round()]
    recorder.now_ns -= 3 * NANO
    outcomes = told(made[:4] + made[7:] + recorder.round())

    assert [(4, 6, 3)] == holes(outcomes)
    assert [(Join.OVERLAP, channel, -2000) for channel in range(3)] == breaks(outcomes)


def test_silence_between_events_is_no_gap() -> None:
    recorder = Recorder()
    made = recorder.event_of(2)
    recorder.now_ns += 60 * NANO
    outcomes = told(made + recorder.event_of(2))

    assert [(Join.EVENT, channel, 60_000) for channel in range(3)] == breaks(outcomes)
    assert [] == holes(outcomes)


def test_another_rate_begins_a_segment() -> None:
    recorder = Recorder()
    made = recorder.event_of(2)
    recorder.rate_hz = 50
    outcomes = told(made + recorder.event_of(2))

    assert [(Join.RATE, channel, 0) for channel in range(3)] == breaks(outcomes)


@pytest.mark.parametrize("rate", ["", "0", "0.0", "-100", "1e99", "nan", "x100", "99999", ". "])
def test_without_a_rate_in_the_header_it_is_derived(rate: str) -> None:
    recorder = Recorder(rate_hz=50)
    made = [recorder.header(rate=rate)]
    outcomes = told(made + recorder.round() + recorder.round())

    assert {50.0} == {one.rate_hz for one in of(Placed, outcomes) if one.join}
    assert [Join.FIRST] * 3 + [Join.JOINED] * 3 == joins(outcomes)


def test_the_trailer_tells_the_rate_where_it_cannot_be_derived() -> None:
    recorder = Recorder()
    made = [recorder.header(), *recorder.round(), recorder.header("ET")]

    assert {100.0} == {one.rate_hz for one in of(Placed, told(made[1:]))}


def test_a_rate_that_no_recorder_has_is_not_derived() -> None:
    recorder = Recorder(rate_hz=100)
    made = recorder.round(100)
    recorder.now_ns += NANO // 3
    outcomes = told(made + recorder.round(100))

    assert {None} == {one.rate_hz for one in of(Placed, outcomes)}
    assert {Join.FIRST: 3, Join.JOINED: 3} == Counter(joins(outcomes))


def test_the_user_can_tell_the_rate() -> None:
    recorder = Recorder(rate_hz=40)
    outcomes = told(recorder.round(), rates={("9ABC", 0): 40.0})

    assert {40.0} == {one.rate_hz for one in of(Placed, outcomes)}


def test_the_user_can_tell_other_rates_later_where_no_packet_told_one() -> None:
    first, second, third = (Recorder(unit, rate_hz=40) for unit in ("9AAA", "9BBB", "9CCC"))
    before = {("9AAA", 0): 20.0, ("9CCC", 0): 20.0}
    assembler = Assembler(2026, rates=before | {("9CCC", 0): 80.0})  # an archive knew it better
    outcomes: list[Outcome] = []
    for one in (first, second, third):
        outcomes += [put for made in one.round() for put in assembler.add(read(made))]
    assembler.know({("9AAA", 0): 40.0, ("9BBB", 0): 40.0, ("9CCC", 0): 40.0}, before)
    for one in (first, second, third):
        outcomes += [put for made in one.round() for put in assembler.add(read(made))]
    rates = {
        unit: {one.rate_hz for one in of(Placed, outcomes) if one.packet.unit == unit}
        for unit in ("9AAA", "9BBB", "9CCC")
    }

    assert {"9AAA": {20.0, 40.0}, "9BBB": {40.0}, "9CCC": {80.0}} == rates


def test_order_holds_while_a_rate_is_awaited() -> None:
    recorder = Recorder()
    recorder.sequence = 1
    first = recorder.round()
    recorder.sequence += 2
    outcomes = told(first + recorder.round() + recorder.round())

    assert [1, 2, 3, 6, 7, 8, 9, 10, 11] == [at for _, at in order(outcomes)]
    assert [(0, 0, 1), (4, 5, 2)] == holes(outcomes)
    at = next(index for index, one in enumerate(outcomes) if one == of(Hole, outcomes)[1])
    assert 6 == outcomes[at + 1].packet.sequence  # type: ignore[union-attr]


def test_units_and_streams_do_not_touch_each_other() -> None:
    first, second = Recorder("9AAA"), Recorder("9BBB")
    made = [one for pair in zip(first.event_of(4), second.event_of(4), strict=True) for one in pair]
    other = [changed(one, 18, b"\x08") for one in Recorder("9AAA").event_of(4)]

    outcomes = told(made + other)
    assert 3 * 14 == len(of(Placed, outcomes))
    assert 3 * 14 == len(outcomes)


def test_a_channel_of_which_nothing_came_is_not_missed() -> None:
    recorder = Recorder()
    made = [recorder.header(), recorder.data(2, 50), recorder.header("ET")]

    assert [(1, 0), (1, 1), (1, 2)] == order(told(made))


def test_two_packets_of_one_sequence_that_differ_are_told() -> None:
    made = Recorder().event_of(2)
    other = changed(made[2], 30, b"X")
    for given_ in ([*made[:3], other, *made[3:]], [made[0], made[2], other, *made[1:2], *made[3:]]):
        outcomes = told(given_)
        assert [False] == [one.equal for one in of(Repeated, outcomes)]
        assert made[2] == of(Placed, outcomes)[2].packet.octets


def test_an_equal_header_is_a_repetition_another_one_a_new_beginning() -> None:
    recorder = Recorder()
    made = recorder.event_of(2)
    equal = told([made[0], made[0], *made[1:]])
    recorder.event, recorder.now_ns = 1, recorder.now_ns + 5 * NANO
    again = told(made + recorder.event_of(2))

    assert [True] == [one.equal for one in of(Repeated, equal)]
    assert [] == holes(equal) + holes(again)
    assert 16 == len(of(Placed, again))
    assert [(Join.EVENT, channel, 5000) for channel in range(3)] == breaks(again)


def test_an_event_without_its_trailer_is_told_and_harms_no_other() -> None:
    recorder = Recorder()
    first, second = recorder.event_of(2), recorder.event_of(2)
    outcomes = told(first[:-1] + second)

    (ended,) = of(Unfinished, outcomes)
    assert ("9ABC", 0, 1, 7) == (ended.unit, ended.stream, ended.event, ended.next_sequence)
    assert 15 == len(of(Placed, outcomes))
    assert [] == breaks(outcomes)


def test_a_packet_behind_its_hole_is_late_and_not_lost() -> None:
    made = Recorder(rate_hz=1000).event_of(60, samples=2)
    outcomes = told([*made[:5], *made[6:150], made[5], *made[150:]])

    assert [(5, 5, 1)] == holes(outcomes)
    assert [made[5]] == [one.packet.octets for one in of(Late, outcomes)]


def test_a_damaged_sequence_tears_no_hole() -> None:
    made = Recorder(rate_hz=1000).event_of(60, samples=2)
    stray = changed(made[5], 14, bytes.fromhex("3005"))
    outcomes = told([*made[:5], stray, *made[6:]])

    assert [(5, 5, 1)] == holes(outcomes)
    assert [stray] == [one.packet.octets for one in of(Late, outcomes)]
    assert len(made) - 1 == len(of(Placed, outcomes))


def test_a_long_outage_is_one_hole() -> None:
    made = Recorder(rate_hz=1000).event_of(1500, samples=2)
    outcomes = told(made[:100] + made[3100:])

    assert [(100, 3099, 3000)] == holes(outcomes)
    assert [Join.GAP] * 3 == [join for join, _, _ in breaks(outcomes)]


def test_a_hole_is_told_when_its_time_is_over() -> None:
    made = Recorder().event_of(4)
    assembler = Assembler(YEAR, hold_ns=2 * NANO)
    for octets in made[:3]:
        assembler.add(read(octets), 0)
    assert assembler.next_deadline() is None

    assert [] == assembler.add(read(made[4]), 5 * NANO)
    assert 7 * NANO == assembler.next_deadline()
    assert [] == assembler.add(read(made[5]), 6 * NANO)
    assert [] == assembler.due(7 * NANO - 1)
    out = assembler.due(7 * NANO)

    assert [(3, 3, 1)] == holes(out)
    assert [4, 5] == [at for _, at in order(out)]
    assert assembler.next_deadline() is None


def test_a_refused_packet_is_no_missing_one_but_its_data_are_lost() -> None:
    made = Recorder().event_of(3)
    bad = changed(made[5], 23, b"\xcc")
    outcomes = told([*made[:5], bad, *made[6:]])

    assert [("unknown-format", bad)] == [
        (one.name, one.packet.octets) for one in of(Refused, outcomes)
    ]
    assert [] == holes(outcomes)
    assert [(Join.GAP, 1, 1000)] == breaks(outcomes)


def test_the_caller_can_refuse_a_packet_and_a_good_copy_takes_its_place() -> None:
    made = Recorder().event_of(2)
    assembler = Assembler(YEAR)
    out = assembler.add(read(made[0])) + assembler.add(read(made[2]))
    out += assembler.add(read(made[3]), refusal=("last-sample-mismatch", "it says so"))
    out += assembler.add(read(made[3]), cargo="a copy")
    for octets in (made[1], *made[4:]):
        out += assembler.add(read(octets))
    out += assembler.flush()

    assert ["last-sample-mismatch"] == [one.name for one in of(Refused, out)]
    assert list(range(8)) == [at for _, at in order(out)]
    assert ["a copy"] == [one.cargo for one in of(Placed, out) if one.cargo]
    assert [] == breaks(out)


@pytest.mark.parametrize(
    ("at", "octets", "name"),
    [
        (20, "9999", "impossible-count"),
        (20, "0a00", "impossible-packet"),
        (16, "ffff", "impossible-packet"),
        (18, "0f", "impossible-packet"),
        (19, "a0", "impossible-packet"),
        (23, "cc", "unknown-format"),
        (6, "3662", "impossible-date"),
    ],
)
def test_what_the_format_forbids_is_refused_by_name(at: int, octets: str, name: str) -> None:
    bad = changed(Recorder().event_of(1)[1], at, bytes.fromhex(octets))

    assert [name] == [one.name for one in of(Refused, told([bad]))]
    assert [] == of(Placed, told([bad]))


def test_a_cut_packet_is_refused() -> None:
    packet = read(C0[:1000])

    assert ["cut-packet"] == [one.name for one in of(Refused, told([packet]))]


def test_a_packet_without_samples_is_placed_and_breaks_nothing() -> None:
    recorder = Recorder()
    made = [recorder.header(), *recorder.round()]
    empty = changed(recorder.data(0, 1), 20, b"\0\0")
    outcomes = told([*made, empty])

    assert [0, 1, 2, 3, 4] == [at for _, at in order(outcomes)]
    assert of(Placed, outcomes)[-1].join is None


def test_state_of_health_counts_by_itself_and_its_repetition_is_noticed() -> None:
    lines = [health("9ABC", at, f"325:05:00:0{at} CLOCK IS LOCKED\r\n") for at in (0, 5, 5, 0)]
    outcomes = told(lines)

    assert [Told, Told, Repeated, Repeated] == [type(one) for one in outcomes]


def test_memory_is_bounded_by_the_number_of_streams() -> None:
    made = [changed(C0, 4, bytes.fromhex(unit)) for unit in ("9001", "9002", "9003")]
    outcomes = told(made, most_lanes=2)

    assert [("too-many-streams", "9003")] == [
        (one.name, one.packet.unit) for one in of(Refused, outcomes)
    ]


@given(
    st.lists(st.tuples(st.integers(0, 23), st.integers(0, 255), st.integers(0, 13)), max_size=80)
)
def test_damaged_heads_lose_no_packet(changes: list[tuple[int, int, int]]) -> None:
    made = Recorder().event_of(4, samples=5)
    damaged = [
        packet
        for at, new, which in changes
        if (packet := _maybe(changed(made[which], at, bytes((new,)))))
    ]
    outcomes = told(damaged, window=4)
    back = Counter(one.packet.octets for one in outcomes if not isinstance(one, Hole | Unfinished))

    assert Counter(one.octets for one in damaged) == back


def _maybe(octets: bytes) -> Packet | None:
    from portbook.protocols.reftek import packets

    return packets.read(octets)


def test_events_that_begin_far_behind_do_not_pile_up() -> None:
    """Their first packet is never held, so nothing else would ever end them."""
    assembler = Assembler(2016)
    told = []
    for number in range(2000):
        packet = read(changed(C0, 14, bytes.fromhex(f"7000{number:04}")))
        told += assembler.add(packet)

    left = assembler.flush()
    assert 2000 == sum(isinstance(one, Unfinished) for one in [*told, *left])
    assert len(left) <= 2 * (WINDOW + 1)
