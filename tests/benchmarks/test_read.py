"""The measurement of `portbook read`: what it runs, what it cannot run, what it judges by."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.knowing import NOW_NS, knowledge

from portbook.emulators.frames import (
    RAW_IP,
    Frame,
    Host,
    Interface,
    Section,
    TcpTalk,
    pcap,
    pcapng,
)
from portbook.records import Confidence
from portbook.survey import traffic
from portbook.survey.story import Story

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
CLIENT_MAC, SERVER_MAC = "02:00:00:00:40:01", "02:00:00:00:40:02"
QUESTION = bytes.fromhex("0001 0000 0006 01 03 0000 0001")
ANSWER = bytes.fromhex("0001 0000 0005 01 03 02 002a")
FEW = ("--only", "few", "--packets", "5000", "--turns", "1")


def run(name: str, *words: object, path: Path | None = None, **more: Any) -> Any:
    environment = {**os.environ, **({"PATH": str(path)} if path else {})}
    return subprocess.run(
        [sys.executable, BENCHMARKS / name, *map(str, words)],
        capture_output=True,
        timeout=90,
        check=False,
        env=environment,
        **more,
    )


def peer(folder: Path, name: str, does: str) -> Path:
    """Put a program of that name into a folder; return the folder."""
    program = folder / name
    program.write_text(f"#!/bin/sh\n{does}\n")
    program.chmod(0o755)
    return folder


def story(path: Path) -> Story:
    return traffic.read([str(path)], knowledge(), now_ns=NOW_NS)


def goals(told: Any, program: str) -> dict[str, str]:
    (one,) = told
    return {row["goal"]: row["verdict"] for row in one["goals"] if row["program"] == program}


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what imports one of the benchmark's modules."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return lambda name: __import__(name)


def test_without_peers_their_goals_are_not_shown(tmp_path: Path) -> None:
    done = run("read.py", *FEW, "--json", path=tmp_path)
    told = json.loads(done.stdout)
    verdicts = goals(told, "portbook read --json")

    assert 1 == done.returncode
    assert {"ndpiReader": "not installed", "tshark": "not installed"}.items() <= told[0][
        "missing"
    ].items()
    assert ("not measured", "not measured") == (verdicts["5x ndpiReader"], verdicts["50x tshark"])
    assert "met" == verdicts["100 MB"]
    assert 5000 == told[0]["runs"]["portbook read --json"]["packets"]


def test_a_peer_that_is_there_is_run_and_judged_by(tmp_path: Path) -> None:
    done = run("read.py", *FEW, "--json", path=peer(tmp_path, "ndpiReader", "exit 0"))
    told = json.loads(done.stdout)

    # whoever does nothing cannot be beaten
    assert "missed" == goals(told, "portbook read --json")["5x ndpiReader"]
    assert 0 < told[0]["runs"]["ndpiReader"]["seconds"]


def test_a_peer_that_fails_is_told_with_what_it_said_and_its_goals_are_not_shown(
    tmp_path: Path,
) -> None:
    does = "echo no such thing >&2; exit 7"
    done = run("read.py", *FEW, "--json", path=peer(tmp_path, "ndpiReader", does))
    told = json.loads(done.stdout)

    assert "ndpiReader ended with 7: no such thing" == told[0]["missing"]["ndpiReader"]
    assert "not measured" == goals(told, "portbook read --json")["5x ndpiReader"]


def test_a_failure_of_our_own_ends_the_measurement(parts: Any) -> None:
    runs = parts("read_runs")
    fails = runs.Program("ours", [sys.executable, "-c", "raise SystemExit('no such file')"], 1)

    with pytest.raises(runs.FailedError, match="ours ended with 1: no such file"):
        runs.turns([fails], 1, {})


def test_all_tables_of_a_page_are_renewed_or_none(tmp_path: Path) -> None:
    page = tmp_path / "speed.md"
    page.write_text("before\n<!-- table: begin -->\nold\n<!-- table: end -->\nafter\n")
    done = run("read.py", *FEW, "--into", page)

    assert (2, True) == (done.returncode, b"it renews all tables" in done.stderr)
    assert "\nold\n" in page.read_text()


def test_the_tables_name_what_is_absent(tmp_path: Path) -> None:
    done = run("read.py", *FEW, "--markdown", path=tmp_path)
    lines = done.stdout.decode().splitlines()

    assert lines[0] == "### 5,000 packets in 20 conversations"
    assert any(line.startswith("| ndpiReader | not installed |") for line in lines)
    assert any("5x ndpiReader: not measured" in line for line in lines)


def test_real_captures_are_skipped_with_a_reason_when_no_folder_is_named(tmp_path: Path) -> None:
    done = run("read.py", "--only", "mix", path=tmp_path)

    assert 1 == done.returncode
    assert b"skipped: no folder of captures" in done.stdout


def test_a_workload_that_there_is_not_is_refused() -> None:
    done = run("read.py", "--only", "fewer")

    assert 2 == done.returncode
    assert b"no workload fewer; there are few, many" in done.stderr


def test_the_plain_reader_is_what_is_measured_without_a_compiler(
    parts: Any, tmp_path: Path
) -> None:
    environment = {**os.environ, **parts("read_peers").uncompiled(tmp_path / "copy")}
    asks = "from portbook.evidence import readers as r; print(r.COMPILED, r.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", asks], env=environment, capture_output=True, text=True, check=True
    )

    assert f"False {tmp_path / 'copy'}" == done.stdout.split("/portbook/")[0]


def test_the_rounds_of_a_pipe_are_whole_and_bring_new_conversations(tmp_path: Path) -> None:
    size = ("--packets", 640, "--conversations", 64)
    done = run("read_pipe.py", "--gib", 0.0003, *size)
    path = tmp_path / "pipe.pcap"
    path.write_bytes(done.stdout)
    told = story(path)
    rounds, rest = divmod(told.summary.packets, 640)

    assert (0, 0) == (done.returncode, rest)
    assert 5 <= rounds <= 10
    assert 64 * rounds == told.summary.conversations
    assert 60 * rounds == sum(one.confidence is Confidence.CONFIRMED for one in told.conversations)
    assert not told.oddities


def captures(folder: Path) -> int:
    """Write one exchange three times, between other hosts and in other forms; return its packets.

    As Ethernet, as bare IP in the other byte order, and as pcapng with times in parts of 2**20.
    """
    three = []
    for net in (40, 80, 120):
        hosts = Host(f"10.{net}.0.1", CLIENT_MAC), Host(f"10.{net}.0.2", SERVER_MAC)
        talk = TcpTalk(hosts[0], 40000, hosts[1], 502, start_ns=10**18 + net)
        three.append(talk.to_server(QUESTION).to_client(ANSWER).close())
    one, other, third = three
    bare = [Frame(frame.time_ns, frame.octets[14:]) for frame in other]
    folder.mkdir()
    (folder / "a.pcap").write_bytes(pcap(one))
    (folder / "b.pcap").write_bytes(pcap(bare, RAW_IP, nanoseconds=True, big_endian=True))
    (folder / "c.pcapng").write_bytes(pcapng(Section(third, (Interface(resolution=0x94),))))
    (folder / "d.pcap").write_bytes(pcap(one)[:20])
    (folder / "notes.txt").write_text("no capture")
    return len(one)


def test_captures_of_several_kinds_are_joined_and_every_round_is_new(tmp_path: Path) -> None:
    packets = captures(tmp_path / "real")
    path = tmp_path / "mix.pcap"
    done = run("read_mix.py", tmp_path / "real", path, "--packets", 7 * packets)
    told = story(path)
    clients = {one.client for one in told.conversations}

    assert not done.returncode, done.stderr
    assert b"left out: 2 files without packets" in done.stderr
    assert [packets] * 7 == [one.packets for one in told.conversations]
    assert {f"10.{net}.0.1" for net in (40, 80, 120, 41, 81, 121, 42)} == clients
    assert {("modbus", 9_000_000)} == {
        (one.protocol, round(one.last_ns - one.first_ns, -5)) for one in told.conversations
    }
    assert not told.oddities


def test_a_folder_without_captures_cannot_be_joined(tmp_path: Path) -> None:
    done = run("read_mix.py", tmp_path, tmp_path / "mix.pcap")

    assert 2 == done.returncode
    assert b"no packets in captures below" in done.stderr


def test_a_cut_has_the_packets_that_were_asked_for(parts: Any, tmp_path: Path) -> None:
    files = parts("read_files")
    whole = files.traffic(tmp_path, 640, 64)
    first, rest = files.cut(whole, 200), files.cut(whole, 440, 200)

    assert (640, 200, 440) == (files.count(whole), files.count(first), files.count(rest))
    assert whole.read_bytes() == first.read_bytes() + rest.read_bytes()[24:]


def test_a_goal_is_met_at_its_ratio_and_not_shown_without_its_peer(parts: Any) -> None:
    runs = parts("read_runs")
    goal = parts("read_goals").Goal
    done = {"ours": runs.Run(1.0, 90, 1000), "peer": runs.Run(2.5, 90, 500)}

    assert "met" == goal("ours", "peer", times=5).verdict(done)
    assert "missed" == goal("ours", "peer", times=5.01).verdict(done)
    assert "not measured" == goal("ours", "absent", times=1).verdict(done)
    assert "not measured" == goal("absent", octets=90).verdict(done)
    assert ("met", "missed") == tuple(goal("ours", octets=one).verdict(done) for one in (90, 89))


def test_the_shortest_turn_counts_and_the_most_memory(
    parts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = parts("read_runs")
    told = iter([runs.Run(3.0, 10, 7), runs.Run(2.0, 30, 7), runs.Run(4.0, 20, 7)])
    monkeypatch.setattr(runs, "measured", lambda program: next(told))

    assert {"one": runs.Run(2.0, 30, 7)} == runs.turns([runs.Program("one", ["x"], 7)], 3, {})


def test_memory_is_that_of_the_program_and_its_input_comes_through_a_pipe(parts: Any) -> None:
    runs = parts("read_runs")
    takes = "import sys; big = bytearray(300 << 20); assert len(sys.stdin.buffer.read()) == 5"
    source = [sys.executable, "-c", "print('four')"]
    program = runs.Program("big", [sys.executable, "-c", takes], 1, source=source)

    assert 300 << 20 <= runs.measured(program).octets <= 400 << 20
