"""Children that are real processes."""

from __future__ import annotations

import os
import select
import signal
import sys

import pytest
from support.sockets import linux_only

from portbook.daemons.watchdog.child import NOT_STARTED, Child, born, state, without_protocols

pytestmark = linux_only


def ended(child: Child) -> int:
    """Wait for the child's end and return its status."""
    fd = os.pidfd_open(child.pid)
    assert select.select([fd], [], [], 20)[0]
    os.close(fd)
    status = child.collect()
    assert status is not None
    return status


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_its_exit_code_is_collected_once() -> None:
    child = Child()
    child.start(python("raise SystemExit(7)"), {}, dict(os.environ))

    assert 7 == ended(child)
    assert child.collect() is None
    assert 0 == child.pid


def test_a_signal_that_ended_it_is_a_negative_status() -> None:
    child = Child()
    child.start(python("import signal; signal.pause()"), {}, dict(os.environ))
    assert child.collect() is None
    child.signal(signal.SIGKILL)

    assert -signal.SIGKILL == ended(child)
    child.signal(signal.SIGKILL)  # nobody is hit by a late one


def test_a_command_that_cannot_be_run_ends_like_in_a_shell(
    capfd: pytest.CaptureFixture[str],
) -> None:
    child = Child()
    child.start(["/nonexistent/rtpd"], {}, {})

    assert NOT_STARTED == ended(child)
    assert "/nonexistent/rtpd cannot be started" in capfd.readouterr().err


def test_only_the_descriptors_meant_for_it_are_open_in_it() -> None:
    child = Child()
    reading, writing = os.pipe()
    secret = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(secret, True)  # as whoever started us may have left one
    code = (
        "import os, select, sys\n"
        "poller = select.poll()\n"
        "for fd in range(256): poller.register(fd)\n"
        "closed = {fd for fd, what in poller.poll(0) if what & select.POLLNVAL}\n"
        "told = [os.environ[f'LISTEN_{name}'] for name in ('FDS', 'FDNAMES')]\n"
        "mine = os.environ['LISTEN_PID'] == str(os.getpid())\n"
        "os.write(3, repr((told, mine, sorted(set(range(256)) - closed))).encode())"
    )
    child.start(python(code), {"field": writing}, dict(os.environ))
    os.close(writing)
    os.close(secret)
    said = os.read(reading, 500).decode()
    ended(child)
    os.close(reading)

    assert "(['1', 'field'], True, [0, 1, 2, 3])" == said


def test_it_is_told_to_end_when_its_parent_dies() -> None:
    reading, writing = os.pipe()
    ready, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        code = (
            "import os, signal, sys\n"
            "signal.signal(15, lambda *_: (os.write(3, b'told'), os._exit(0)))\n"
            "os.write(4, b'up')\n"
            "while True: signal.pause()"
        )
        Child().start(python(code), {"pipe": writing, "ready": tell}, dict(os.environ))
        signal.pause()
        os._exit(0)
    os.close(writing)
    os.close(tell)
    assert b"up" == os.read(ready, 2)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)

    assert b"told" == os.read(reading, 10)
    os.close(reading)
    os.close(ready)


def test_a_stopped_process_shows_as_stopped_and_an_ended_one_as_nothing() -> None:
    child = Child()
    child.start(python("import signal; signal.pause()"), {}, dict(os.environ))
    pid = child.pid
    child.signal(signal.SIGSTOP)
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)

    assert "T" == state(pid)
    assert born(pid) == child.born
    assert child.born.isdecimal()
    child.signal(signal.SIGKILL)
    ended(child)
    assert "" == state(pid)


def test_no_word_of_systemd_for_its_parent_reaches_it() -> None:
    told = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "1", "LISTEN_FDS": "3", "PATH": "/bin"}

    assert {"PATH": "/bin"} == without_protocols(told)
