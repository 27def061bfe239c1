"""Which traffic is an announcement: grouped by who sends, judged by its rhythm."""

from __future__ import annotations

import random
from typing import NamedTuple

import msgspec
import pytest
import support
from hypothesis import given
from hypothesis import strategies as st
from support.rows import TCP, UDP, row
from support.series import irregular, sightings

from portbook.emulators import plant
from portbook.evidence import readers
from portbook.evidence.captures import Capture, read
from portbook.evidence.conversations import records
from portbook.evidence.rhythm import MOST_BEATS, announcements
from portbook.evidence.table import FIRST_TIMES, LAST_TIMES
from portbook.records import Announcement, Confidence, Conversation

SECOND = 1_000_000_000
NOON = 1_767_268_800 * SECOND
PERIODS = {"codesys-v3": 60.0}
FOUR = (1740, 1741, 1742, 1743)


class Seen(NamedTuple):
    conversation: Conversation
    times: tuple[int, ...]


def _seen(
    seconds: list[float],
    protocol: str | None = None,
    *,
    transport: int = UDP,
    a: str = "10.0.0.5",
    a_port: int = 1740,
    b: str = "10.0.0.255",
    b_port: int = 1740,
    packets: tuple[int, int] | None = None,
) -> Seen:
    times = tuple(NOON + round(one * SECOND) for one in seconds)
    kept = times
    if len(times) > FIRST_TIMES + LAST_TIMES:
        kept = times[:FIRST_TIMES] + times[-LAST_TIMES:]
    made = row(
        transport,
        a,
        a_port,
        b,
        b_port,
        packets=packets or (len(times), 0),
        times=kept,
        bursts=len(times),
        broadcast=b.endswith(".255"),
    )
    (one,) = records([made], "test.pcap")
    return Seen(msgspec.structs.replace(one.conversation, protocol=protocol), kept)


def _round(seconds: list[float], **more: object) -> list[Seen]:
    return [
        _seen([at + index * 0.0001 for at in seconds], "codesys-v3", b_port=port, **more)  # type: ignore[arg-type]
        for index, port in enumerate(FOUR)
    ]


def _one(seen: list[Seen]) -> Announcement:
    (found,) = announcements(seen, PERIODS)
    return found


def test_rounds_to_four_ports_are_one_announcement() -> None:
    found = _one(_round([5, 65.006, 125.001]))

    assert ("10.0.0.5", 1740, "10.0.0.255", FOUR) == (
        found.source,
        found.source_port,
        found.destination,
        found.ports,
    )
    assert (60.0, 3, 3, Confidence.PLAUSIBLE, "codesys-v3") == (
        found.period_s,
        found.times,
        found.expected,
        found.confidence,
        found.protocol,
    )
    assert found.jitter_s <= 0.006
    assert (NOON + 5 * SECOND, "test.pcap") == (found.first_ns, found.capture)
    assert found.because[0] == "seen 3 of 3 expected times"


@pytest.mark.parametrize(
    ("rounds", "wanted"),
    [
        (1, None),
        (2, None),
        (3, Confidence.PLAUSIBLE),
        (4, Confidence.PLAUSIBLE),
        (5, Confidence.CONFIRMED),
    ],
)
def test_the_number_of_rounds_makes_the_confidence(rounds: int, wanted: Confidence | None) -> None:
    found = announcements(_round([60.0 * number for number in range(rounds)]), PERIODS)

    assert [wanted] * (wanted is not None) == [one.confidence for one in found]


def test_lost_rounds_and_lost_ports_are_told_by_what_was_expected() -> None:
    first = _round([0, 60, 180, 240, 420])
    found = _one([first[0], _seen([0, 180], "codesys-v3", b_port=1741), first[3]])

    assert (5, 8, Confidence.CONFIRMED) == (found.times, found.expected, found.confidence)
    assert (1740, 1741, 1743) == found.ports


def test_senders_ports_and_destinations_stay_apart() -> None:
    seconds = [60.0 * number for number in range(6)]
    seen = [
        *_round(seconds),
        *_round([at + 17 for at in seconds], a_port=1741),
        *_round([at + 29 for at in seconds], a="10.0.0.6"),
        *_round([at + 41 for at in seconds], b="10.0.1.255"),
    ]

    assert [60.0] * 4 == [one.period_s for one in announcements(seen, PERIODS)]


def test_a_restart_in_the_middle_of_a_known_rhythm_does_not_hide_it() -> None:
    # seen in a real capture: six rounds, the phase began anew after the third
    found = _one(_round([0, 60.003, 120.009, 153.4, 213.406, 273.41]))

    assert (Confidence.CONFIRMED, 60.0, 6) == (found.confidence, found.period_s, found.times)


def test_another_period_than_the_protocols_own_is_found_by_itself() -> None:
    found = _one(_round([30.0 * number for number in range(20)]))

    assert (30.0, Confidence.CONFIRMED) == (found.period_s, found.confidence)


def test_what_nobody_names_is_found_too_and_needs_more_rounds() -> None:
    def told(count: int) -> list[Announcement]:
        return announcements([_seen([300.0 * one for one in range(count)], b_port=9999)], {})

    assert [] == told(4)
    assert [Confidence.PLAUSIBLE] == [one.confidence for one in told(5)]
    assert [Confidence.CONFIRMED] == [one.confidence for one in told(12)]
    assert [None] == [one.protocol for one in told(12)]


def test_answers_and_connections_are_no_announcements() -> None:
    seconds = [60.0 * number for number in range(20)]
    polled = _seen(seconds, b="10.0.0.9", packets=(20, 20))
    kept_alive = _seen(seconds, b="10.0.0.9", transport=TCP)

    assert [] == announcements([polled, kept_alive], PERIODS)
    assert 1 == len(announcements([_seen(seconds, b="10.0.0.9")], PERIODS))


def test_a_sender_that_was_turned_into_the_server_is_still_the_sender() -> None:
    one = _seen([60.0 * number for number in range(9)], b="10.0.0.9", b_port=7777)
    told = one.conversation
    turned = msgspec.structs.replace(
        told,
        client=told.server,
        client_port=told.server_port,
        server=told.client,
        server_port=told.client_port,
        packets_to_server=0,
        packets_to_client=told.packets_to_server,
    )

    assert [("10.0.0.5", "10.0.0.9", (7777,))] == [
        (found.source, found.destination, found.ports)
        for found in announcements([Seen(turned, one.times)], PERIODS)
    ]


@pytest.mark.parametrize(
    ("nobody", "everybody"), [("0.0.0.0", "255.255.255.255"), ("::", "ff02::1")]
)
def test_hosts_without_an_address_announce_nothing(nobody: str, everybody: str) -> None:
    asked = [5.0 + 4 * number for number in range(18)]

    assert [] == announcements([_seen(asked, "dhcp", a=nobody, b=everybody)], PERIODS)
    assert announcements([_seen(asked, "dhcp", a="fe80::7", b="ff02::1")], PERIODS)


def test_a_scan_at_a_steady_pace_is_no_announcement() -> None:
    scan = [_seen([15.0 * port], b="10.0.0.9", b_port=port) for port in range(1, 80)]

    assert [] == announcements(scan, PERIODS)


def test_a_question_that_nobody_answers_is_no_announcement() -> None:
    # resolvers ask again after 1, 1, 2 and 4 seconds
    asked = [
        _seen([number * 30 + at for at in (0, 1, 2.004, 4.01, 8.02)], b="10.0.0.9", a_port=port)
        for number, port in enumerate(range(50000, 50020))
    ]

    assert [] == announcements(asked, PERIODS)


def test_groups_with_long_pauses_have_a_spacing_but_no_rhythm() -> None:
    # a search for devices: four times with three seconds in between, every two minutes
    seconds = [120.0 * group + 3.0 * number for group in range(6) for number in range(4)]

    assert [] == announcements([_seen(seconds, b="239.255.255.250")], PERIODS)


def test_a_stream_without_a_pause_has_no_rounds() -> None:
    assert [] == announcements([_seen([0.0])._replace(times=(NOON,))], PERIODS)


def test_a_long_series_is_counted_whole_though_its_middle_is_not_kept() -> None:
    chance = random.Random(64)
    found = _one([_seen(sightings(chance, 300, loss=0.1, jitter=0.02), "codesys-v3")])

    assert 300 == found.times
    assert 315 < found.expected < 355
    assert (60.0, Confidence.CONFIRMED) == (round(found.period_s), found.confidence)


def test_parts_of_a_conversation_that_was_cut_are_one_series() -> None:
    early, late = [0.0, 60.0, 120.0], [180.0, 240.0, 300.0]
    found = _one([_seen(early, "codesys-v3"), _seen(late, "codesys-v3")])

    assert (6, Confidence.CONFIRMED) == (found.times, found.confidence)


def test_irregular_traffic_gives_none() -> None:
    chance = random.Random(3)
    seen = []
    for number in range(60):
        times = [0.0]
        for interval in irregular(chance, "poisson", 20):
            times.append(times[-1] + interval)
        seen.append(_seen(times, a_port=40000 + number))

    assert len(announcements(seen, PERIODS)) <= 1


def test_protocols_declare_their_periods() -> None:
    pytest.importorskip("portbook.protocols.codesys")
    found = announcements(_round([0, 60, 120]))

    assert [60.0] == [one.period_s for one in found]


def _announced(path: str, named: str | None = "codesys-v3") -> list[Announcement]:
    """Read a capture and call what broadcasts 8 or 12 octets from 1740 on by that name."""
    table = readers.table(seed=1)
    read(Capture("capture", path), table, full=lambda: None, starved=lambda: None)
    seen = []
    for one in records(table.rows(), "capture"):
        beacon = one.payload.to_server.octets[:2] == b"\xc5\x0b"
        name = named if beacon else None
        seen.append(
            one._replace(conversation=msgspec.structs.replace(one.conversation, protocol=name))
        )
    return announcements(seen, PERIODS)


def test_the_demo_plants_controllers_are_confirmed_and_nothing_else_announces(tmp_path) -> None:  # type: ignore[no-untyped-def]
    plant.write(tmp_path / "plant.pcap")
    found = _announced(str(tmp_path / "plant.pcap"))

    assert [
        (controller.address, FOUR, 60.0, plant.ROUNDS, Confidence.CONFIRMED)
        for controller in (plant.PRESS, plant.CONVEYOR)
    ] == [(one.source, one.ports, one.period_s, one.times, one.confidence) for one in found]


@support.needs_captures
def test_three_real_rounds_are_one_plausible_announcement() -> None:
    path = support.CAPTURES / "codesys-v3-announcements-3min-with-iec104.pcap"
    (found,) = _announced(str(path))

    assert ("192.168.1.75", 1740, "192.168.1.255", FOUR) == (
        found.source,
        found.source_port,
        found.destination,
        found.ports,
    )
    assert (60.0, 3, 3, Confidence.PLAUSIBLE) == (
        found.period_s,
        found.times,
        found.expected,
        found.confidence,
    )


@support.needs_captures
@pytest.mark.parametrize(
    "name",
    ["codesys-v3-announcements-second-instance.pcap", "codesys-v3-scan-request-reply.pcap"],
)
def test_a_single_real_round_is_no_announcement(name: str) -> None:
    assert [] == _announced(str(support.CAPTURES / name))


def test_the_moments_of_all_rounds_are_told_so_that_a_missed_one_has_a_place() -> None:
    found = _one(_round([0, 60, 180, 240, 300]))

    assert [0, 60, 180, 240, 300] == [(one - NOON) // SECOND for one in found.beats_ns]


@pytest.mark.parametrize("rounds", [FIRST_TIMES + LAST_TIMES + 1, 500])
def test_of_a_long_series_only_rounds_are_told_that_have_no_unknown_ones_between(
    rounds: int,
) -> None:
    seconds = [60.0 * number for number in range(rounds)]
    found = _one(_round(seconds))

    assert seconds[-LAST_TIMES:] == [(one - NOON) // SECOND for one in found.beats_ns]
    assert rounds == found.times


def test_at_most_64_moments_are_told_of_many_short_conversations() -> None:
    seconds = [60.0 * number for number in range(180)]
    parts = [_seen(seconds[at : at + 60], "codesys-v3") for at in (0, 60, 120)]
    found = _one(parts)

    assert (180, MOST_BEATS) == (found.times, len(found.beats_ns))
    assert seconds[-MOST_BEATS:] == [(one - NOON) // SECOND for one in found.beats_ns]


def _answers(questions: list[float], *, after: float = 0.01, port: int = 40001) -> Seen:
    later = [at + after for at in questions]
    return _seen(later, a="10.0.0.9", a_port=50000, b="10.0.0.5", b_port=port)


@pytest.mark.parametrize("asked", ["10.0.0.9", "10.0.0.255"])
def test_a_poll_that_is_answered_from_another_port_is_no_announcement(asked: str) -> None:
    # one host, or a group that one host answers for
    questions = [30.0 * number for number in range(17)]
    poll = _seen(questions, a_port=40001, b=asked, b_port=34964)

    assert [] == announcements([poll, _answers(questions)], {})
    assert [] == announcements([_answers(questions), poll], {})


def test_a_poll_is_known_though_some_of_its_answers_are_lost() -> None:
    questions = [30.0 * number for number in range(20)]
    poll = _seen(questions, a_port=40001, b="239.255.255.250", b_port=1900)
    kept = [at for number, at in enumerate(questions) if number % 4]

    assert [] == announcements([poll, _answers(kept)], {})


def test_what_comes_back_at_other_times_does_not_hide_an_announcement() -> None:
    told = [30.0 * number for number in range(20)]
    beacon = _seen(told, a_port=40001, b="10.0.0.255", b_port=9999)
    found = announcements([beacon, _answers(told, after=13.0)], {})

    assert ["10.0.0.5", "10.0.0.9"] == [one.source for one in found]
    # so often that one comes by chance within a second of each
    busy = [1.5 * number for number in range(400)]
    found = announcements([beacon, _answers(busy)], {})

    assert "10.0.0.5" in [one.source for one in found]


def test_a_rhythm_that_its_protocol_fixes_is_an_announcement_whoever_reacts_to_it() -> None:
    told = [60.0 * number for number in range(8)]
    found = announcements([*_round(told), _answers(told, port=1740)], PERIODS)

    assert ["codesys-v3"] == [one.protocol for one in found]


def test_what_a_silent_host_is_told_may_be_a_question_and_is_never_confirmed() -> None:
    seconds = [60.0 * number for number in range(40)]
    (alone,) = announcements([_seen(seconds, b="10.0.0.9", b_port=161)], {})
    (everybody,) = announcements([_seen(seconds, b_port=161)], {})

    assert (Confidence.PLAUSIBLE, Confidence.CONFIRMED) == (alone.confidence, everybody.confidence)
    assert "may be asked" in alone.because[1]


def test_names_asked_for_again_and_again_are_no_announcement() -> None:
    seconds = [3.2 * number for number in range(90)]

    assert [] == announcements([_seen(seconds, "nbns", b_port=137)], {})
    assert 1 == len(announcements([_seen(seconds, "nbdgm", b_port=138)], {}))


def test_a_new_source_port_every_time_does_not_hide_an_announcement() -> None:
    chance = random.Random(8)
    seconds = sightings(chance, 12, loss=0.1, jitter=0.02, period=6.0)
    (found,) = announcements(
        [_seen([at], a_port=50000 + number) for number, at in enumerate(seconds)], {}
    )

    assert (6.0, 12, None) == (round(found.period_s, 1), found.times, found.source_port)
    assert "sent from 12 ports" in found.because
    assert [NOON + round(at * SECOND) for at in seconds] == list(found.beats_ns)


def test_new_ports_of_several_programs_show_the_period_that_they_share() -> None:
    chance = random.Random(9)
    seconds = sorted(
        at + begun for begun in (0, 17, 41) for at in sightings(chance, 10, loss=0.1, jitter=0.02)
    )
    (found,) = announcements(
        [_seen([at], a_port=50000 + number) for number, at in enumerate(seconds)], {}
    )

    assert (60, Confidence.PLAUSIBLE) == (round(found.period_s), found.confidence)


def test_questions_from_new_ports_to_one_host_are_no_group() -> None:
    polls = [_seen([30.0 * at], a_port=50000 + at, b="10.0.0.9") for at in range(30)]

    assert [] == announcements(polls, {})


def test_two_rhythms_of_one_socket_are_told_apart_by_their_ports() -> None:
    here = [30.0 * number for number in range(30)]
    there = [7 + 45.0 * number for number in range(20)]
    found = announcements([_seen(here, b_port=5001), _seen(there, b_port=5002)], {})

    assert [((5001,), 30.0), ((5002,), 45.0)] == [(one.ports, one.period_s) for one in found]


def test_ports_that_are_told_at_different_moments_of_one_period_have_it() -> None:
    here = [60.0 * number for number in range(20)]
    found = announcements(
        [_seen(here, b_port=5001), _seen([at + 20 for at in here], b_port=5002)], {}
    )

    assert [60.0, 60.0] == [one.period_s for one in found]


def test_a_round_that_takes_seconds_is_one_round_of_a_known_period() -> None:
    begun = [60.0 * number for number in range(6)]
    found = _one([_seen([at + more for at in begun for more in (0, 1.6, 3.4)], "codesys-v3")])

    assert (60.0, 6, 6, Confidence.CONFIRMED) == (
        found.period_s,
        found.times,
        found.expected,
        found.confidence,
    )
    assert [NOON + round(at * SECOND) for at in begun] == list(found.beats_ns)


def _of(capture: str, seconds: list[float]) -> list[Seen]:
    return [
        one._replace(conversation=msgspec.structs.replace(one.conversation, source=capture))
        for one in _round(seconds)
    ]


def test_an_announcement_goes_on_over_captures_that_follow_one_another() -> None:
    seconds = [60.0 * number for number in range(6)]
    seen = [one for at in (4, 0, 2) for one in _of(f"{at}.pcap", seconds[at : at + 2])]
    found = _one(seen)

    assert (6, 6, Confidence.CONFIRMED, "4.pcap") == (
        found.times,
        found.expected,
        found.confidence,
        found.capture,
    )
    assert "heard in 3 captures that follow one another" in found.because
    assert [NOON + round(at * SECOND) for at in seconds] == list(found.beats_ns)


def test_captures_of_different_days_are_different_announcements() -> None:
    day = [60.0 * number for number in range(5)]
    found = announcements(
        [*_of("one.pcap", day), *_of("other.pcap", [at + 86_400 for at in day])], PERIODS
    )

    assert [("one.pcap", 5, 5), ("other.pcap", 5, 5)] == [
        (one.capture, one.times, one.expected) for one in found
    ]


def test_a_series_of_very_many_parts_is_judged_too() -> None:
    seconds = [60.0 * number for number in range(2400)]
    parts = [_seen(seconds[at : at + 60], "codesys-v3") for at in range(0, 2400, 60)]
    found = _one(parts)

    assert (2400, 2400, Confidence.CONFIRMED) == (found.times, found.expected, found.confidence)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2000),  # seconds
            st.integers(0, 3),  # sender's port
            st.integers(0, 2),  # destination's port
            st.sampled_from(["10.0.0.9", "10.0.0.255"]),
            st.sampled_from([None, "codesys-v3", "nbns"]),
        ),
        max_size=60,
    )
)
def test_whatever_is_sent_the_rounds_add_up(
    sent: list[tuple[int, int, int, str, str | None]],
) -> None:
    moments: dict[tuple[int, int, str, str | None], list[float]] = {}
    for at, sender, port, to, protocol in sorted(sent, key=lambda one: one[0]):
        moments.setdefault((sender, port, to, protocol), []).append(float(at))
    seen = [
        _seen(sorted(set(times)), protocol, a_port=1740 + sender, b=to, b_port=1740 + port)
        for (sender, port, to, protocol), times in moments.items()
    ]

    for one in announcements(seen, PERIODS):
        assert one.protocol != "nbns"
        assert 3 <= one.times <= one.expected
        assert list(one.beats_ns) == sorted(set(one.beats_ns))
        assert 0 < len(one.beats_ns) <= MOST_BEATS
        assert one.first_ns <= one.beats_ns[0]
        assert one.beats_ns[-1] <= one.last_ns
        assert one.confidence is Confidence.PLAUSIBLE or one.times >= 5


@support.needs_captures
def test_real_searches_name_questions_and_polls_are_no_announcements() -> None:
    found = {
        (one.protocol, one.source)
        for name in ("it-155conversations-with-ftp.pcap", "plant-profinet-cm-33hosts.pcap")
        for one in _announced(str(support.CAPTURES / name), None)
    }

    assert set() == found


@support.needs_captures
def test_real_screens_that_announce_themselves_from_new_ports_are_found() -> None:
    found = _announced(str(support.CAPTURES / "it-1149conversations.pcapng"), None)
    groups = [one for one in found if one.source_port is None]

    assert {("192.168.152.126", 6.0), ("192.168.152.153", 6.0)} == {
        (one.source, one.period_s) for one in groups
    }
    assert all((15600,) == one.ports and one.times > 200 for one in groups)
