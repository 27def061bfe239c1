"""Documents told by a program: in order, one at a time, without waiting for it."""

from __future__ import annotations

import json
import os
import select
import sys
from pathlib import Path

from support.sockets import linux_only

from portbook.daemons.voices.messenger import LIMIT_NS, MOST, Messenger

pytestmark = linux_only


def writer(path: Path) -> list[str]:
    return [sys.executable, "-c", f"import sys; open({str(path)!r}, 'a').write(sys.stdin.read())"]


def settle(messenger: Messenger, now_ns: int = 0) -> None:
    while messenger.busy:
        messenger.step(now_ns)
        wait(messenger)


def wait(messenger: Messenger) -> None:
    pid = messenger._child.pid
    if pid:
        fd = os.pidfd_open(pid)
        assert select.select([fd], [], [], 20)[0]
        os.close(fd)


def test_documents_are_told_in_their_order(tmp_path: Path) -> None:
    messenger = Messenger(writer(tmp_path / "told"), dict(os.environ))
    for number in range(3):
        messenger.tell({"n": number})
    settle(messenger)

    assert '{"n": 0}{"n": 1}{"n": 2}' == (tmp_path / "told").read_text()
    assert 0 == messenger.failed


def test_more_than_can_wait_push_out_the_oldest(tmp_path: Path) -> None:
    messenger = Messenger(writer(tmp_path / "told"), dict(os.environ))
    for number in range(MOST + 2):
        messenger.tell({"n": number})
    messenger.step(0)
    wait(messenger)

    assert {"n": 2} == json.loads((tmp_path / "told").read_text())
    messenger.step(0)  # the next is running: it is collected below
    wait(messenger)


def test_a_program_that_fails_is_counted_and_the_next_is_told(tmp_path: Path) -> None:
    messenger = Messenger([sys.executable, "-c", "raise SystemExit(1)"], dict(os.environ))
    messenger.tell({})
    messenger.tell({})
    settle(messenger)

    assert 2 == messenger.failed


def test_a_program_that_never_ends_is_killed_in_the_end() -> None:
    code = "import signal; signal.pause()"
    messenger = Messenger([sys.executable, "-c", code], dict(os.environ))
    messenger.tell({})
    messenger.step(0)
    messenger.step(LIMIT_NS)
    assert messenger.busy
    messenger.step(LIMIT_NS + 1)
    wait(messenger)
    messenger.step(LIMIT_NS + 1)

    assert not messenger.busy
    assert 1 == messenger.failed


def test_without_a_command_nothing_waits() -> None:
    messenger = Messenger([], {})
    messenger.tell({"n": 1})

    assert not messenger.busy
    messenger.step(0)


def test_a_document_too_large_for_a_pipe_is_left_out_rather_than_waited_for() -> None:
    messenger = Messenger([sys.executable, "-c", ""], {})
    messenger.tell({"message": "x" * 70000})

    assert not messenger.busy
