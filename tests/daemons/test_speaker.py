"""The receiver's voice: the log at once, each alarm once, over restarts too."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portbook.daemons.configuration.settings import Alarms as AlarmSettings
from portbook.daemons.voices.log import Log
from portbook.daemons.voices.speaker import Speaker
from portbook.records import Level

SECOND = 1_000_000_000


class Clock:
    """Time that goes on when told."""

    now_ns = 1_800_000_000 * SECOND

    def __call__(self) -> int:
        return self.now_ns


@contextmanager
def _speaking(folder: Path, stream: io.StringIO, clock: Clock) -> Iterator[Speaker]:
    made = Speaker(Log(stream, {}), folder, AlarmSettings(file=str(folder / "told.jsonl")), clock)
    try:
        yield made
    finally:
        made.close()


def _told(folder: Path, name: str = "told.jsonl") -> list[tuple[str, str]]:
    lines = (json.loads(one) for one in (folder / name).read_text().splitlines())
    return [(one["state"], one["key"]) for one in lines]


def test_an_alarm_is_told_once_while_it_stands_and_once_when_it_is_over(tmp_path: Path) -> None:
    clock, stream = Clock(), io.StringIO()
    with _speaking(tmp_path, stream, clock) as speaker:
        for _ in range(3):
            speaker.alarm("disk:spool", "disk", "no room", level="error")
            clock.now_ns += SECOND
        (standing,) = speaker.alarms.standing()

        assert (Level.ERROR, clock.now_ns - 3 * SECOND) == (standing.level, standing.since_ns)

        for _ in range(2):
            speaker.clear("disk:spool")
        speaker.clear("never:set")

        assert [] == speaker.alarms.standing()
    assert [("set", "disk:spool"), ("cleared", "disk:spool")] == _told(tmp_path)
    assert ["error: alarm: no room [disk:spool]", "info: alarm over: no room [disk:spool]"] == [
        line.split(" ", 1)[1] for line in stream.getvalue().splitlines()
    ]


def test_an_alarm_of_before_a_restart_is_not_told_again_and_ends_as_any(tmp_path: Path) -> None:
    clock, stream = Clock(), io.StringIO()
    with _speaking(tmp_path, stream, clock) as speaker:
        speaker.alarm("silence:AE4C", "silence", "unit AE4C: silent", unit="AE4C")
    clock.now_ns += 60 * SECOND
    with _speaking(tmp_path, stream, clock) as speaker:
        assert "silence:AE4C" in speaker.alarms

        speaker.alarm("silence:AE4C", "silence", "unit AE4C: silent for longer", unit="AE4C")
        speaker.clear("silence:AE4C")
    assert [("set", "silence:AE4C"), ("cleared", "silence:AE4C")] == _told(tmp_path)


def test_what_was_over_when_it_was_known_is_told_as_such(tmp_path: Path) -> None:
    with _speaking(tmp_path, io.StringIO(), Clock()) as speaker:
        speaker.happened("restart", "restart", "it hung for 3 s")

        assert [] == speaker.alarms.standing()
    assert [("happened", "restart")] == _told(tmp_path)


def test_it_tells_in_other_ways_after_a_reload_and_counts_what_fails(tmp_path: Path) -> None:
    with _speaking(tmp_path, io.StringIO(), Clock()) as speaker:
        speaker.reload(AlarmSettings(file=str(tmp_path / "other.jsonl")))
        speaker.alarm("a", "disk", "one")

        assert speaker._telling.settled(20)
        assert 0 == speaker.untold

        speaker.reload(AlarmSettings(file=str(tmp_path / "other.jsonl" / "x")))
        speaker.alarm("b", "disk", "two")

        assert speaker._telling.settled(20)
        assert speaker.untold > 0
    assert [("set", "a")] == _told(tmp_path, "other.jsonl")
    assert not (tmp_path / "told.jsonl").exists() or [] == _told(tmp_path)


def test_a_line_is_for_the_log_alone(tmp_path: Path) -> None:
    stream = io.StringIO()
    with _speaking(tmp_path, stream, Clock()) as speaker:
        speaker.say("warning", "a line\nof a peer")

    assert stream.getvalue().endswith(" warning: a line of a peer\n")
