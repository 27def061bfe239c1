"""What is known of an interface while it is listened to, without any interface."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from support.knowing import knowledge
from support.reading import udp_frame
from support.ringed import FIRST, block

from portbook.emulators import plant
from portbook.emulators.frames import pcap
from portbook.errors import SourceError
from portbook.survey import traffic
from portbook.survey.live import Live

SECOND = 1_000_000_000
FRAMES = [(one.time_ns, one.octets) for one in plant.frames()]
END_NS = max(time_ns for time_ns, _ in FRAMES)


def hear(live: Live, frames: Iterable[tuple[int, bytes]]) -> None:
    live.take(memoryview(block(list(frames))), FIRST, 1, twice=False)


def kinds(news: Iterable[msgspec.Struct]) -> set[str]:
    return {str(one.__struct_config__.tag) for one in news}


def test_a_rhythm_is_heard_and_its_end_is_told() -> None:
    live = Live("eth1", knowledge(), "north")
    hear(live, FRAMES)

    story = live.story(END_NS, 300.0)
    assert {"service", "device", "announcement", "finding"} <= kinds(live.news(story))
    assert {("10.20.0.11", 60.0), ("10.20.0.12", 60.0)} == {
        (one.source, one.period_s) for one in story.announcements
    }
    assert not any(one.code == "PB501" for one in story.findings)
    assert {"north"} == {one.site for one in story.services}

    later = live.story(END_NS + 200 * SECOND, 500.0)
    silent = [one for one in live.news(later) if getattr(one, "code", "") == "PB501"]
    assert ["udp 10.20.0.11:1740 to", "udp 10.20.0.12:1740 to"] == sorted(
        one.subject.rsplit(" ", 1)[0]
        for one in silent  # type: ignore[attr-defined]
    )


def test_what_could_not_be_heard_is_no_silence() -> None:
    live = Live("eth1", knowledge(), "local")
    hear(live, FRAMES)

    def silent(at_s: int) -> int:
        story = live.story(END_NS + at_s * SECOND, 1.0)
        return sum(one.code == "PB501" for one in story.findings)

    live.lose(END_NS + SECOND)
    assert 0 == silent(3600)
    live.regain(END_NS + 3600 * SECOND)
    assert 0 == silent(3610)
    assert 2 == silent(3600 + 200)


def test_what_was_told_is_not_told_again_until_it_says_something_else() -> None:
    live = Live("eth1", knowledge(), "local")
    answer = udp_frame(b"\x99 nor this", 1234, 40000)
    back = answer[6:12] + answer[:6] + answer[12:26] + answer[30:34] + answer[26:30] + answer[34:]
    hear(live, [(SECOND, udp_frame(b"\x99 not known", 40000, 1234)), (SECOND + 1, back)])
    (first,) = [one for one in live.news(live.story(SECOND, 1.0)) if kinds([one]) == {"service"}]
    assert () == first.protocols  # type: ignore[attr-defined]

    hear(live, [(2 * SECOND, udp_frame(b"\x99 more of it", 40000, 1234))])
    assert [] == list(live.news(live.story(2 * SECOND, 2.0)))

    query = bytes.fromhex("123401000001000000000000076578616d706c6503636f6d0000010001")
    reply = bytes.fromhex("123481800001000000000000076578616d706c6503636f6d0000010001")
    told = udp_frame(reply, 1234, 40001)
    told = told[6:12] + told[:6] + told[12:26] + told[30:34] + told[26:30] + told[34:]
    hear(live, [(3 * SECOND, udp_frame(query, 40001, 1234)), (3 * SECOND + 1, told)])
    again = [one for one in live.news(live.story(4 * SECOND, 4.0)) if kinds([one]) == {"service"}]
    assert [("dns",)] == [one.protocols for one in again]  # type: ignore[attr-defined]


def test_a_small_table_tells_what_a_large_one_tells() -> None:
    large, small = Live("eth1", knowledge(), "local"), Live("eth1", knowledge(), "local", limit=8)
    for live in (large, small):
        for at in range(0, len(FRAMES), 20):
            hear(live, FRAMES[at : at + 20])
            list(live.news(live.story(FRAMES[min(at + 19, len(FRAMES) - 1)][0], 1.0)))

    left, right = large.story(END_NS, 1.0), small.story(END_NS, 1.0)
    assert left.summary.packets == right.summary.packets
    assert right.summary.closed_early > 0
    for one in ("services", "devices"):
        keyed = [
            {(each.address, getattr(each, "port", 0)) for each in getattr(story, one)}
            for story in (left, right)
        ]
        assert keyed[0] == keyed[1]


def test_pieces_of_a_capture_file_tell_what_blocks_of_the_ring_tell() -> None:
    ring = Live("eth1", knowledge(), "local")
    whole, small = (Live("eth1", knowledge(), "local", limit=most) for most in (1000, 8))
    hear(ring, FRAMES)
    frames = plant.frames()
    for live in (whole, small):
        for at in range(0, len(frames), 50):
            octets = pcap(frames[at : at + 50], nanoseconds=True)
            live.feed(memoryview(octets)[24 if at else 0 :])

    assert ring.story(END_NS, 1.0) == whole.story(END_NS, 1.0)
    assert len(frames) == small.packets
    assert small.story(END_NS, 1.0).summary.closed_early > 0


def test_half_a_packet_is_no_endless_loop() -> None:
    live = Live("eth1", knowledge(), "local")
    with pytest.raises(SourceError, match="half a packet"):
        live.feed(memoryview(pcap(plant.frames()[:2])[:-3]))


def test_a_story_that_is_asked_for_again_names_nothing_anew() -> None:
    live = Live("eth1", knowledge(), "local")
    hear(live, FRAMES)

    first, second = live.story(END_NS, 1.0), live.story(END_NS, 1.0)

    assert first == second


def test_an_interface_gives_the_devices_that_a_capture_of_it_gives(tmp_path: Path) -> None:
    live = Live("eth1", knowledge(), "local")
    hear(live, FRAMES)
    path = tmp_path / "plant.pcap"
    plant.write(path)
    heard = live.story(max(at for at, _ in FRAMES), 1.0).devices
    read = traffic.read([str(path)], knowledge(), now_ns=END_NS).devices

    assert len(read) > 5
    assert [msgspec.structs.replace(one, source="eth1") for one in read] == list(heard)
    assert any(instance.times for one in heard for instance in one.instances)
