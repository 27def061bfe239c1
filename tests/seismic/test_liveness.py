"""How instruments do: a play of packets, pings and silence, with a clock of our own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.reftek import START_NS, event, state_of_health

from portbook.seismic.clocks import ClockState
from portbook.seismic.instruments import Instrument, NamedHole, Verdict
from portbook.seismic.liveness import (
    FORGET_NS,
    MOST_ADDRESSES,
    MOST_HOLES,
    MOST_STREAMS,
    MOST_UNITS,
    Liveness,
    longest_interval_s,
)
from portbook.seismic.tags import NANO

HERE = "10.1.0.5"


def data(
    at_s: float, *, unit: str = "AE4C", stream: int = 0, channel: int = 0, kind: str = "DT"
) -> bytes:
    """Return a packet of a time and stream; only its head matters here."""
    like = bytearray(event(unit, stream=stream, seconds=3, at_s=at_s)[1])
    like[:2], like[19] = kind.encode(), channel
    return bytes(like)


def only(alive: Liveness, now_ns: int, connected: tuple[str, ...] = ()) -> Instrument:
    (one,) = alive.look(now_ns, connected)
    return one


def at(seconds: float) -> int:
    return START_NS + int(seconds * NANO)


def sending(alive: Liveness, until_s: int, *, step_s: int = 5, stream: int = 0) -> None:
    for second in range(0, until_s, step_s):
        alive.heard(data(second, stream=stream), HERE, at(second))


def test_an_instrument_that_sends_is_up_and_its_interval_is_learnt() -> None:
    alive = Liveness(2026)
    sending(alive, 100)
    one = only(alive, at(100))

    assert (Verdict.UP, "up", "AE4C", 20, HERE) == (
        one.verdict,
        one.said,
        one.unit,
        one.packets,
        one.address,
    )
    assert (at(95), at(95), at(95)) == (one.arrived_ns, one.data_arrived_ns, one.data_ns)
    assert (5.0, 5.0) == (one.interval_s, one.streams[0].interval_s)
    assert 5.0 == longest_interval_s([one])


def test_it_is_silent_after_its_limit() -> None:
    alive = Liveness(2026, silence_s=600)
    sending(alive, 100)

    assert Verdict.UP is only(alive, at(95 + 600)).verdict
    one = only(alive, at(95 + 660))
    assert (Verdict.SILENT, "silent for 11 min") == (one.verdict, one.said)
    assert 0.0 == longest_interval_s([one])


def test_a_unit_may_have_a_limit_of_its_own() -> None:
    alive = Liveness(2026, limits_s={"AE4C": 30.0})
    sending(alive, 100)

    assert Verdict.SILENT is only(alive, at(95 + 31)).verdict
    alive.limit(600.0, 720.0, {"AE4C": 3000.0})
    assert Verdict.UP is only(alive, at(95 + 700)).verdict


def test_auxiliary_streams_that_are_silent_for_83_minutes_are_healthy() -> None:
    alive = Liveness(2026)
    sending(alive, 5000 * 4, step_s=5000, stream=8)
    last_s = 3 * 5000

    assert Verdict.UP is only(alive, at(last_s + 4 * 5000)).verdict
    assert Verdict.SILENT is only(alive, at(last_s + 4 * 5000 + 60)).verdict
    (stream,) = only(alive, at(last_s + 4999)).streams
    assert (9, False, 5000.0) == (stream.stream, stream.late, stream.interval_s)


def test_state_of_health_without_data_is_told_as_such() -> None:
    alive = Liveness(2026)
    sending(alive, 100)
    for minute in range(1, 30):
        text = f"005:08:{minute:02}:00 BATTERY VOLTAGE = 12.9V\r\n"
        alive.heard(state_of_health("AE4C", minute, text, 60 * minute), HERE, at(60 * minute))
    one = only(alive, at(95 + 720 + 30))

    assert (Verdict.STOPPED, "link up, data stopped for 12 min") == (one.verdict, one.said)
    assert "BATTERY VOLTAGE = 12.9V" == one.health
    assert at(29 * 60) == one.health_at_ns


def test_pings_of_its_link_without_data_are_told_as_such() -> None:
    alive = Liveness(2026)
    sending(alive, 100)
    alive.link(0xAE4C, HERE, at(95 + 700))

    one = only(alive, at(95 + 750))
    assert (Verdict.STOPPED, "link up, data stopped for 12 min") == (one.verdict, one.said)
    assert at(95 + 700) == one.link_ns
    assert Verdict.SILENT is only(alive, at(95 + 700 + 601)).verdict


def test_silence_behind_an_upstream_that_is_connected_is_told_as_such() -> None:
    alive = Liveness(2026)
    sending(alive, 100)

    one = only(alive, at(95 + 780), (HERE,))
    assert "link up, data stopped for 13 min" == one.said
    assert Verdict.UP is only(alive, at(95 + 660), (HERE,)).verdict
    assert Verdict.SILENT is only(alive, at(95 + 780), ("10.9.9.9",)).verdict


def test_a_recorder_whose_events_have_ended_may_be_without_data() -> None:
    alive = Liveness(2026)
    for packet in event("AE4C", seconds=30):
        alive.heard(packet, HERE, at(30))
    alive.heard(state_of_health("AE4C", 1, "005:08:40:00 ACQUISITION\r\n", 2400), HERE, at(2400))

    assert Verdict.UP is only(alive, at(2500)).verdict
    assert only(alive, at(2500)).streams[0].ended
    assert Verdict.SILENT is only(alive, at(2400 + 601), (HERE,)).verdict


def test_one_stream_that_is_late_is_told_while_others_go_on() -> None:
    alive = Liveness(2026)
    sending(alive, 100, stream=1)
    sending(alive, 2000)
    one = only(alive, at(2000))

    assert Verdict.UP is one.verdict
    assert [(1, False), (2, True)] == [(each.stream, each.late) for each in one.streams]


def test_who_is_expected_and_was_never_heard_is_told() -> None:
    alive = Liveness(2026, limits_s={"9EEF": 0.0})
    sending(alive, 10)

    assert [("9EEF", "never heard"), ("AE4C", "up")] == [
        (one.unit, one.said) for one in alive.look(at(10))
    ]


def test_an_outage_or_a_clock_that_is_set_does_not_stretch_what_is_expected() -> None:
    alive = Liveness(2026)
    sending(alive, 30)
    alive.heard(data(5000), HERE, at(5000))
    alive.heard(data(5005), HERE, at(5005))
    alive.heard(data(1), HERE, at(5010))
    alive.heard(data(6), HERE, at(5015))

    assert 5.0 == only(alive, at(5015)).interval_s


def test_shaking_shortens_what_is_expected_slowly_and_calm_stretches_it_at_once() -> None:
    alive = Liveness(2026)
    second = 0
    for step_s in (8, 8, 8, 2, 2, 2, 8, 8, 8):
        alive.heard(data(second), HERE, at(second))
        second += step_s
        seen = only(alive, at(second)).interval_s

    assert 8.0 == seen


def test_quality_follows_what_the_recorder_says_of_its_clock() -> None:
    alive = Liveness(2026)
    seen = []
    for number, said in enumerate(
        (
            "CLOCK IS UNLOCKED",
            "INTERNAL CLOCK PHASE ERROR OF 12 USEC",
            "CLOCK IS LOCKED",
            "INTERNAL CLOCK PHASE ERROR OF -200 USEC",
            "BATTERY VOLTAGE = 12.9V",
        )
    ):
        text = f"005:08:00:{number:02} {said}\r\n"
        alive.heard(state_of_health("AE4C", number, text, number), HERE, at(number))
        one = only(alive, at(number))
        seen.append((one.clock, one.quality, one.phase_error_us))

    assert [
        (ClockState.UNLOCKED, 10, None),
        (ClockState.UNLOCKED, 80, 12),
        (ClockState.LOCKED, 100, 12),
        (ClockState.LOCKED, 65, -200),
        (ClockState.LOCKED, 65, -200),
    ] == seen
    assert at(2) == only(alive, at(9)).clock_since_ns


def test_what_was_heard_before_a_restart_is_recalled_and_nobody_is_blamed_for_it() -> None:
    alive = Liveness(2026, started_ns=at(4000))
    for second in range(0, 100, 5):
        alive.recall(data(second), HERE, at(second))

    one = only(alive, at(4500))
    assert (Verdict.UP, 0, at(95), 5.0) == (
        one.verdict,
        one.packets,
        one.arrived_ns,
        one.interval_s,
    )
    late = only(alive, at(4601))
    assert (Verdict.SILENT, "silent for 75 min") == (late.verdict, late.said)
    alive.heard(data(4602), HERE, at(4602))
    assert (Verdict.UP, 1) == ((now := only(alive, at(4603))).verdict, now.packets)


def test_no_stream_is_late_for_the_time_in_which_nobody_listened() -> None:
    alive = Liveness(2026, started_ns=at(4000))
    for second in range(0, 100, 5):
        alive.recall(data(second, stream=1), HERE, at(second))
    alive.heard(data(4001), HERE, at(4001))

    assert [False, False] == [one.late for one in only(alive, at(4002)).streams]
    for second in range(4005, 4700, 5):
        alive.heard(data(second), HERE, at(second))
    late = {one.stream: one.late for one in only(alive, at(4700)).streams}
    assert {1: False, 2: True} == late


def test_holes_are_counted_by_unit_and_stream() -> None:
    alive = Liveness(2026)
    sending(alive, 10)
    alive.hole("AE4C", 1, 3, at(11))
    alive.hole("AE4C", 1, 2, at(12))
    one = only(alive, at(13))

    assert (2, 5, at(12), 5) == (one.holes, one.missing, one.hole_ns, one.streams[0].missing)


def test_clock_steps_are_counted_and_the_last_one_kept() -> None:
    alive = Liveness(2026)
    sending(alive, 10)
    before = only(alive, at(11))
    assert [1, 2] == [alive.stepped("AE4C", off_s, at(12)) for off_s in (-0.61, 1.0)]
    one = only(alive, at(13))

    assert (0, None) == (before.clock_steps, before.clock_step_ns)
    assert (2, at(12), 1.0) == (one.clock_steps, one.clock_step_ns, one.clock_step_s)


def test_what_is_counted_of_all_outlives_units_that_are_forgotten() -> None:
    alive = Liveness(2026)
    sending(alive, 10)
    alive.hole("AE4C", 1, 3, at(11))
    alive.stepped("AE4C", 1.0, at(11))

    assert [] == alive.look(at(11) + 2 * FORGET_NS)
    assert (1, 3, 1) == (alive.holes, alive.missing, alive.clock_steps)


def test_the_last_addresses_are_kept_the_newest_last() -> None:
    alive = Liveness(2026)
    for n in range(10):
        alive.heard(data(n), f"10.0.0.{n}", at(n))
    one = only(alive, at(10))

    assert "10.0.0.9" == one.address
    assert tuple(f"10.0.0.{n}" for n in range(10 - MOST_ADDRESSES, 10)) == one.addresses


def test_units_and_streams_are_bounded() -> None:
    alive = Liveness(2026)
    packet = data(0)
    for unit in range(MOST_UNITS + 50):
        alive.heard(packet[:4] + unit.to_bytes(2) + packet[6:], HERE, at(0))
    for stream in range(256):
        alive.heard(
            packet[:4] + b"\0\1" + packet[6:18] + bytes((stream,)) + packet[19:], HERE, at(1)
        )

    assert (MOST_UNITS, 50) == (alive.units, alive.left_out)
    assert MOST_STREAMS == len(alive.look(at(1))[1].streams)


def test_who_is_silent_for_days_and_expected_by_nobody_is_forgotten() -> None:
    alive = Liveness(2026, limits_s={"9EEF": 0.0})
    sending(alive, 10)
    alive.heard(data(0, unit="9EEF"), HERE, at(0))

    assert ["9EEF"] == [one.unit for one in alive.look(at(10) + FORGET_NS)]


@given(st.binary(min_size=1024, max_size=1024), st.sampled_from(["DT", "EH", "ET", "SH", "OM"]))
def test_no_octets_make_it_stumble(octets: bytes, kind: str) -> None:
    alive = Liveness(2026)
    for second in range(3):
        alive.heard(kind.encode() + octets[2:], HERE, at(second))

    assert 3 == only(alive, at(3)).packets


def test_the_position_is_that_of_the_last_header_or_line_that_tells_one() -> None:
    alive = Liveness(2026)
    header = event(seconds=5)[0]
    alive.heard(header, HERE, START_NS)
    of_header = alive.look(START_NS)[0]
    line = "325:05:00:01 GPS: POSITION: N41:45:04.50 E103:23:45.46 +01234M\r\n"
    alive.heard(state_of_health("9D20", 0, line), HERE, START_NS)
    of_line = alive.look(START_NS)[0]
    alive.heard(header[:918] + b" " * 106, HERE, START_NS)

    assert (48.12185, 12.597167, 547.0) == (
        of_header.latitude,
        of_header.longitude,
        of_header.elevation_m,
    )
    assert (41.75125, 103.395961, 1234.0) == (
        of_line.latitude,
        of_line.longitude,
        of_line.elevation_m,
    )
    assert of_line.latitude == alive.look(START_NS)[0].latitude


def test_the_last_holes_are_kept_with_their_sequences() -> None:
    alive = Liveness(2026)
    named = [NamedHole(1, 7, at, at + 1, 2, 10, 20, START_NS) for at in range(MOST_HOLES + 3)]
    for one in named:
        alive.hole("9D20", 1, 2, START_NS, one)
    alive.hole("9D20", 1, 2, START_NS)
    told = alive.look(START_NS)[0]

    assert tuple(named[-MOST_HOLES:]) == told.last_holes
    assert MOST_HOLES + 4 == told.holes
