"""Lines for people: one an event, with a level where the journal reads them."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

import pytest

from portbook.daemons.voices.log import LEVELS, Log
from portbook.daemons.voices.voice import worth_telling


def _written(path: Path, environ: dict[str, str], *said: tuple[str, str]) -> list[str]:
    with path.open("w") as stream:
        log = Log(stream, environ)
        for level, text in said:
            log.say(level, text)
    return path.read_text().splitlines()


def test_a_line_has_time_level_and_text(tmp_path: Path) -> None:
    (line,) = _written(tmp_path / "log", {}, ("warning", "the disk is full"))

    assert line[4] == "-"
    assert line.endswith("Z warning: the disk is full")


@pytest.mark.parametrize("level", ["error", "warning", "note", "info"])
def test_the_journal_gets_the_level_and_no_time(tmp_path: Path, level: str) -> None:
    path = tmp_path / "log"
    path.touch()
    about = path.stat()
    stream = f"{about.st_dev}:{about.st_ino}"

    assert _written(path, {"JOURNAL_STREAM": stream}, (level, "x")) == [f"<{LEVELS[level]}>x"]


def test_another_stream_than_the_journals_gets_plain_lines(tmp_path: Path) -> None:
    (line,) = _written(tmp_path / "log", {"JOURNAL_STREAM": "1:2"}, ("info", "x"))

    assert not line.startswith("<")


def test_what_a_peer_calls_itself_cannot_forge_a_line(tmp_path: Path) -> None:
    (line,) = _written(tmp_path / "log", {}, ("info", "client a\n<0>b\x1b[31m\0 left"))

    assert line.endswith("client a <0>b?[31m? left")


def test_debug_is_not_shown_and_long_lines_end() -> None:
    stream = io.StringIO()
    log = Log(stream)
    log.say("debug", "x")
    log.say("info", "y" * 10_000)

    assert "x" not in stream.getvalue()
    assert len(stream.getvalue()) < 2100


def test_a_closed_stream_costs_the_line_and_nothing_else() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w")
    log = Log(stream)
    log.say("info", "nobody reads")
    with contextlib.suppress(BrokenPipeError):
        stream.close()
    log.say("info", "nor now")


def test_what_repeats_is_told_at_powers_of_ten() -> None:
    assert [n for n in range(2000) if worth_telling(n)] == [1, 10, 100, 1000]
