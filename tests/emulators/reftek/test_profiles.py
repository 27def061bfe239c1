"""What the profiles send is put in order by the assembler as it was made: the truth is known."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from support.recorded import real_file

from portbook.emulators import plant
from portbook.emulators.reftek import profiles, waves
from portbook.emulators.reftek.clocks import Clock, leaps
from portbook.emulators.reftek.fleet import Fleet
from portbook.emulators.reftek.instruments import VOLTAGES, Made, Plan, Stream, packets
from portbook.emulators.reftek.profiles import Asked
from portbook.emulators.reftek.replay import replay
from portbook.emulators.reftek.weather import Path, Weather
from portbook.errors import UsageError
from portbook.protocols.reftek import packets as reading
from portbook.seismic.assembly import Assembler
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
from portbook.seismic.samples import decode_all
from portbook.seismic.segments import segments
from portbook.seismic.tags import chain

NANO, MILLI = 1_000_000_000, 1_000_000
START_NS = plant.START_NS
UNIT = profiles.FIRST_UNIT
Place = tuple[str, int, int, int]  # unit, stream, event, sequence


def asked(**more: object) -> Asked:
    return Asked(start_ns=START_NS, record_s=60)._replace(**more)


def read(octets: bytes) -> reading.Packet:
    packet = reading.read(octets)
    assert packet is not None
    return packet


def assembled(sent: list[bytes], window: int = 64) -> list[Outcome]:
    assembler = Assembler(2026, window=window, hold_ns=None)
    out = [outcome for one in sent for outcome in assembler.add(read(one))]
    return out + assembler.flush()


def flow(name: str, seconds: float, **more: object) -> tuple[Fleet, list[bytes]]:
    fleet = Fleet.of(profiles.scene(name, asked(**more)))
    return fleet, [one.octets for one in fleet.flow(until_ns=int(seconds * NANO))]


def through(weather: Weather, sent: list[bytes], seed: int = 1) -> tuple[Path, list[bytes]]:
    path = Path(weather, seed)
    out = [octets for one in sent for _, octets in path.take(0, one, 0)]
    return path, out + [octets for _, octets in path.flush()]


def place(packet: reading.Packet) -> Place:
    assert packet.stream is not None
    assert packet.event is not None
    return packet.unit, packet.stream, packet.event, packet.sequence


def placed(outcomes: list[Outcome]) -> list[Placed]:
    return [one for one in outcomes if isinstance(one, Placed)]


def missing(hole: Hole) -> list[Place]:
    return [
        (hole.unit, hole.stream, hole.event, (hole.first_sequence + n) % 10_000)
        for n in range(hole.packets)
    ]


# ------------------------------------------------------------------------------------ instruments


@pytest.mark.parametrize("coding", ["16", "32", "C0", "C2"])
@pytest.mark.parametrize("restarts", [True, False])
def test_a_recorders_packets_join_without_a_break_and_decode(coding: str, restarts: bool) -> None:
    plan = Plan(
        UNIT,
        Clock(START_NS),
        (Stream(coding=coding, record_s=60), VOLTAGES),
        shaking=((70 * NANO, 90 * NANO),),
        restarts=restarts,
    )
    sent = [one.octets for one in made_until(plan, 200)]
    outcomes = assembled(sent)
    data = [read(one) for one in sent if one[:2] == b"DT"]

    assert all(one.refusal is None for one in decode_all(data))
    assert {Join.FIRST, Join.JOINED, None} == {one.join for one in placed(outcomes)}
    assert {"SC", "DS", "OM", "AD", "CD", "FD", "SH"} == {
        one.packet.type for one in outcomes if isinstance(one, Told)
    }
    # both streams end in the middle of an event, the voltages in their first packet
    assert [0, 8] == [one.stream for one in outcomes if isinstance(one, Unfinished)]
    assert not [one for one in outcomes if isinstance(one, Hole | Repeated | Late | Refused)]
    per_channel = Counter[int | None]()
    for one in data:
        if one.event == 1:
            per_channel[one.channel] += one.samples or 0
    assert {0: 6000, 1: 6000, 2: 6000} == per_channel


def made_until(plan: Plan, seconds: float) -> list[Made]:
    found = []
    for one in packets(plan):
        if one.due_ns > seconds * NANO:
            break
        found.append(one)
    return found


def test_packets_are_due_when_they_are_full_and_a_quake_makes_four_times_as_many() -> None:
    plan = Plan(UNIT, Clock(START_NS), (Stream(rate_hz=200),), shaking=((60 * NANO, 120 * NANO),))
    made = made_until(plan, 180)
    assert sorted(one.due_ns for one in made) == [one.due_ns for one in made]
    by_minute: dict[int, list[int]] = defaultdict(list)
    for one in made:
        packet = read(one.octets)
        if packet.type == "DT":
            by_minute[int(one.due_ns // (60 * NANO))].append(packet.samples or 0)

    assert 223 == sorted(by_minute[1])[len(by_minute[1]) // 2]
    assert len(by_minute[1]) > 3 * len(by_minute[0])
    calm = by_minute[0] + by_minute[2][10:]
    assert 700 < sum(calm) / len(calm) < 860


def test_the_first_difference_of_an_event_steps_from_nothing_or_from_the_event_before() -> None:
    for coding, restarts in (("C0", True), ("C2", False)):
        plan = Plan(UNIT, Clock(START_NS), (Stream(coding=coding, record_s=30, channels=1),))
        data = [read(one.octets) for one in made_until(plan, 100) if one.octets[:2] == b"DT"]
        links = [link for one in data if (link := chain(one))]
        assert len(data) == len(links)
        edges = [
            (links[at - 1].last, links[at].before)
            for at in range(1, len(data))
            if data[at].event != data[at - 1].event
        ]
        assert edges
        assert all(before == (0 if restarts else last) for last, before in edges)


def test_the_same_seed_makes_the_same_packets_and_another_one_others() -> None:
    def sent(seed: int) -> list[bytes]:
        return flow("network", 30, units=5, seed=seed)[1]

    assert sent(1) == sent(1)
    assert sent(1) != sent(2)


# --------------------------------------------------------------------------------------- profiles


def test_clean_and_network_are_in_order_and_counted() -> None:
    for name, units in (("clean", 1), ("network", 12)):
        fleet, sent = flow(name, 120, units=units)
        outcomes = assembled(sent)
        assert len(sent) == sum(counts.total() for counts in fleet.made.values())
        counted = Counter((read(one).unit, read(one).type) for one in sent)
        for unit, counts in fleet.made.items():
            assert counts == {kind: n for (of, kind), n in counted.items() if of == f"{unit:04X}"}
        assert not [one for one in outcomes if isinstance(one, Hole | Repeated | Late | Refused)]
        assert {Join.FIRST, Join.JOINED, None} == {one.join for one in placed(outcomes)}


@pytest.mark.parametrize(
    "weather",
    [
        Weather(loss=0.001),
        Weather(loss=0.01),
        Weather(loss=0.05),
        Weather(loss=0.2),
        Weather(bursts=0.002),
        Weather(loss=0.2, shuffle=64, doubled=0.05),
    ],
)
def test_each_missing_sequence_is_told_once_and_nothing_else_is(weather: Weather) -> None:
    _, sent = flow("clean", 1800, rate_hz=200, record_s=600)
    path, came = through(weather, sent)
    outcomes = assembled(came)
    eventful = {place(read(one)) for one in sent if one[:2] in (b"EH", b"DT", b"ET")}
    arrived = {place(read(one)) for one in came if one[:2] in (b"EH", b"DT", b"ET")}
    told = [gone for one in outcomes if isinstance(one, Hole) for gone in missing(one)]
    late = [place(one.packet) for one in outcomes if isinstance(one, Late)]
    ended = {(one.unit, one.stream, one.event) for one in outcomes if isinstance(one, Unfinished)}

    assert len(sent) - path.lost.total() + path.doubled.total() == len(came)
    assert len(set(told)) == len(told)
    # packets at the very end of an event are told as the event being unfinished, and of an event
    # of which nothing came nobody can know
    silent = (eventful - arrived) - set(told)
    known = {one[:3] for one in arrived}
    assert all(gone[:3] in ended or gone[:3] not in known for gone in silent)
    assert set(told) == eventful - arrived - silent
    assert not late
    places = [place(one.packet) for one in placed(outcomes)]
    assert sorted(arrived) == sorted(places)
    joins = Counter(one.join for one in placed(outcomes))
    assert {None, Join.FIRST, Join.JOINED, Join.GAP} >= set(joins)
    assert (joins[Join.GAP] > 0) == bool(told)


@pytest.mark.parametrize("window", [2, 16, 64])
def test_disorder_and_doubles_leave_no_trace(window: int) -> None:
    _, sent = flow("clean", 900, rate_hz=200, record_s=300)
    path, came = through(Weather(shuffle=window, doubled=0.05), sent)
    assert came != sent
    outcomes = assembled(came, window)
    again = [one for one in outcomes if isinstance(one, Repeated)]

    assert path.doubled.total() == len(again)
    assert all(one.equal for one in again)
    in_order = [one for one in sent if one[:2] in (b"EH", b"DT", b"ET")]
    assert in_order == [one.packet.octets for one in placed(outcomes)]
    assert {Join.FIRST, Join.JOINED, None} == {one.join for one in placed(outcomes)}


def test_set_clocks_are_told_as_that_and_never_as_gaps() -> None:
    scene = profiles.scene("clock", asked(units=4, record_s=3600))
    for plan in scene.plans:
        sent = [one.octets for one in made_until(plan, 1500)]
        outcomes = assembled(sent)
        assert not [one for one in outcomes if isinstance(one, Hole)]
        by_channel: dict[int | None, list[Placed]] = defaultdict(list)
        for one in placed(outcomes):
            if one.join is not None:
                by_channel[one.packet.channel].append(one)
        for found in by_channel.values():
            steps = [one.off_ns for one in found if one.join is Join.CLOCK_STEP]
            others = {one.join for one in found} - {Join.CLOCK_STEP}
            assert {Join.FIRST, Join.JOINED} == others
            moments, at_ns = [], 0
            for one in found:
                moments.append(at_ns)
                at_ns += (one.packet.samples or 0) * 10 * MILLI
            assert leaps(plan.clock, moments) == steps
    told = [one.octets for one in made_until(scene.plans[0], 100) if one.octets[:2] == b"SH"]
    assert any(b"INTERNAL CLOCK PHASE ERROR OF 610000 USEC" in one for one in told)
    unlocked = [one.octets for one in made_until(scene.plans[1], 400)]
    assert b"CLOCK IS UNLOCKED" in unlocked[0]
    assert any(b"CLOCK IS LOCKED" in one for one in unlocked[1:])
    assert b"1?" == next(one for one in unlocked if one[:2] == b"EH")[57:59]


def test_second_sixty_and_the_new_year_stand_in_tags() -> None:
    scene = profiles.scene("clock", asked(units=4))
    second = [one.octets[6:12].hex() for one in made_until(scene.plans[3], 200)]
    clock = scene.plans[3].clock
    assert "366235960500" == clock.tag(60 * NANO + 500 * MILLI).digits
    assert (2017, "001000000000") == clock.tag(61 * NANO)
    assert any(one.startswith("001") for one in second)
    years = [one.octets[3:4].hex() for one in made_until(scene.plans[2], 200)]
    assert ["26", "27"] == list(dict.fromkeys(years))


def test_sequences_and_events_wrap_without_a_gap() -> None:
    _, sent = flow("wrap", 900, units=2)
    outcomes = assembled(sent)
    numbers = {read(one).sequence for one in sent if read(one).unit == f"{UNIT:04X}"}
    events = {read(one).event for one in sent}

    assert {0, 9999} <= numbers
    assert {9995, 9999, 0, 1} <= events
    assert not [one for one in outcomes if isinstance(one, Hole)]
    assert {Join.FIRST, Join.JOINED, None} == {one.join for one in placed(outcomes)}


def test_a_dirty_recorder_is_counted_and_harms_no_other() -> None:
    fleet, sent = flow("dirty", 400, units=3, rate_hz=200)
    assembler = Assembler(2026, hold_ns=None)
    outcomes: list[Outcome] = []
    foreign = 0
    for octets in sent:
        packet = reading.read(octets)
        if packet is None:
            foreign += 1
            continue
        refusal = decode_all([packet])[0].refusal if packet.type == "DT" else None
        outcomes += assembler.add(packet, refusal=refusal)
    outcomes += assembler.flush()

    assert len(fleet.spoilt) == 18
    refused = [one for one in outcomes if isinstance(one, Refused)]
    assert fleet.spoilt.total() == foreign + len(refused)
    dirty = f"{UNIT + 2:04X}"
    harmed = {one.packet.unit for one in refused}
    harmed |= {one.unit for one in outcomes if isinstance(one, Hole)}
    assert {dirty} == harmed
    clean = [one for one in placed(outcomes) if one.packet.unit != dirty]
    assert {Join.FIRST, Join.JOINED, None} == {one.join for one in clean}


def test_impossible_numbers_of_units_are_refused() -> None:
    with pytest.raises(UsageError, match="units must be 1 to"):
        profiles.scene("clean", asked(units=0))
    with pytest.raises(UsageError, match="units must be 1 to"):
        profiles.scene("clean", asked(units=30_000))


# ----------------------------------------------------------------------------------------- replay


def test_a_replayed_file_gives_its_eight_traces() -> None:
    octets = real_file("225051000_00008656").read_bytes()
    sent = list(replay(octets, 2015))
    outcomes = Assembler(2015, hold_ns=None)
    found = [one for made in sent for one in outcomes.add(read(made.octets))] + outcomes.flush()

    assert octets == b"".join(one.octets for one in sent)
    pieces = segments(found)
    assert 8 == len(pieces)
    assert 20_400 == sum(one.samples for one in pieces)
    assert 33 * NANO < sent[-1].due_ns < 36 * NANO
    assert sorted(one.due_ns for one in sent) == [one.due_ns for one in sent]


def test_a_replayed_file_can_be_of_another_unit() -> None:
    octets = real_file("225051000_00008656").read_bytes()
    (unit,) = {read(one.octets).unit for one in replay(octets, 2015, unit=0x9ABC)}

    assert "9ABC" == unit


def test_what_was_made_is_replayed_at_its_pace() -> None:
    plan = Plan(UNIT, Clock(START_NS), (Stream(record_s=60),))
    made = [one for one in made_until(plan, 200) if one.octets[:2] == b"DT"]
    again = list(replay(b"".join(one.octets for one in made), 2026))

    # no header, no rate: a packet counts as full when it begins
    assert [one.octets for one in made] == [one.octets for one in again]
    whole = made_until(plan, 200)
    again = list(replay(b"".join(one.octets for one in whole), 2026))
    assert [one.due_ns for one in whole if one.octets[:2] == b"DT"] == [
        one.due_ns for one in again if one.octets[:2] == b"DT"
    ]


def test_every_wave_is_round() -> None:
    for coding in waves.MOST:
        wave = waves.wave("noise", coding, 3)
        assert waves.ROUND == len(wave.bodies)
        assert wave == waves.wave("noise", coding, 3)
