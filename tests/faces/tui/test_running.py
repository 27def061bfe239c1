"""The full screen as a process on a terminal of its own: drawn, driven, left, given back."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("textual", reason="textual, the extra portbook[tui], is absent")
if sys.platform == "win32":
    pytest.skip("terminals of one's own are made by pty, which Windows has not", True)

import fcntl
import pty
import select
import termios

from support.program import environment, portbook
from support.veth import needs_veth, pair, send

from portbook.emulators import plant

ENTER_SCREEN, LEAVE_SCREEN = "\x1b[?1049h", "\x1b[?1049l"
PATIENCE_S = 20.0
CAP_NET_RAW = 13
COLOUR = re.compile(r"\x1b\[[0-9;]*\b(?:3[0-7]|9[0-7]|4[0-7]|10[0-7]|38|48)\b[0-9;]*m")
REVERSE = re.compile(r"\x1b\[(?:[0-9;]*;)?7(?:;[0-9;]*)?m")


class Terminal:
    """A terminal with a program on it."""

    def __init__(
        self,
        home: Path,
        *words: str,
        size: tuple[int, int] = (80, 24),
        program: tuple[str, ...] = ("-m", "portbook"),
        **more: str,
    ) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(theirs)
        self._theirs = theirs
        self.process = subprocess.Popen(
            [sys.executable, *program, *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=home,
            env=environment(home, **{"TERM": "xterm-256color", **more}),
            start_new_session=True,
        )
        self.told = ""

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, words: str, begin: int = 0) -> int:
        """Read until the words were written behind that place; return where they end."""
        ends = time.monotonic() + PATIENCE_S
        while words not in self.told[begin:]:
            assert time.monotonic() < ends, f"{words!r} never came: {self.told[begin:][-3000:]!r}"
            self._read(ends)
        return begin + self.told[begin:].index(words) + len(words)

    def type(self, keys: str) -> int:
        """Type keys; return how much was written until then."""
        os.write(self._ours, keys.encode())
        return len(self.told)

    def end(self) -> int:
        """Read until the program has ended; return its exit code."""
        ends = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < ends, "it never ended"
            self._read(time.monotonic() + 0.1)
        while self._read(time.monotonic() + 0.1):
            pass
        return self.process.returncode

    def stopped(self) -> None:
        """Wait until the program is stopped."""
        told = os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)
        assert told is not None
        assert os.CLD_STOPPED == told.si_code

    def may_capture(self) -> bool:
        """Tell whether any thread of the program holds the right to capture."""
        states = Path(f"/proc/{self.process.pid}/task").glob("*/status")
        held = [re.search(r"CapEff:\s*([0-9a-f]+)", one.read_text()) for one in states]
        assert len(held) > 2
        return any(one is None or int(one[1], 16) >> CAP_NET_RAW & 1 for one in held)

    def given_back(self) -> bool:
        """Tell whether the terminal is as it was: its modes, and the screen that was there."""
        same = termios.tcgetattr(self._theirs) == self.before
        return same and self.told.rindex(LEAVE_SCREEN) > self.told.rindex(ENTER_SCREEN)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)
        os.close(self._theirs)

    def _read(self, ends: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], max(0.0, ends - time.monotonic()))
        if ready:
            self.told += os.read(self._ours, 1 << 16).decode(errors="replace")
        return bool(ready)


@contextlib.contextmanager
def on_terminal(home: Path, *words: str, **more: Any) -> Iterator[Terminal]:
    terminal = Terminal(home, *words, **more)
    try:
        yield terminal
    finally:
        terminal.close()


def test_the_machine_is_shown_and_q_leaves_with_0(tmp_path: Path) -> None:
    with on_terminal(tmp_path, "top") as terminal:
        terminal.until("this machine")
        terminal.until("none is kept")
        seen = terminal.type("7")
        terminal.until("Listeners", seen)
        terminal.type("q")
        assert 0 == terminal.end()
        assert terminal.given_back()
        assert re.search(r"\d+ sockets; \d+ findings", terminal.told.split(LEAVE_SCREEN)[-1])


@pytest.mark.parametrize("how", ["ctrl-c", "SIGTERM", "SIGINT", "SIGHUP"])
def test_whatever_ends_it_gives_the_terminal_back_and_leaves_with_0(
    tmp_path: Path, how: str
) -> None:
    with on_terminal(tmp_path, "top") as terminal:
        terminal.until("What is new")
        if how == "ctrl-c":
            terminal.type("\x03")
        else:
            terminal.process.send_signal(signal.Signals[how])
        assert 0 == terminal.end()
        assert terminal.given_back()


def test_a_time_ends_it(tmp_path: Path) -> None:
    with on_terminal(tmp_path, "top", "--for", "1s") as terminal:
        assert 0 == terminal.end()
        assert terminal.given_back()


FAILING = """
from support.topped import Told, story
from portbook.faces.tui.running import show
class Failing(Told):
    def look(self):
        if self.asked:
            raise ZeroDivisionError("a fault of ours")
        return super().look()
raise SystemExit(show(Failing(story()), "eth1"))
"""


def test_a_fault_of_ours_gives_the_terminal_back_and_is_told(tmp_path: Path) -> None:
    with on_terminal(tmp_path, program=("-c", FAILING)) as terminal:
        terminal.until("What is new")
        terminal.type("2")
        assert 1 == terminal.end()
        assert terminal.given_back()
        assert "a fault of ours" in terminal.told.split(LEAVE_SCREEN)[-1]


def test_stopping_and_going_on_gives_the_terminal_back_and_takes_it_again(tmp_path: Path) -> None:
    with on_terminal(tmp_path, "top") as terminal:
        terminal.until("What is new")
        seen = terminal.type("\x1a")
        seen = terminal.until(LEAVE_SCREEN, seen)
        assert terminal.given_back()
        terminal.stopped()
        terminal.process.send_signal(signal.SIGCONT)
        seen = terminal.until(ENTER_SCREEN, seen)
        terminal.until("What is new", seen)
        terminal.type("q")
        assert 0 == terminal.end()
        assert terminal.given_back()


def test_another_size_is_drawn_anew(tmp_path: Path) -> None:
    with on_terminal(tmp_path, "top") as terminal:
        terminal.until("Announ.")
        assert "Announcements" not in terminal.told
        terminal.resize(120, 40)
        terminal.process.send_signal(signal.SIGWINCH)
        terminal.until("Announcements")


def test_no_colour_means_no_colour(tmp_path: Path) -> None:
    with on_terminal(tmp_path, "top", NO_COLOR="1") as terminal:
        terminal.until("What is new")
        terminal.type("q")
        assert 0 == terminal.end()
        assert not COLOUR.findall(terminal.told)
        assert REVERSE.search(terminal.told)  # the cursor is seen all the same


def test_sixteen_colours_are_enough(tmp_path: Path) -> None:
    with on_terminal(tmp_path, "top", TERM="xterm", COLORTERM="") as terminal:
        terminal.until("What is new")
        terminal.type("q")
        terminal.end()
        assert "38;2;" not in terminal.told
        assert "48;2;" not in terminal.told


@pytest.mark.parametrize("words", [("top",), ("top", "lo"), ("watch", "lo", "--full")])
def test_without_a_terminal_it_refuses_and_names_what_works(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    ended = portbook(tmp_path, *words)

    assert (2, "") == (ended.code, ended.out)
    assert "needs a terminal, and stdin is none" in ended.err
    assert "portbook watch" in ended.err


def test_a_terminal_that_cannot_be_drawn_on_is_refused(tmp_path: Path) -> None:
    with on_terminal(tmp_path, "top", TERM="dumb") as terminal:
        assert 2 == terminal.end()
        assert "TERM says that this one cannot" in terminal.told.replace("\r\n", "")


def test_json_and_a_screen_exclude_each_other(tmp_path: Path) -> None:
    ended = portbook(tmp_path, "watch", "lo", "--full", "--jsonl")

    assert 2 == ended.code
    assert "leave --json and --jsonl out" in ended.err


def test_a_missing_textual_names_the_extra(tmp_path: Path) -> None:
    (tmp_path / "textual.py").write_text("raise ModuleNotFoundError(name='textual')\n")
    with on_terminal(tmp_path, "top", PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path])) as it:
        assert 2 == it.end()
        assert "install portbook[tui]" in it.told.replace("\r\n", "")


def test_a_book_that_is_none_is_said_before_the_screen_opens(tmp_path: Path) -> None:
    (tmp_path / "no.book").write_text("this is no book at all, but a text of some length" * 50)
    with on_terminal(tmp_path, "top", "--book", "no.book") as terminal:
        assert 4 == terminal.end()
        assert "no.book" in terminal.told
        assert ENTER_SCREEN not in terminal.told


@needs_veth
@pytest.mark.root
@pytest.mark.parametrize("words", [("top", "right"), ("watch", "right", "--full")])
def test_what_an_interface_carries_is_shown_as_it_comes(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    frames = [one.octets for one in plant.frames()]
    with pair(), on_terminal(tmp_path, *words, "--fail-on", "error", size=(120, 40)) as terminal:
        terminal.until("listening")
        send(frames)
        terminal.until("PB301")
        assert not terminal.may_capture()
        terminal.until("optommp")
        seen = terminal.type("2")
        terminal.until("10.20.0.60:2001", seen)
        seen = terminal.type("/host:10.20.0.21\r")
        terminal.until("1 of 10", seen)
        seen = terminal.type("\r")
        terminal.until("Reasons for", seen)
        seen = terminal.type("\x1b")
        terminal.until("clients", seen)
        terminal.type("q")
        assert 1 == terminal.end()  # a finding at or above --fail-on
        assert terminal.given_back()
        left = terminal.told.split(LEAVE_SCREEN)[-1]
        assert f"{len(frames)} packets, 20 conversations" in left
        assert "no packet lost; 4 findings" in left


@needs_veth
@pytest.mark.root
def test_an_interface_that_goes_down_is_said_and_leaves_with_4(tmp_path: Path) -> None:
    with pair(), on_terminal(tmp_path, "top", "right", size=(120, 40)) as terminal:
        terminal.until("listening")
        subprocess.run(["ip", "link", "set", "right", "down"], check=True)
        terminal.until("the interface is down")
        terminal.type("q")
        assert 4 == terminal.end()
        assert "went down" in terminal.told.split(LEAVE_SCREEN)[-1]


def test_a_port_page_imports_neither_textual_nor_rich(tmp_path: Path) -> None:
    code = "import sys; sys.argv=['portbook']; from portbook.faces.cli.program import run;"
    code += "run(['1743']); bad = {'textual', 'rich'} & set(sys.modules); assert not bad, bad"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(tmp_path), capture_output=True, check=False
    )

    assert 0 == done.returncode, done.stderr.decode()
