"""`portbook reftek` as it is used: the real program on recordings, whole, cut, mixed, foreign."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import CAPTURES, needs_captures
from support.program import environment, portbook
from support.recorded import NANO, Recorder, changed, health


def written(folder: Path, made: list[bytes], name: str = "night.rt130") -> Path:
    path = folder / name
    path.write_bytes(b"".join(made))
    return path


def test_show_tells_events_channels_pictures_and_health(tmp_path: Path) -> None:
    made = [*Recorder().event_of(3), health("9ABC", 0, "325:05:00:00 CLOCK IS LOCKED\r\n")]
    ended = portbook(tmp_path, "reftek", "show", written(tmp_path, made))

    assert (0, "") == (ended.code, ended.err)
    for told in ("Events (1)", "Channels (3)", "Waveforms (3)", "█", "CLOCK IS LOCKED", "TEST"):
        assert told in ended.out
    assert ended.out.endswith(
        "12 packets in 1 file (9 DT, 1 EH, 1 ET, 1 SH); 900 samples; nothing is missing\n"
    )


def test_a_gap_and_a_set_clock_are_told_apart(tmp_path: Path) -> None:
    recorder = Recorder()
    made = [recorder.header(), *recorder.round(), *recorder.round(), *recorder.round()]
    recorder.now_ns -= 610_000_000
    made += [*recorder.round(), recorder.header("ET")]
    ended = portbook(tmp_path, "reftek", "check", written(tmp_path, made[:5] + made[6:]))

    assert 1 == ended.code
    assert 3 == ended.out.count("clock was set")
    assert "0005-0005" in ended.out
    assert 1 == ended.out.count("\ngap ")
    assert "1 packet missing in 1 hole" in ended.out


def test_check_is_content_with_what_is_whole(tmp_path: Path) -> None:
    recorder = Recorder()
    made = [recorder.header(), *recorder.round()]
    recorder.now_ns += NANO
    made += [*recorder.round(), recorder.header("ET")]
    ended = portbook(tmp_path, "reftek", "check", written(tmp_path, made))

    assert 0 == ended.code
    assert "3 clock steps; nothing is missing" in ended.out


def test_records_are_those_of_the_contract(tmp_path: Path) -> None:
    made = Recorder().event_of(3)
    path = written(tmp_path, made[:5] + made[6:])
    lines = portbook(tmp_path, "reftek", "show", path, "--jsonl", "--packets").lines()
    whole = json.loads(portbook(tmp_path, "reftek", "show", path, "--json").out)

    kinds = {one["kind"] for one in lines}
    assert {"packet", "event", "segment", "break", "hole", "recording"} == kinds
    assert kinds - {"packet"} == whole.keys()
    (hole,) = whole["hole"]
    assert (5, 5, 1, "2023-11-14T22:13:21.000000000Z") == (
        hole["first_sequence"],
        hole["last_sequence"],
        hole["packets"],
        hole["from"],
    )
    assert ["placed", "first", "first"] == [one["became"] for one in lines[:3]]


def test_check_tells_only_troubles(tmp_path: Path) -> None:
    made = Recorder().event_of(3)
    made[4] = changed(made[4], 75, b"\0")
    ended = portbook(tmp_path, "reftek", "check", written(tmp_path, made), "--jsonl")

    assert 1 == ended.code
    assert ["break", "oddity", "recording"] == [one["kind"] for one in ended.lines()]
    assert "last-sample-mismatch" == ended.lines("oddity")[0]["name"]


def test_a_cut_file_leaves_with_3_and_a_cut_one_with_holes_with_1(tmp_path: Path) -> None:
    made = Recorder().event_of(3)
    cut = written(tmp_path, [*made, made[0][:500]])
    holed = written(tmp_path, [*made[:3], *made[6:], made[0][:500]], "holed")

    for command in ("show", "check"):
        ended = portbook(tmp_path, "reftek", command, cut)
        assert 3 == ended.code
        assert "ends inside a packet: 500 octets" in ended.err
    assert 1 == portbook(tmp_path, "reftek", "check", holed).code


def test_nothing_readable_leaves_with_4_part_of_it_with_3(tmp_path: Path) -> None:
    good = written(tmp_path, Recorder().event_of(1))
    text = tmp_path / "notes.txt"
    text.write_text("nothing here")

    assert 4 == portbook(tmp_path, "reftek", "show", text, tmp_path / "absent").code
    ended = portbook(tmp_path, "reftek", "show", good, text)
    assert 3 == ended.code
    assert "notes.txt: holds no REF TEK 130 packet" in ended.err


@needs_captures
def test_an_rt_125a_recording_is_refused_by_name(tmp_path: Path) -> None:
    ended = portbook(tmp_path, "reftek", "check", CAPTURES / "reftek" / "I2183RAW.TRD")

    assert 4 == ended.code
    assert "RT-125A, another instrument" in ended.err


@needs_captures
def test_the_real_file_is_whole_but_for_its_clock(tmp_path: Path) -> None:
    ended = portbook(tmp_path, "reftek", "check", CAPTURES / "reftek" / "225051000_00008656")

    assert 0 == ended.code
    assert "20400 samples; 5 clock steps; nothing is missing" in ended.out


def test_text_of_a_recorder_cannot_steer_a_terminal(tmp_path: Path) -> None:
    made = [health("9ABC", 0, "325:05:00:00 \x1b[2Jgone\r\n")]
    ended = portbook(tmp_path, "reftek", "show", written(tmp_path, made))

    assert "\x1b" not in ended.out
    assert "gone" in ended.out


def test_a_long_table_is_cut_and_says_so(tmp_path: Path) -> None:
    recorder = Recorder()
    path = written(tmp_path, [one for _ in range(30) for one in recorder.event_of(1, samples=5)])

    assert "… and 10 more; --all shows them" in portbook(tmp_path, "reftek", "show", path).out
    assert "more; --all" not in portbook(tmp_path, "reftek", "show", path, "--all").out


def test_what_is_not_installed_is_named(tmp_path: Path) -> None:
    (tmp_path / "pymseed.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'pymseed'\", name='pymseed')"
    )
    path = written(tmp_path, Recorder().event_of(1))
    variables = environment(tmp_path)
    variables["PYTHONPATH"] = f"{tmp_path}:{variables['PYTHONPATH']}"
    ended = subprocess.run(
        [sys.executable, "-m", "portbook", "reftek", "show", path],
        env=variables,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 2 == ended.returncode
    assert "install portbook[seismic]" in ended.stderr


@pytest.mark.parametrize("words", [["reftek"], ["reftek", "show"], ["reftek", "check"]])
def test_help_loads_nothing_heavy(tmp_path: Path, words: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "portbook", *words, "--help"],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    loaded = {line.rsplit(b"|", 1)[-1].strip() for line in ended.stderr.splitlines()}

    assert set() == {b"numpy", b"pymseed", b"rich"} & loaded
    assert b"portbook reftek" in ended.stdout
