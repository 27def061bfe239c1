"""Steim-1 and Steim-2 frames as a recorder writes them: fifteen of 64 octets in a packet.

Samples become differences; each word of 32 bits takes as many of them as fit. What a packet's
first difference steps from is told, so that packets of a channel chain.
Source: SEED manual 2.4, appendix B; packing as in real packets of two recorders.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from portbook.errors import UsageError

FRAMES, WORDS = 15, 16
_FRONT = 3  # words of the first frame before its first difference: control, first, last sample


class Way(NamedTuple):
    """One way to fill a word: so many differences of so many bits, under this code and mark."""

    many: int
    bits: int
    code: int
    mark: int | None = None  # top two bits of the word, Steim-2 only


# The fullest first: it is taken when the next differences fit.
WAYS = {
    "C0": (Way(4, 8, 1), Way(2, 16, 2), Way(1, 32, 3)),
    "C2": (
        Way(7, 4, 3, 2),
        Way(6, 5, 3, 1),
        Way(5, 6, 3, 0),
        Way(4, 8, 1),
        Way(3, 10, 2, 3),
        Way(2, 15, 2, 2),
        Way(1, 30, 2, 1),
    ),
}


class Packed(NamedTuple):
    """Frames of 960 octets, and how many samples they took."""

    frames: bytes
    samples: int


def pack(samples: Sequence[int], before: int, coding: str, *, wide: bool = False) -> Packed:
    """Pack as many samples as fit into the frames of one packet.

    before: the sample that the first difference steps from; coding: "C0" or "C2"; wide: the first
    difference gets a word of its own, so that `rechained` can set it
    Raises UsageError for a step that Steim-2 cannot carry (30 bits).
    """
    ways = WAYS[coding]
    steps = _steps(samples, before, coding)
    frames: list[list[int]] = []
    at = 0
    for frame in range(FRAMES):
        words, codes = [], 0
        for word in range(1 if frame else _FRONT, WORDS):
            if at == len(steps):
                break
            way = ways[-1] if wide and not at else _way(steps, at, ways)
            words.append(_word(steps[at : at + way.many], way))
            codes |= way.code << 30 - 2 * word
            at += way.many
        frames.append([codes, *words])
    if at:
        frames[0][1:1] = [samples[0], samples[at - 1]]
    octets = b"".join(_frame(words) for words in frames)
    return Packed(octets, at)


def rechained(frames: bytes, before: int, coding: str) -> bytes:
    """Return frames that were packed `wide` with a first difference that steps from `before`."""
    first = int.from_bytes(frames[4:8], signed=True)
    way = WAYS[coding][-1]
    (step,) = _steps((first,), before, coding)
    return frames[:12] + _word([step], way).to_bytes(4) + frames[16:]


def last_of(frames: bytes) -> int:
    """Return the last sample of packed frames."""
    return int.from_bytes(frames[8:12], signed=True)


def _steps(samples: Sequence[int], before: int, coding: str) -> list[int]:
    """Return the differences; those of Steim-1 wrap at 32 bits, as a recorder's do."""
    found = []
    half = 1 << (31 if coding == "C0" else 29)
    for sample in samples:
        step = sample - before
        if not -half <= step < half:
            if coding != "C0":
                raise UsageError(f"Steim-2 carries steps of 30 bits, got {step}")
            step = (step + half) % (2 * half) - half
        found.append(step)
        before = sample
    return found


def _way(steps: list[int], at: int, ways: tuple[Way, ...]) -> Way:
    for way in ways[:-1]:
        part = steps[at : at + way.many]
        half = 1 << way.bits - 1
        if len(part) == way.many and -half <= min(part) and max(part) < half:
            return way
    return ways[-1]


def _word(steps: list[int], way: Way) -> int:
    word = 0
    for step in steps:
        word = word << way.bits | step & (1 << way.bits) - 1
    return word if way.mark is None else word | way.mark << 30


def _frame(words: list[int]) -> bytes:
    return b"".join((word & 0xFFFFFFFF).to_bytes(4) for word in words).ljust(4 * WORDS, b"\0")
