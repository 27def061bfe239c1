"""The evaluation of names: what it counts on captures of our own making, and on a few real ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import CAPTURES, needs_captures, needs_tshark

from portbook.emulators.frames import Frame, Host, TcpTalk, pcap

PROGRAM = Path(__file__).resolve().parents[2] / "benchmarks" / "accuracy.py"
ONE = Host("10.40.0.1", "02:00:00:00:40:01")
TWO = Host("10.40.0.2", "02:00:00:00:40:02")
QUESTION = bytes.fromhex("0001 0000 0006 01 03 0000 0001")
ANSWER = bytes.fromhex("0001 0000 0005 01 03 02 002a")
WEB = b"GET / HTTP/1.1\r\nHost: plc\r\n\r\n"
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
DNS = bytes.fromhex("1234 0100 0001 0000 0000 0000 03706c63 00 0001 0001")
# a name that stands in no test, put together only when one runs
UNSEEN = "".join(("apart", "-from-", "all", ".pcap"))
README = "| own.pcap | 1 | pcap | 9 | unlabelled udp/53: 9 conv; x-own udp/40200: 1 conv |\n"


def captures(folder: Path) -> Path:
    """Write a capture with a README: Modbus, HTTP on its port and on Modbus's, DNS, and noise."""
    frames: list[Frame] = []
    for number, (port, asked, told) in enumerate(
        ((502, QUESTION, ANSWER), (80, WEB, PAGE), (502, WEB, PAGE), (50502, QUESTION, ANSWER))
    ):
        talk = TcpTalk(ONE, 40000 + number, TWO, port, start_ns=number * 10**9)
        frames += talk.to_server(asked).to_client(told).close()
    for number, (port, payload) in enumerate(((53, DNS), (53, b"XXX"), (40200, b"?"))):
        octets = ONE.datagram(40100 + number, TWO, port, payload)
        frames.append(Frame((10 + number) * 10**9, octets))
    folder.mkdir()
    (folder / "own.pcap").write_bytes(pcap(frames))
    lone = [Frame(0, ONE.datagram(40900, TWO, 53, DNS))]
    (folder / UNSEEN).write_bytes(pcap(lone))
    (folder / "README.md").write_text(README)
    return folder


def run(folder: Path, cache: Path, *words: str, path: str | None = None) -> Any:
    environment = {**os.environ, **({"PATH": path} if path is not None else {})}
    return subprocess.run(
        [sys.executable, PROGRAM, "--captures", folder, "--cache", cache, *words],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env=environment,
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    home = tmp_path_factory.mktemp("accuracy")
    done = run(captures(home / "captures"), home / "cache.json", "--json")
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


def line(told: Any, protocol: str, group: str = "tuned") -> Any:
    return next(one for one in told["protocols"][group] if one["protocol"] == protocol)


def goal(told: Any, words: str) -> Any:
    return next(one for one in told["goals"] if words in one["what"])


@needs_tshark
@pytest.mark.tshark
def test_each_name_is_counted_beside_that_of_tshark(told: Any) -> None:
    modbus, http = line(told, "modbus"), line(told, "http")

    assert 8 == told["conversations"]
    assert (1, 1.0, 1.0) == (modbus["truly"], modbus["ours"]["recall"], modbus["tshark"]["recall"])
    assert 1.0 == modbus["confirmed"]["precision"]
    assert (2, 2) == (http["truly"], http["confirmed"]["right"])
    assert goal(told, "precision of CONFIRMED")["met"]


@needs_tshark
@pytest.mark.tshark
def test_what_is_silent_of_a_name_by_the_port_stands_in_the_confusion(told: Any) -> None:
    (three,) = [one for one in told["disagreements"] if one["tshark"] == "dns"]

    assert ("dns", "tshark", None) == (three["truth"], three["by"], three["ours"])
    assert {"truth": "dns", "ours": None, "confidence": None, "times": 1} in told["confusion"]
    assert 1 == line(told, "dns")["ours"]["silent"]
    assert goal(told, "of all that tshark names correctly")["met"] is False


@needs_tshark
@pytest.mark.tshark
def test_what_only_the_readme_says_is_true(told: Any) -> None:
    assert {"truth": "x-own", "ours": None, "confidence": None, "times": 1} in told["confusion"]


@needs_tshark
@pytest.mark.tshark
def test_a_name_that_nobody_else_knows_is_not_counted_as_right(told: Any) -> None:
    (moved,) = [one for one in told["disagreements"] if " 50502" in one["conversation"]]

    assert (None, "modbus", None) == (moved["truth"], moved["ours"], moved["tshark"])
    assert moved["tshark_when_told"] is True
    assert (1, 1) == (line(told, "modbus")["alone"], line(told, "modbus")["ours"]["right"])
    assert goal(told, "judged by a witness or by hand")["met"] is False


@needs_tshark
@pytest.mark.tshark
def test_captures_that_no_test_names_stand_apart(told: Any) -> None:
    assert ["dns"] == [one["protocol"] for one in told["protocols"]["unseen"]]
    assert 1 == line(told, "dns", "unseen")["ours"]["right"]


def test_without_tshark_its_labels_are_not_measured(tmp_path: Path) -> None:
    done = run(captures(tmp_path / "captures"), tmp_path / "cache.json", path=str(tmp_path))

    assert not done.returncode, done.stderr
    assert "tshark: not measured" in done.stdout
    assert "not measured  recall of all that tshark names correctly" in done.stdout
    assert "tshark is not installed" in done.stderr


def test_without_captures_one_line_says_so(tmp_path: Path) -> None:
    done = run(tmp_path / "nowhere", tmp_path / "cache.json")

    assert (2, "") == (done.returncode, done.stdout)
    assert "skipped: no captures" in done.stderr
    assert 1 == len(done.stderr.splitlines())


@needs_captures
@needs_tshark
@pytest.mark.shared
@pytest.mark.tshark
@pytest.mark.parametrize("word", ["c37118", "dnp3", "fins", "rocplus"])
def test_no_confirmed_name_of_a_real_capture_is_wrong(word: str, tmp_path: Path) -> None:
    done = run(CAPTURES, tmp_path / "cache.json", "--json", "--only", word)
    told = json.loads(done.stdout)

    assert goal(told, "precision of CONFIRMED")["met"], told["confusion"]
    assert goal(told, "judged by a witness or by hand")["met"]
    assert goal(told, "of plant protocols")["met"] is not False
    assert goal(told, "prefilter")["met"]
