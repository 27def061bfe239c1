"""The driver of our own: seeds, then seeds with a few changes, in an order fixed by a number.

It sees no coverage, so it finds less than atheris does; but it runs wherever Python runs.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from types import FrameType

from fuzz.found import FOUND
from fuzz.target import LONGEST_S, Target

ODD = (0, 1, 0x7F, 0x80, 0xFF)
JUNK = 8  # of so many inputs one is no seed at all


class Failure(Exception):  # noqa: N818  it is what a run was for
    """An input that a target does not bear."""

    def __init__(self, octets: bytes, error: BaseException) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self.octets = octets


def run(target: Target, *, runs: int | None, seconds: float | None, number: int = 1) -> int:
    """Check inputs until so many were run, or for so long; return how many.

    Raises Failure with the first input that is not borne.
    """
    until = None if seconds is None else time.monotonic() + seconds
    done = 0
    for octets in inputs(target, number):
        if (runs is not None and done >= runs) or (until and time.monotonic() >= until):
            break
        one(target, octets)
        done += 1
    return done


def one(target: Target, octets: bytes) -> None:
    """Check one input; raises Failure when it raises or takes too long."""
    before = signal.signal(signal.SIGALRM, _too_long)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_S)
    try:
        target.check(octets)
    except Exception as error:
        raise Failure(octets, error) from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def seeds(target: Target) -> list[bytes]:
    """Return what to begin with: what was found before, then the target's own."""
    found = [bytes.fromhex(one) for one in FOUND.get(target.name, ())]
    return [octets[: target.largest] for octets in (*found, *target.seeds())]


def inputs(target: Target, number: int) -> Iterator[bytes]:
    """Give inputs without end: every seed, then changed ones."""
    begin = seeds(target)
    yield from begin
    chance = random.Random(f"{target.name} {number}")
    while True:
        if not begin or not chance.randrange(JUNK):
            octets = chance.randbytes(chance.randrange(200))
        else:
            octets = chance.choice(begin)
        for _ in range(chance.choice((1, 1, 2, 3, 8))):
            octets = _changed(octets, begin, chance)
        yield octets[: target.largest]


def _changed(octets: bytes, begin: list[bytes], chance: random.Random) -> bytes:
    """Change octets in one place: bits, numbers, a part gone, doubled, moved, or another's."""
    at = chance.randrange(len(octets) + 1)
    size = chance.choice((1, 1, 2, 4, 8, 32))
    kind = chance.randrange(7)
    if kind == 0 and at < len(octets):
        return octets[:at] + bytes((octets[at] ^ 1 << chance.randrange(8),)) + octets[at + 1 :]
    if kind == 1:
        return octets[:at] + bytes((chance.choice(ODD),)) * size + octets[at + size :]
    if kind == 2:
        return octets[:at] + chance.randbytes(size) + octets[at:]
    if kind == 3:
        return octets[:at] + octets[at + size :]
    if kind == 4:
        return (
            octets[:at] + octets[at : at + size] * chance.choice((2, 3, 40)) + octets[at + size :]
        )
    if kind == 5 and begin:
        other = chance.choice(begin)
        there = chance.randrange(len(other) + 1)
        return octets[:at] + other[there : there + 8 * size] + octets[at:]
    return octets[:at]


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"longer than {LONGEST_S} s")
