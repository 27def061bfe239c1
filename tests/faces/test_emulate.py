"""`portbook emulate` as a program: it says what it sends, sends it, and accounts for it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from support.program import environment, portbook
from support.recorded import real_file

from portbook.protocols.reftek import packets

LOOPBACK = "127.0.0.1"


def listening() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    made.bind((LOOPBACK, 0))
    made.settimeout(0.5)
    return made


def heard(sock: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(sock.recv(2048))
        except TimeoutError:
            return found


def test_it_says_what_it_sends_sends_it_and_accounts_for_it(tmp_path: Path) -> None:
    with closing(listening()) as sock:
        to = f"{LOOPBACK}:{sock.getsockname()[1]}"
        words = ("emulate", "reftek", "--to", to, "--units", 2, "--packets", 80, "--speed", 0)
        ended = portbook(tmp_path, *words, "--jsonl")
        came = heard(sock)

    assert 0 == ended.code
    assert (
        "portbook emulate sends: 2 REF TEK recorders (9001 9002), profile clean, C0 at 100 Hz, "
        f"made up, as UDP datagrams of 1024 octets to {LOOPBACK} port {to.split(':')[1]}, as fast "
        "as it goes, 80 packets\n"
    ) == ended.err
    first, second, last = ended.lines()
    assert ["emulated", "emulated", "emulation"] == [one["kind"] for one in (first, second, last)]
    assert 80 == len(came) == last["sent"] == last["made"] == first["made"] + second["made"]
    counted = Counter((one.unit, one.type) for octets in came if (one := packets.read(octets)))
    for told in (first, second):
        assert told["packets"] == {
            kind: n for (unit, kind), n in sorted(counted.items()) if unit == told["unit"]
        }


def test_the_table_tells_the_same(tmp_path: Path) -> None:
    with closing(listening()) as sock:
        to = f"{LOOPBACK}:{sock.getsockname()[1]}"
        words = ("emulate", "reftek", "--to", to, "--packets", 60, "--speed", 0, "--loss", 0.5)
        ended = portbook(tmp_path, *words)
        came = heard(sock)

    assert 0 == ended.code
    assert f"60 packets made, {len(came)} sent, {60 - len(came)} lost" in ended.out
    assert "; the network: 50.0% lost" in ended.err
    assert "1 SC" in ended.out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--to", "192.0.2.1:2543"), "say it again: --yes 192.0.2.1"),
        (("--to", "192.0.2.1:2543", "--yes", "192.0.2.2"), "say it again: --yes 192.0.2.1"),
        (("--to", "recorder.example:2543"), "say it again: --yes recorder.example"),
        (("--serve", "0.0.0.0:0"), "say it again: --yes 0.0.0.0"),
        ((), "say where"),
        (("--to", "127.0.0.1:1", "--serve", "1"), "say where"),
        (("--to", "127.0.0.1"), "write HOST:PORT"),
        (("--to", "127.0.0.1:99999"), "write HOST:PORT"),
        (("--to", "127.0.0.1:9", "--rate", "33"), "no recorder samples at 33 Hz"),
        (("--to", "127.0.0.1:9", "--units", "0"), "units must be 1 to"),
        (("--to", "127.0.0.1:9", "--first-unit", "xyz"), "four hex digits"),
        (("--to", "127.0.0.1:9", "--record", "0"), "a second at least"),
    ],
)
def test_what_cannot_be_sent_is_not(tmp_path: Path, words: tuple[str, ...], complaint: str) -> None:
    ended = portbook(tmp_path, "emulate", "reftek", *words)

    assert 2 == ended.code
    assert complaint in ended.err
    assert "emulate sends" not in ended.err


def test_a_dry_run_counts_and_sends_nothing(tmp_path: Path) -> None:
    with closing(listening()) as sock:
        to = f"{LOOPBACK}:{sock.getsockname()[1]}"
        words = ("emulate", "reftek", "--to", to, "--for", 30, "--units", 3, "--dry-run")
        ended = portbook(tmp_path, *words, "--json")
        assert [] == heard(sock)

    assert 0 == ended.code
    assert "portbook emulate would send: 3 REF TEK recorders" in ended.err
    assert '"made":' in ended.out
    endless = portbook(tmp_path, "emulate", "reftek", "--profile", "network", "--dry-run")
    assert (0, "") == (endless.code, endless.out)
    assert "nowhere, until you stop it" in endless.err


def test_a_recording_is_replayed_and_no_other_file_is(tmp_path: Path) -> None:
    path = real_file("225051000_00008656")
    with closing(listening()) as sock:
        to = f"{LOOPBACK}:{sock.getsockname()[1]}"
        words = ("emulate", "reftek", "--to", to, "--replay", path, "--speed", 0)
        ended = portbook(tmp_path, *words, "--jsonl")
        assert path.read_bytes() == b"".join(heard(sock))
    assert {"DT": 27, "EH": 1, "ET": 1} == ended.lines("emulated")[0]["packets"]
    (tmp_path / "other").write_bytes(b"#!/bin/sh\n")
    ended = portbook(tmp_path, "emulate", "reftek", "--to", to, "--replay", "other")
    assert 4 == ended.code
    assert "does not begin with a REF TEK packet" in ended.err


def test_what_a_link_could_not_deliver_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portbook.emulators.reftek import running

    monkeypatch.setattr(running.run, "__kwdefaults__", {"finish_s": 0.1, "stopped": bool})
    with closing(listening()) as sock:
        to = f"{LOOPBACK}:{sock.getsockname()[1]}"
        from click.testing import CliRunner

        from portbook.faces.cli.commands.emulate import command

        words = ["reftek", "--to", to, "--transport", "pbl1", "--packets", "5", "--speed", "0"]
        ended = CliRunner().invoke(command, words, standalone_mode=False)

    assert 3 == ended.return_value
    assert "5 packets could not be delivered" in ended.output


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_until_it_is_stopped_and_then_accounts(tmp_path: Path, way: signal.Signals) -> None:
    with closing(listening()) as sock:
        to = f"{LOOPBACK}:{sock.getsockname()[1]}"
        running = subprocess.Popen(
            [sys.executable, "-m", "portbook", "emulate", "reftek", "--to", to],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(tmp_path),
            cwd=tmp_path,
        )
        sock.settimeout(20)
        kinds = [sock.recv(2048)[:2] for _ in range(8)]
        running.send_signal(way)
        out, err = running.communicate(timeout=20)

    assert 0 == running.returncode, err
    assert [b"SH", b"SC", b"DS", b"OM", b"AD", b"CD", b"FD", b"EH"] == kinds
    assert b"8 packets made, 8 sent" in out


def test_it_serves_programs_as_an_rtpd(tmp_path: Path) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "portbook", "emulate", "reftek", "--serve", "0", "--packets", "20"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(tmp_path),
        cwd=tmp_path,
    )
    assert running.stderr is not None
    running.stderr.readline()
    line = running.stderr.readline().decode()
    assert line.startswith("listening on 127.0.0.1 port ")
    port = int(line.split()[4].rstrip(","))
    with closing(socket.create_connection((LOOPBACK, port), 10)) as sock:
        asking = "000100000000 000b000000040000522b 00030000001c00000000 0000fffe000000ff"
        sock.sendall(bytes.fromhex(asking + "0000001e 00000001 00000000 00000000"))
        stream = b""
        while len(stream) < 6 + 10 + 34 + 8 * 1030:
            stream += sock.recv(65536)
        running.send_signal(signal.SIGINT)
        while octets := sock.recv(65536):
            stream += octets
    out, _ = running.communicate(timeout=20)

    assert stream.endswith(bytes.fromhex("000800000000"))
    assert b"SH" == stream[50 + 6 : 50 + 8]
    assert 0 == running.returncode
    assert b"packets made" in out
