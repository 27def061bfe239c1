"""The push into a ringserver: everything once, in order, on from where its answers ended."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from daemons.hearsay import Heard
from support.live import MAP, RATE_HZ, SECOND, START_NS, YEAR, data, wave
from support.looping import Loop, looping
from support.ringserver import RingServer

from portbook.daemons.outputs.datalink import DataLinkPush
from portbook.errors import UsageError
from portbook.seismic.feed import Feed
from portbook.seismic.record_ring import RecordRing

ALFA = "XX_ALFA_00_HHZ/MSEED"


class Pushed:
    """A ring, a server of ours, and a push between them."""

    def __init__(self, loop: Loop, folder: Path, slots: int = 1000) -> None:
        self.loop = loop
        self.cursor = folder / "datalink.cursor"
        self.feed = Feed(MAP, YEAR, {("9D20", 0): RATE_HZ})
        self.ring = RecordRing(slots)
        self.fed = 0
        self.server = RingServer()
        self.voice = Heard()
        self.push: DataLinkPush | None = None
        self.now_ns = START_NS
        loop.run(self.server.start())

    def begin(self, **more: Any) -> DataLinkPush:
        """Make a push, as a program does that starts."""

        def within() -> DataLinkPush:
            made = DataLinkPush(
                self.ring,
                "127.0.0.1",
                self.server.port,
                self.cursor,
                voice=self.voice,
                clock=lambda: self.now_ns,
                first_pause_s=0.001,
                **more,
            )
            self.task = asyncio.get_running_loop().create_task(made.run())
            return made

        self.push = self.loop.call(within)
        return self.push

    def end(self) -> None:
        """Stop the push as a program that is killed does: the file stays as it is."""

        async def within() -> None:
            assert self.push is not None
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
            self.push.close()

        if self.push is not None:
            self.loop.run(within())
            self.push = None

    def give(self, many: int, coding: str = "C0") -> None:
        def within() -> None:
            for _ in range(many):
                at = self.fed
                self.fed += 1
                samples = wave(100, first=at * 100) if coding == "C0" else wave(500)
                packet = data(
                    sequence=at % 10_000,
                    at_ns=START_NS + at * SECOND,
                    samples=samples,
                    coding=coding,
                )
                self.ring.append(self.feed.add(at, packet))
                if self.push is not None:
                    self.push.pump()

        self.loop.call(within)

    def wait(self, many: int) -> list[int]:
        """Wait until the server has so many; return their times in seconds from the start."""
        self.loop.until(lambda: len(self.server.ring) >= many)
        return [(one.begin_us * 1000 - START_NS) // SECOND for one in self.server.ring]

    def status(self) -> dict[str, Any]:
        assert self.push is not None
        return self.loop.call(self.push.status)


@contextmanager
def pushed(folder: Path, slots: int = 1000) -> Iterator[Pushed]:
    with looping() as loop:
        made = Pushed(loop, folder, slots)
        try:
            yield made
        finally:
            made.end()
            loop.run(made.server.stop())


def test_records_go_over_with_their_names_and_times(tmp_path: Path) -> None:
    with pushed(tmp_path) as made:
        made.give(3)
        made.begin()
        made.wait(3)
        made.give(2)

        assert [0, 1, 2, 3, 4] == made.wait(5)
        first = made.server.ring[0]
        record = made.ring.get(0)
        assert record is not None
        assert (ALFA, record.octets) == (first.stream, first.data)
        # The end is the last sample's time, 99 steps of 10 ms after the first.
        assert (START_NS // 1000, START_NS // 1000 + 990_000) == (first.begin_us, first.end_us)
        assert ["portbook:rtpd"] == made.server.clients


def test_the_cursor_follows_the_answers(tmp_path: Path) -> None:
    with pushed(tmp_path) as made:
        push = made.begin()
        made.server.mute_from = 3
        made.give(5)
        made.wait(5)
        made.loop.until(lambda: push.sequence == 3)

        assert b"00000000000000000003\n" == made.cursor.read_bytes()
        told = made.status()
        assert (True, 3, 2, 2) == (
            told["connected"],
            told["sequence"],
            told["unacknowledged"],
            told["waiting"],
        )
        assert "DataLink 2024.020" == told["server"]


def test_a_new_program_goes_on_exactly_there(tmp_path: Path) -> None:
    with pushed(tmp_path) as made:
        push = made.begin()
        made.give(7)
        made.wait(7)
        made.loop.until(lambda: push.sequence == 7)
        made.end()
        made.give(4)
        made.begin()

        assert list(range(11)) == made.wait(11)


def test_only_what_was_not_answered_is_sent_again(tmp_path: Path) -> None:
    with pushed(tmp_path) as made:
        made.server.cut_after = 5
        push = made.begin(window=1)
        made.give(12)
        made.loop.until(lambda: push.sequence == 12)

        # Each fifth WRITE of a connection was kept and never answered.
        assert [0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 8, 9, 10, 11] == made.wait(14)


def test_a_server_that_is_away_is_an_alarm_until_it_is_back(tmp_path: Path) -> None:
    with pushed(tmp_path) as made:
        port = made.server.port
        made.loop.run(made.server.stop())
        made.begin()
        made.give(3)
        key = f"datalink 127.0.0.1:{port}"
        made.loop.until(lambda: key in made.voice.standing)

        what, message = made.voice.standing[key]
        assert "upstream" == what
        assert f"ringserver 127.0.0.1:{port}: cannot connect" in message
        assert "cannot connect" in made.status()["why"]
        made.loop.run(made.server.start())
        assert [0, 1, 2] == made.wait(3)
        assert [f"+{key}", f"-{key}"] == made.voice.history


@pytest.mark.parametrize(
    ("hello", "why"),
    [
        ("DataLink 2024.020 :: DLPROTO:1.0 PACKETSIZE:512", "no right to write"),
        ("DataLink 2024.020 :: DLPROTO:1.0 PACKETSIZE:256 WRITE", "packets of 256 octets"),
        ("Something else", "no DataLink"),
    ],
)
def test_a_server_that_cannot_be_written_to_is_told_of(
    tmp_path: Path, hello: str, why: str
) -> None:
    with pushed(tmp_path) as made:
        made.server.hello = hello
        made.give(1)
        made.begin()
        made.loop.until(lambda: made.voice.standing)

        ((_, message),) = made.voice.standing.values()
        assert why in message
        assert not made.server.ring


def test_a_server_of_small_packets_gets_small_records(tmp_path: Path) -> None:
    with pushed(tmp_path) as made:
        made.server.hello = "DataLink 2014 :: DLPROTO:1.0 PACKETSIZE:512 WRITE"
        push = made.begin()
        made.give(1, coding="32")
        made.loop.until(lambda: push.sequence == 1)

        assert {512} == {len(one.data) for one in made.server.ring}
        times = [(one.begin_us, one.end_us) for one in made.server.ring]
        assert all(end < begin for (_, end), (begin, _) in pairwise(times))
        assert START_NS // 1000 == times[0][0]
        assert START_NS // 1000 + 2_490_000 == times[-1][1]  # 250 samples of 10 ms


def test_a_newer_server_gets_source_identifiers(tmp_path: Path) -> None:
    with pushed(tmp_path) as made:
        made.server.hello = "DataLink 4.1 :: DLPROTO:1.1 PACKETSIZE:1024 WRITE"
        made.begin()
        made.give(1)
        made.wait(1)

        assert "FDSN:XX_ALFA_00_H_H_Z/MSEED" == made.server.ring[0].stream


def test_the_halves_of_a_packet_move_the_cursor_together(tmp_path: Path) -> None:
    with pushed(tmp_path) as made:
        made.server.mute_from = 1
        push = made.begin()
        made.give(1, coding="16")
        made.wait(2)

        assert 0 == push.sequence


def test_no_answer_ends_the_connection(tmp_path: Path) -> None:
    with pushed(tmp_path) as made:
        made.server.mute_from = 0
        push = made.begin()
        made.give(1)
        made.wait(1)
        made.server.mute_from = None
        made.now_ns += 61 * SECOND

        made.loop.until(lambda: push.sequence == 1)
        assert 1 == push.counts["unacknowledged-at-the-end"]


def test_a_record_that_is_always_refused_does_not_stop_all_others(tmp_path: Path) -> None:
    with pushed(tmp_path) as made:
        push = made.begin(window=1)
        made.give(1)
        made.loop.until(lambda: push.sequence == 1)
        made.server.refuse = "Error adding packet to ring"
        made.give(2)
        made.loop.until(lambda: push.counts["left-out"])
        made.server.refuse = None
        made.loop.until(lambda: push.sequence == 3)

        assert 1 == push.counts["left-out"]
        assert any("Error adding packet" in text for text in made.voice.texts("error"))


def test_a_server_that_refuses_everything_loses_nothing(tmp_path: Path) -> None:
    with pushed(tmp_path) as made:
        made.server.refuse = "Error adding packet to ring"
        push = made.begin(window=1)
        made.give(2)
        made.loop.until(lambda: push.counts["refusals"] > 7)
        made.server.refuse = None

        assert [0, 1] == made.wait(2)


def test_what_the_ring_went_over_is_told_not_hidden(tmp_path: Path) -> None:
    with pushed(tmp_path, slots=10) as made:
        push = made.begin()
        made.give(3)
        made.loop.until(lambda: push.sequence == 3)
        made.loop.run(made.server.stop())
        made.give(20)
        made.loop.run(made.server.start())
        made.loop.until(lambda: push.sequence == 23)

        assert [0, 1, 2, *range(13, 23)] == made.wait(13)
        assert 10 == push.counts["lost-packets"]
        assert any("3 to 12" in text for text in made.voice.texts("error"))


def test_a_ring_that_began_anew_is_sent_whole(tmp_path: Path) -> None:
    with pushed(tmp_path) as made:
        made.cursor.write_bytes(b"00000000000000900000\n")
        made.give(2)
        made.begin()

        assert [0, 1] == made.wait(2)
        assert any("began anew" in text for text in made.voice.texts("warning"))


@pytest.mark.parametrize("held", [b"nonsense", b"12", b"-0000000000000000001\n"])
def test_a_file_that_is_no_cursor_is_refused(tmp_path: Path, held: bytes) -> None:
    with pushed(tmp_path) as made:
        made.cursor.write_bytes(held)

        with pytest.raises(UsageError, match="holds no DataLink cursor"):
            made.begin()


def test_thousands_of_records_go_over_in_order(tmp_path: Path) -> None:
    with pushed(tmp_path, slots=4000) as made:
        made.give(3000)
        push = made.begin(window=16)
        made.loop.until(lambda: push.sequence == 3000)

        assert list(range(3000)) == made.wait(3000)


def witness(name: str) -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason=f"{name}, the independent witness, is absent")


@pytest.mark.filterwarnings("ignore")
def test_an_independent_client_reads_what_was_pushed(tmp_path: Path) -> None:
    simpledali = witness("simpledali")
    simplemseed = witness("simplemseed")
    with pushed(tmp_path) as made:
        push = made.begin()
        made.give(4)
        made.loop.until(lambda: push.sequence == 4)

        async def read() -> list[Any]:
            async with simpledali.SocketDataLink("127.0.0.1", made.server.port) as client:
                await client.id("test", "ada", 1, "python")
                return [await client.read(number) for number in range(1, 5)]

        found = made.loop.run(read())

    assert [ALFA] * 4 == [one.streamId for one in found]
    for at, one in enumerate(found):
        record = simplemseed.unpackMiniseedRecord(one.data)
        assert ("XX", "ALFA", "00", "HHZ") == (
            record.header.network,
            record.header.station,
            record.header.location,
            record.header.channel,
        )
        assert wave(100, first=at * 100) == list(record.decompress())
        assert START_NS // SECOND + at == record.starttime().timestamp()
        assert int(one.dataEndTime) == round(record.endtime().timestamp() * 1_000_000)
