"""Spools for tests, and a process that writes one until it is killed, and says what it has done.

Every packet is that of its number. Argument of the process: the folder. For each line that it is
given it begins anew, with that seed, in a process of its own, and tells its id: `pid N`. Then
`written N M` after each write: from N on, below M; `going N...` before and `gone SEQUENCE N...`
after each delivery; `safe N` after each sync; `free N` before all below N may be deleted. The
test that starts it kills it.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portbook.seismic.spool import Arrival, Entry, Follower, Mode, Spool
from support.sequenced import packet

RECORD = 1088
SEGMENT = 24 << 10
KEEP = 200
TOKEN = 7


def arrival(number: int) -> Arrival:
    """Return the packet that a number has; every third one came by a link."""
    octets = packet(sequence=number, text=b"%d" % number)
    if number % 3:
        return Arrival(octets, 10**18 + number, Mode.RAW, "10.0.0.5", 2543)
    return Arrival(octets, 10**18 + number, Mode.LINK, "fe80::1%eth0", 40_000, TOKEN, number)


def opened(folder: Path) -> Spool:
    """Return a spool whose segments are short."""
    return Spool(folder, segment_octets=SEGMENT)


def many(first: int, count: int) -> list[Arrival]:
    """Return the packets of numbers."""
    return [arrival(number) for number in range(first, first + count)]


def put(spool: Spool, count: int) -> range:
    """Write so many packets; return their numbers."""
    first = spool.next_number
    assert first == spool.write(many(first, count))
    assert first + count == spool.next_number
    return range(first, first + count)


def everything(folder: Path, first: int = 0) -> list[Entry]:
    """Return all that another process would read."""
    follower = Follower(folder, first)
    try:
        return follower.take(1 << 20)
    finally:
        follower.close()


@contextmanager
def spool_of(folder: Path, **more: int) -> Iterator[Spool]:
    """Give an open spool, let go of without a sync at the end."""
    spool = Spool(folder, **more)
    try:
        yield spool
    finally:
        spool.abandon()


def lose_power(folder: Path) -> None:
    """Let the next opening find the note of another boot of the machine."""
    (folder / "opened").write_text("another boot")


def _say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def write(folder: Path, seed: int) -> None:
    """Write, deliver and release, in disorder, for ever; another thread syncs."""
    chance = random.Random(seed)
    spool = opened(folder)
    waiting = [entry.number for entry in spool.undelivered()]
    synced = [0]

    def sync() -> None:
        while True:
            synced[0] = spool.sync()
            _say("safe", synced[0])

    threading.Thread(target=sync, daemon=True).start()
    while True:
        first = spool.next_number
        numbers = range(first, first + chance.randrange(1, 40))
        assert first == spool.write([arrival(number) for number in numbers])
        _say("written", numbers.start, numbers.stop)
        waiting += numbers
        waiting.sort(key=lambda number: number + chance.uniform(0, 20))
        going = [waiting.pop(0) for _ in range(chance.randrange(len(waiting)))]
        _say("going", *going)
        _say("gone", spool.delivered(going), *going)
        if chance.random() < 0.3:
            spool.settled(min(waiting, default=spool.next_number))
        if chance.random() < 0.2:
            _say("free", synced[0])
            spool.release(synced[0], KEEP)


def main() -> None:
    """Begin a writer for every line, once the one before has ended."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                write(Path(sys.argv[1]), int(line))
            finally:
                os._exit(1)
        _say("pid", child)
        os.waitpid(child, 0)
        _say("over")


if __name__ == "__main__":
    main()
