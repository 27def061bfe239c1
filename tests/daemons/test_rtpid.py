"""The watchdog as a process, over a stand-in receiver that dies, hangs and lies on demand."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.program import environment
from support.sockets import linux_only
from support.watchdog import PATIENCE_S, QUICK, Watchdog, watching

from portbook.daemons.watchdog import holding
from portbook.daemons.watchdog.child import born
from portbook.daemons.watchdog.hearing import Ears, word

pytestmark = linux_only
HELLO = b"\0\1\0\0\0\0"


@pytest.fixture
def watchdog(tmp_path: Path) -> Iterator[Watchdog]:
    with watching(tmp_path) as made:
        made.serving()
        yield made


def reason(watchdog: Watchdog, number: int = 0) -> tuple[object, str]:
    end = watchdog.lines("end")[number]
    return end["what"], str(end["why"])


def test_a_receiver_that_is_killed_is_replaced_and_the_reason_is_written_down(
    watchdog: Watchdog,
) -> None:
    before = watchdog.serving()
    os.kill(before, signal.SIGKILL)
    after = watchdog.serving(2)

    assert before != after
    what, why = reason(watchdog)
    assert "died" == what
    assert "SIGKILL" in why
    assert HELLO == watchdog.asks()


def test_no_connection_is_refused_and_no_datagram_lost_while_the_receiver_is_away(
    tmp_path: Path,
) -> None:
    (tmp_path / "fragile").touch()  # every start fails: it is away all the time
    with watching(tmp_path) as watchdog:
        watchdog.says("ended with exit code 3", 2)
        clients = [
            socket.create_connection(watchdog.addresses["clients"], PATIENCE_S) for _ in range(200)
        ]
        for number in range(100):
            watchdog.send(b"packet %d" % number)
        (tmp_path / "fragile").unlink()
        watchdog.serving()
        for client in clients:
            client.settimeout(PATIENCE_S)
            client.sendall(HELLO)
            assert HELLO == client.recv(6)
            client.close()
        watchdog.send(b"last")
        watchdog.asks()
        os.kill(watchdog.serving(), signal.SIGTERM)
        watchdog.says("ended: it stopped|ended with exit code 0")

    assert [b"packet %d" % number for number in range(100)] == watchdog.got()[:100]


def test_a_hanging_receiver_is_ended_and_says_where_it_hung(watchdog: Watchdog) -> None:
    watchdog.send(b"do hang")
    watchdog.serving(2)

    what, why = reason(watchdog)
    assert "hangs" == what
    assert "no heartbeat" in why
    assert "in fault" in watchdog.said  # the traceback that SIGABRT made it write


def test_a_stopped_receiver_is_replaced(watchdog: Watchdog) -> None:
    os.kill(watchdog.serving(), signal.SIGSTOP)
    watchdog.serving(2)

    assert ("hangs", True) == (reason(watchdog)[0], "stopped" in reason(watchdog)[1])


def test_a_receiver_that_is_deaf_at_its_port_is_replaced_though_it_beats(
    watchdog: Watchdog,
) -> None:
    watchdog.send(b"do deaf")
    watchdog.serving(2)

    assert "silent" == reason(watchdog)[0]
    assert HELLO == watchdog.asks()


def test_a_receiver_that_leaves_datagrams_waiting_is_replaced_and_they_are_read(
    watchdog: Watchdog,
) -> None:
    watchdog.send(b"do numb")
    watchdog.send(b"one that waits")
    watchdog.serving(2)
    watchdog.asks()

    assert "waiting" == reason(watchdog)[0]
    assert "octets wait" in reason(watchdog)[1]
    assert b"one that waits" in watchdog.got()


def test_a_start_that_is_never_ready_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "late").touch()
    with watching(tmp_path, limits=QUICK._replace(start_s=0.5)) as watchdog:
        watchdog.says("it was not ready")
        (tmp_path / "late").unlink()
        watchdog.serving()


def test_a_command_that_does_not_exist_is_told_and_tried_again_slowly(tmp_path: Path) -> None:
    limits = QUICK._replace(backoff_s=0.05, most_backoff_s=0.2)
    with watching(tmp_path, command=["/nonexistent"], limits=limits) as watchdog:
        watchdog.says("/nonexistent cannot be started", 6)
        watchdog.says("times in a row before it ran well")

    assert 1 == len(watchdog.lines("trouble"))


def test_what_is_asked_of_the_watchdog_is_asked_of_the_receiver(watchdog: Watchdog) -> None:
    os.kill(watchdog.pid, signal.SIGHUP)
    # the answer to a question asked later shows that the signal was handled
    while not (watchdog.folder / "reloaded").exists():
        watchdog.asks()
    os.kill(watchdog.pid, signal.SIGTERM)

    assert 0 == watchdog.ends()
    assert (watchdog.folder / "ended").exists()
    assert 1 == len(watchdog.lines("start"))


def test_the_operators_lock_keeps_a_dead_receiver_dead_until_it_is_gone(
    watchdog: Watchdog,
) -> None:
    (watchdog.folder / "locked").touch()
    watchdog.says("is locked by its operator")
    os.kill(watchdog.serving(), signal.SIGKILL)
    watchdog.says(r"rtpd \d+ ended")
    with socket.create_connection(watchdog.addresses["clients"], PATIENCE_S) as client:
        (watchdog.folder / "locked").unlink()
        watchdog.says("is watched again")
        watchdog.serving(2)
        client.settimeout(PATIENCE_S)
        client.sendall(HELLO)
        assert HELLO == client.recv(6)


def test_when_the_watchdog_is_killed_its_receiver_ends_too(watchdog: Watchdog) -> None:
    receiver = watchdog.serving()
    fd = os.pidfd_open(receiver)
    os.kill(watchdog.pid, signal.SIGKILL)

    assert select.select([fd], [], [], PATIENCE_S)[0]
    os.close(fd)
    assert -signal.SIGKILL == watchdog.ends()


def test_a_second_watchdog_of_a_folder_takes_over_from_a_killed_one(tmp_path: Path) -> None:
    def hold() -> int:
        return holding.take(str(tmp_path)).fd

    with watching(tmp_path, prepare=hold) as first:
        receiver = first.serving()
        os.kill(receiver, signal.SIGSTOP)  # it will not end by itself when its parent dies
        os.kill(first.pid, signal.SIGKILL)
        first.ends()
        assert born(receiver)
        taken = holding.take(str(tmp_path), within_s=0.3)

        assert "" == born(receiver)
        taken.close()


def test_a_second_watchdog_of_a_folder_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    with watching(tmp_path, prepare=lambda: holding.take(str(tmp_path)).fd) as first:
        first.serving()
        with pytest.raises(
            ValueError, match=f"a watchdog has this folder already, pid {first.pid}"
        ):
            holding.take(str(tmp_path))


def test_systemd_hears_that_the_watchdog_itself_is_alive(tmp_path: Path) -> None:
    ears = Ears()
    more = {"NOTIFY_SOCKET": ears.address, "WATCHDOG_USEC": "300000"}
    with watching(tmp_path, **more) as watchdog:
        watchdog.serving()
        told: list[dict[str, str]] = []
        while not any("serves" in one.get("STATUS", "") for one in told):
            assert select.select([ears], [], [], PATIENCE_S)[0]
            told += ears.take(watchdog.pid)
    ears.close()

    assert word(told[0]).ready
    assert any(word(one).beat for one in told)


def test_alarms_are_told_once_when_set_and_once_when_cleared(tmp_path: Path) -> None:
    told = tmp_path / "told"
    code = f"import sys; open({str(told)!r}, 'a').write(sys.stdin.read() + '\\n'); print('told')"
    tell = [sys.executable, "-c", code + "; sys.stderr.write('it was told\\n')"]
    limits = QUICK._replace(calm_s=0.5)
    with watching(tmp_path, tell=tell, limits=limits) as watchdog:
        os.kill(watchdog.serving(), signal.SIGKILL)
        os.kill(watchdog.serving(2), signal.SIGKILL)
        watchdog.serving(3)
        watchdog.says("it was told", 2)

    first, second = told.read_text().splitlines()
    assert '"set": {"key": "restart"' in first
    assert '{"clear": "restart"}' == second


def test_it_stays_small(watchdog: Watchdog) -> None:
    with open(f"/proc/{watchdog.pid}/status", encoding="ascii") as file:
        told = dict(line.split(":", 1) for line in file)

    assert int(told["VmRSS"].split()[0]) < 20_000  # kB, an interpreter with nothing has 9,000
    assert 1 == int(told["Threads"])


def test_it_imports_no_settings_and_nothing_heavy(tmp_path: Path) -> None:
    code = "import sys, portbook.daemons.watchdog.rtpid; print(*sorted(sys.modules))"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=environment(tmp_path),
    )
    loaded = set(ended.stdout.split())

    assert not loaded & {
        "asyncio",
        "msgspec",
        "subprocess",
        "logging",
        "click",
        "pathlib",
        "ctypes",
    }
