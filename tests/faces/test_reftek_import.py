"""`portbook reftek import` as a program: what it tells, how it leaves, that it can be stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.program import environment, portbook
from support.reftek import day_records, event, held

MAP = '[unit.9D20]\nnetwork = "XX"\nstation = "A"\nstream.1 = ["HHZ", "HHN", "HHE"]\n'


def _written(folder: Path, every: list[bytes], name: str = "in") -> Path:
    path = folder / name
    path.write_bytes(b"".join(every))
    return path


def test_it_tells_what_it_did_and_what_is_missing(tmp_path: Path) -> None:
    every = event()
    _written(tmp_path, every[:8] + every[11:])
    ended = portbook(tmp_path, "reftek", "import", "in", "--archive", "raw")

    assert (0, "") == (ended.code, ended.err)
    assert "0008-0010" in ended.out
    assert "35 packets of 1 files: 35 written, 0 were there, 0 refused" in ended.out
    assert "3 missing in 1 holes" in ended.out
    assert 35 == sum(held(tmp_path / "raw").values())


def test_json_lines_have_the_holes_and_end_with_the_summary(tmp_path: Path) -> None:
    every = event()
    _written(tmp_path, every[:8] + every[11:])
    words = ("reftek", "import", "in", "--archive", "raw")
    first = portbook(tmp_path, *words, "--jsonl").lines()
    again = json.loads(portbook(tmp_path, *words, "--json").out)

    assert ["hole", "import"] == [one["kind"] for one in first]
    assert {
        "kind": "hole",
        "unit": "9D20",
        "stream": 1,
        "event": 1,
        "first_sequence": 8,
        "last_sequence": 10,
        "packets": 3,
        "from": "2026-01-05T08:00:05.000000000Z",
        "until": "2026-01-05T08:00:07.500000000Z",
    } == first[0]
    assert (35, 0) == (first[1]["written"], first[1]["duplicates"])
    assert (0, 35) == (again["import"][0]["written"], again["import"][0]["duplicates"])
    assert 8 == again["hole"][0]["first_sequence"]


def test_day_files_are_written_beside(tmp_path: Path) -> None:
    _written(tmp_path, event())
    (tmp_path / "map.toml").write_text(MAP)
    words = ("reftek", "import", "in", "--archive", "raw", "--sds", "sds", "--station", "map.toml")
    ended = portbook(tmp_path, *words)

    assert 0 == ended.code
    assert "72 miniSEED records written, 0 were there" in ended.out
    assert 3 == len(day_records(tmp_path / "sds"))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["in", "nowhere"], 3, "nowhere: no such file"),
        (["nowhere"], 4, "nowhere: no such file"),
        (["foreign"], 4, "foreign: holds no REF TEK 130 packet"),
        (["cut"], 3, "cut inside a packet at octet 37888"),
        (["in", "--sds", "sds"], 2, "--station"),
        (["in", "--sds", "sds", "--station", "nowhere"], 4, "nowhere: No such file"),
        (["in", "--sds", "sds", "--station", "in"], 2, "in: "),
        (["in", "--min-free-gb", "99999999"], 4, "must stay so"),
        (["raw/x"], 2, "which is being written"),
        ([], 2, "FILE_OR_FOLDER"),
    ],
)
def test_it_leaves_as_every_command_does(
    tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    _written(tmp_path, event())
    _written(tmp_path, [*event()[:-1], event()[-1][:100]], "cut")
    (tmp_path / "foreign").write_text("a text\n" * 300)
    (tmp_path / "raw").mkdir()
    ended = portbook(tmp_path, "reftek", "import", *words, "--archive", "raw")

    assert code == ended.code
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_it_needs_no_extra(tmp_path: Path) -> None:
    _written(tmp_path, event())
    for name in ("numpy", "pymseed"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not installed')")
    paths = os.pathsep.join([str(tmp_path), *sys.path])
    ended = portbook(tmp_path, "reftek", "import", "in", "--archive", "raw", PYTHONPATH=paths)

    assert (0, "") == (ended.code, ended.err)


def test_ctrl_c_leaves_with_130_and_the_next_run_goes_on(tmp_path: Path) -> None:
    every = event(seconds=600)
    fifo = tmp_path / "endless"
    os.mkfifo(fifo)
    running = subprocess.Popen(
        [sys.executable, "-m", "portbook", "reftek", "import", "endless", "--archive", "raw"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(tmp_path),
        cwd=tmp_path,
    )
    with open(fifo, "wb") as end:
        end.write(b"".join(every[:500]))
        end.flush()
        running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)

    assert 130 == running.returncode
    assert b"Traceback" not in err

    _written(tmp_path, every)
    ended = portbook(tmp_path, "reftek", "import", "in", "--archive", "raw")

    assert 0 == ended.code
    assert Counter(every) == held(tmp_path / "raw")


def test_two_at_a_time_are_refused(tmp_path: Path) -> None:
    from portbook.seismic.raw_archive import RawArchive

    _written(tmp_path, event())
    archive = RawArchive(tmp_path / "raw")
    ended = portbook(tmp_path, "reftek", "import", "in", "--archive", "raw")
    archive.close()

    assert 4 == ended.code
    assert "another program writes this archive" in ended.err
