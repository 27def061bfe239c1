"""Lines to a parent that reads slowly, or not at all, and lines from it in any pieces."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from portbook.daemons.archival.lines import MOST_LINE, Inbox, Outbox


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reads, writes = os.pipe()
    yield reads, writes
    for end in (reads, writes):
        try:
            os.close(end)
        except OSError:
            continue


def _told(reads: int, outbox: Outbox) -> list[dict[str, Any]]:
    octets = b""
    while outbox.waiting:
        octets += os.read(reads, 1 << 20)
        outbox.write()
    os.set_blocking(reads, False)
    with contextlib.suppress(BlockingIOError):
        octets += os.read(reads, 1 << 20)
    return [json.loads(line) for line in octets.splitlines()]


def test_lines_go_out_in_their_order(pipe: tuple[int, int]) -> None:
    outbox = Outbox(pipe[1])
    for number in range(3):
        outbox.say("hole", number)

    assert [{"hole": 0}, {"hole": 1}, {"hole": 2}] == _told(pipe[0], outbox)


def test_who_does_not_read_gets_alarms_first_the_latest_state_and_how_much_is_missing(
    pipe: tuple[int, int],
) -> None:
    outbox = Outbox(pipe[1], most=10)
    for number in range(3000):
        outbox.say("hole", "x" * 100)
        outbox.latest("archived", {"archived": number})
    outbox.say("alarm", {"key": "disk"})
    told = _told(pipe[0], outbox)
    kinds = [next(iter(line)) for line in told]
    lost = int(next(line["error"].split()[0] for line in told if "error" in line))

    assert 3000 == lost + kinds.count("hole")
    assert kinds.index("alarm") < len(kinds) - 10
    assert {"archived": 2999} == [line for line in told if "archived" in line][-1]


def test_a_parent_that_is_gone_is_noticed(pipe: tuple[int, int]) -> None:
    outbox = Outbox(pipe[1])
    os.close(pipe[0])
    outbox.say("hole", 1)

    assert outbox.broken


def test_lines_come_in_any_pieces_and_the_end_is_told(pipe: tuple[int, int]) -> None:
    reads, writes = pipe
    wake, waker = os.pipe()
    inbox, outbox = Inbox(reads, wake), Outbox(waker)
    os.write(writes, b'{"spoo')

    assert [] == inbox.read(1, outbox)

    os.write(writes, b'led":1}\n\n{"a":2}\n{')

    assert [b'{"spooled":1}', b'{"a":2}'] == inbox.read(1, outbox)
    assert [] == inbox.read(0, outbox)
    assert not inbox.ended

    os.close(writes)

    assert [] == inbox.read(1, outbox)
    assert inbox.ended
    for end in (wake, waker):
        os.close(end)


def test_a_line_without_end_is_no_parents(pipe: tuple[int, int]) -> None:
    reads, writes = pipe
    wake, waker = os.pipe()
    inbox, outbox = Inbox(reads, wake), Outbox(waker)
    os.set_blocking(writes, False)
    for _ in range(MOST_LINE // 65536 + 2):
        os.write(writes, b"x" * 65536)
        inbox.read(1, outbox)
        if inbox.ended:
            break

    assert inbox.ended
    for end in (wake, waker):
        os.close(end)
