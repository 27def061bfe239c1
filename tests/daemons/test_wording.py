"""Records of the archiver as lines of the log."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portbook.daemons.voices import wording

HOLE = {
    "kind": "hole",
    "unit": "AE4C",
    "stream": 1,
    "event": 427,
    "first_sequence": 9998,
    "last_sequence": 1,
    "packets": 4,
    "from_ns": 1_444_431_066_215_000_000,
    "until_ns": 1_444_431_076_215_000_000,
}
STEP = {
    "kind": "break",
    "join": "clock-step",
    "unit": "AE4C",
    "stream": 1,
    "channel": 2,
    "event": 427,
    "sequence": 15,
    "at_ns": 1_444_431_065_925_000_000,
    "off_s": -0.61,
    "source": "127.0.0.1",
    "offset": 0,
}
anything = st.none() | st.integers() | st.floats() | st.text(max_size=8) | st.booleans()


def test_a_hole_is_named_by_unit_stream_event_sequences_and_times() -> None:
    assert (
        "unit AE4C, stream 1, event 427: 4 packets are missing, sequences 9998 to 0001, "
        "between 2015-10-09T22:51:06.215000000Z and 2015-10-09T22:51:16.215000000Z"
    ) == wording.hole(HOLE)


def test_a_hole_of_one_packet_has_one_sequence() -> None:
    told = wording.hole(HOLE | {"first_sequence": 3, "last_sequence": 3, "packets": 1})
    assert "1 packet is missing, sequence 0003, between" in told


def test_a_clock_step_says_by_how_much_and_that_nothing_is_missing() -> None:
    assert (
        "unit AE4C, stream 1, channel 2, event 427: the clock was set by -0.610 s before "
        "sequence 0015, 2015-10-09T22:51:05.925000000Z; no packet is missing"
    ) == wording.step(STEP)
    assert "the clock was set before" in wording.step(STEP | {"off_s": None})


def test_an_oddity_says_how_often_and_where_first() -> None:
    told = {"name": "number-twice", "count": 10, "where": "10.1.7.3: sequence 1"}
    assert "number-twice: 10 times, first 10.1.7.3: sequence 1" == wording.oddity(told)
    assert "number-twice: 10.1.7.3: sequence 1" == wording.oddity(told | {"count": 1})


@given(st.dictionaries(st.sampled_from([*HOLE, *STEP, "name", "count", "where"]), anything))
def test_whatever_is_told_something_is_said(told: dict[str, object]) -> None:
    assert all(isinstance(say(told), str) for say in (wording.hole, wording.step, wording.oddity))
