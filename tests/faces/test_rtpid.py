"""`portbook rtpid` over the real receiver."""

from __future__ import annotations

import json
import os
import signal
import socket
import urllib.request
from pathlib import Path

import pytest
from support.program import portbook
from support.sockets import linux_only
from support.watchdog import PATIENCE_S, Watchdog, guarded

pytestmark = linux_only

SETTINGS = """
folder = "rtpd"
[listen]
field = "127.0.0.1:0"
clients = "127.0.0.1:0"
status = "127.0.0.1:0"
[archive]
raw = "raw"
min_free_gb = 0
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "rtpd.toml"
    path.write_text(SETTINGS)
    return str(path)


def answers(watchdog: Watchdog) -> bytes:
    """Return the server's version message, which a client gets first."""
    with socket.create_connection(watchdog.addresses["clients"], PATIENCE_S) as client:
        client.settimeout(PATIENCE_S)
        client.sendall(b"\0\1\0\0\0\0")
        return client.recv(6)


def test_a_killed_receiver_is_replaced_on_the_same_ports(config: str, tmp_path: Path) -> None:
    with guarded(tmp_path, "--config", config) as watchdog:
        first = watchdog.serving()
        os.kill(first, signal.SIGKILL)
        with socket.create_connection(watchdog.addresses["clients"], PATIENCE_S) as early:
            second = watchdog.serving(2)
            early.settimeout(PATIENCE_S)
            early.sendall(b"\0\1\0\0\0\0")
            assert b"\0\1\0\0\0\0" == early.recv(6)
        status = portbook(tmp_path, "rtpid", "--config", config, "--status", "--jsonl")
        table = portbook(tmp_path, "rtpid", "--config", config, "--status")

    state, restart = status.lines()
    assert (watchdog.folder == Path(state["folder"]), second) == (True, state["receiver"])
    assert 2 == state["starts"]
    assert "died" == restart["what"]
    assert first == restart["pid"]
    assert 0 < restart["outage_s"] < PATIENCE_S
    assert "killed by SIGKILL" in table.out


def test_a_reload_reaches_the_receiver_and_an_end_ends_both(config: str, tmp_path: Path) -> None:
    with guarded(tmp_path, "--config", config) as watchdog:
        os.kill(watchdog.pid, signal.SIGHUP)
        watchdog.says("reloaded: nothing changed")
        receiver = watchdog.serving()
        os.kill(watchdog.pid, signal.SIGTERM)
        watchdog.says("ends: SIGTERM")

        assert 0 == watchdog.ends()
        with pytest.raises(ProcessLookupError):
            os.kill(receiver, 0)


def test_flags_of_a_quick_start_reach_the_receiver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--folder", "rtpd", "--archive", "kept here", "--listen", "127.0.0.1:0"]
    monkeypatch.chdir(tmp_path)
    with guarded(tmp_path, *words, "--http", "127.0.0.1:0") as watchdog:
        host, port = watchdog.addresses["status"]
        with urllib.request.urlopen(f"http://{host}:{port}/status", timeout=PATIENCE_S) as answer:
            assert "receiver" == json.load(answer)["kind"]
        told = Path(f"/proc/{watchdog.serving()}/cmdline").read_bytes().split(b"\0")

    assert b"kept here" == told[told.index(b"--archive") + 1]


def test_hands_off_means_that_a_killed_receiver_stays_dead_until_release(
    config: str, tmp_path: Path
) -> None:
    with guarded(tmp_path, "--config", config) as watchdog:
        held = portbook(tmp_path, "rtpid", "--config", config, "--hold", "a disk is replaced")
        assert 0 == held.code
        watchdog.says("is locked by its operator")
        os.kill(watchdog.serving(), signal.SIGKILL)
        watchdog.says(r"rtpd \d+ ended")
        told = portbook(tmp_path, "rtpid", "--config", config, "--status")
        assert "a disk is replaced" in told.out
        assert "no receiver" in told.out
        assert 0 == portbook(tmp_path, "rtpid", "--config", config, "--release").code
        watchdog.serving(2)
        assert b"\0\1\0\0\0\0" == answers(watchdog)


def test_a_second_watchdog_of_the_folder_is_refused(config: str, tmp_path: Path) -> None:
    with guarded(tmp_path, "--config", config) as watchdog:
        second = portbook(tmp_path, "rtpid", "--config", config)
        first = watchdog.pid

    assert 2 == second.code
    assert f"a watchdog has this folder already, pid {first}" in second.err


def test_after_a_killed_watchdog_the_next_one_takes_over(config: str, tmp_path: Path) -> None:
    with guarded(tmp_path, "--config", config) as first:
        os.kill(first.pid, signal.SIGKILL)
        first.ends()
        with guarded(tmp_path, "--config", config) as second:
            assert b"\0\1\0\0\0\0" == answers(second)


def test_status_where_nobody_watches_says_so_and_leaves_with_4(config: str, tmp_path: Path) -> None:
    ended = portbook(tmp_path, "rtpid", "--config", config, "--status")

    assert 4 == ended.code
    assert "no watchdog runs" in ended.out


def test_a_port_that_is_taken_is_told_with_who_has_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        path = tmp_path / "taken.toml"
        path.write_text(SETTINGS.replace('clients = "127.0.0.1:0"', f'clients = "{where}"'))
        ended = portbook(tmp_path, "rtpid", "--config", path)

    assert 4 == ended.code
    assert where in ended.err
    assert str(os.getpid()) in ended.err


@pytest.mark.parametrize(
    "words", [["--status", "--release"], ["--hold", "x", "--release"], ["--json"]]
)
def test_words_that_exclude_each_other_are_refused(words: list[str], tmp_path: Path) -> None:
    assert 2 == portbook(tmp_path, "rtpid", *words).code
