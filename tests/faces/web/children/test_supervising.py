"""Whoever starts a child hears it out, whatever it says, and makes sure that it ends."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import psutil
import pytest

from portbook.faces.web.children import supervising
from portbook.faces.web.children.bounds import Bounds
from portbook.faces.web.children.supervising import Ended, environment
from portbook.faces.web.children.telling import LONGEST_LINE, Said


def run(
    monkeypatch: pytest.MonkeyPatch, code: str, *, seconds: float | None = 30, stop: bool = False
) -> tuple[Ended, list[Said]]:
    """Run code in place of a child."""
    monkeypatch.setattr(supervising, "_PYTHON", (sys.executable, "-c", code))
    heard: list[Said] = []

    async def play() -> Ended:
        stopped = asyncio.Event()

        def hear(said: Said) -> None:
            heard.append(said)
            if stop:
                stopped.set()

        return await supervising.run("reading", (), Bounds(seconds=seconds), hear, stopped)

    others = psutil.Process().children()  # of other tests: servers, browsers
    ended = asyncio.run(play())
    assert [] == [one for one in psutil.Process().children() if one not in others]
    return ended, heard


def test_what_is_no_message_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    code = r"""
import sys
out = sys.stdout.buffer
out.write(b'\xff\xfe\n{\n[1]\n{"kind":"said","done":7}\n{"kind":"said","step":3}\n\n')
out.write(b'{"kind":"said","done":0.5,"more":1}\n')
out.write(b'{"kind":"said","problem":"unended"}')
"""
    ended, heard = run(monkeypatch, code)

    assert Ended(0, False, "") == ended
    assert [0.5, None] == [one.done for one in heard]
    assert "unended" == heard[-1].problem


def test_a_line_without_an_end_ends_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    code = f"import sys\nwhile True: sys.stdout.write('x' * {LONGEST_LINE})"
    ended, heard = run(monkeypatch, code)

    assert -signal.SIGKILL == ended.code
    assert [] == heard


def test_of_a_long_complaint_the_last_line_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    code = r"""
import sys
sys.stderr.write('spam ' * 10**6 + '\nMemoryError: the end\n\n')
sys.exit(9)
"""
    ended, _ = run(monkeypatch, code)

    assert Ended(9, False, "MemoryError: the end") == ended


def test_a_child_that_closes_its_output_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import os, time\nos.close(1)\nos.close(2)\ntime.sleep(99)"
    ended, _ = run(monkeypatch, code, seconds=1)

    assert Ended(-signal.SIGKILL, True, "") == ended


def test_a_child_that_is_told_to_end_may_do_so_in_good_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = """
import sys
print('{"kind":"said","step":"listening"}', flush=True)
sys.stdin.read()
print('{"kind":"said","problem":"last words"}')
"""
    ended, heard = run(monkeypatch, code, seconds=None, stop=True)

    assert Ended(0, False, "") == ended
    assert "last words" == heard[-1].problem


def test_a_child_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "GRACE_S", 0.2)
    code = """
import time
print('{"kind":"said","step":"listening"}', flush=True)
time.sleep(99)
"""
    ended, _ = run(monkeypatch, code, seconds=None, stop=True)

    assert -signal.SIGKILL == ended.code


def test_what_cannot_be_started_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(supervising, "_PYTHON", (str(tmp_path / "none"),))

    async def play() -> None:
        await supervising.run("reading", (), Bounds(), lambda said: None, asyncio.Event())

    with pytest.raises(OSError, match="none"):
        asyncio.run(play())


def test_no_secret_is_passed_on() -> None:
    own = {"PATH": "/bin", "PORTBOOK_TOKEN": "secret", "AWS_SECRET": "secret", "home": "x"}

    assert {"PATH": "/bin", "home": "x"} == environment(own)
