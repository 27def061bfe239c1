"""Waveforms, packed once: many recorders send the same shapes under their own heads.

A wave is a row of ready packet bodies that may be sent round and round, by any number of channels.
Its first body can be chained to whatever came before. Whole numbers only, so that no rounding
differs from machine to machine.
"""

from __future__ import annotations

import random
import struct
from functools import lru_cache
from typing import NamedTuple

from portbook.emulators.reftek import steim

ROUND = 12  # bodies of a wave
MOST = {"16": 500, "32": 250, "C0": 892, "C2": 1561}  # samples in a packet
_STEIM = ("C0", "C2")
_PLAIN = {"16": ("h", 2), "32": ("i", 4)}


class Body(NamedTuple):
    """The samples of one packet; octets: frames, or plain integers."""

    octets: bytes
    values: tuple[int, ...]


class Wave(NamedTuple):
    """A round of bodies of one format."""

    coding: str
    bodies: tuple[Body, ...]


@lru_cache(maxsize=512)
def wave(shape: str, coding: str, seed: int) -> Wave:
    """Return a wave; shape: "noise", or "quake" of which no two samples are near each other."""
    made = random.Random(f"{shape} {coding} {seed}")
    values = _VALUES[shape](made, ROUND * MOST[coding], coding)
    bodies: list[Body] = []
    at = 0
    while len(bodies) < ROUND:
        body = _body(values[at : at + MOST[coding]], values[at - 1] if at else 0, coding, not at)
        bodies.append(body)
        at += len(body.values)
    return Wave(coding, tuple(bodies))


@lru_cache(maxsize=1024)
def cut(whole: Wave, number: int, samples: int) -> Body:
    """Return the beginning of a body, for the last packet of an event."""
    before = whole.bodies[number - 1].values[-1] if number else 0
    return _body(whole.bodies[number].values[:samples], before, whole.coding, not number)


def chained(body: Body, before: int, coding: str) -> bytes:
    """Return the octets of a wave's first body, chained to the sample before it."""
    return steim.rechained(body.octets, before, coding) if coding in _STEIM else body.octets


def _body(values: tuple[int, ...], before: int, coding: str, first: bool) -> Body:
    if coding in _STEIM:
        packed = steim.pack(values, before, coding, wide=first)
        return Body(packed.frames, values[: packed.samples])
    letter, _ = _PLAIN[coding]
    return Body(struct.pack(f">{len(values)}{letter}", *values), values)


def _noise(made: random.Random, many: int, coding: str) -> tuple[int, ...]:
    """Ground noise: a slow swing with a fast tremble, about 780 samples to a C0 packet."""
    place = speed = 0
    found = []
    for _ in range(many):
        speed += made.randint(-60, 60) - speed // 8 - place // 512
        place += speed
        found.append(max(-32_000, min(32_000, place)) if coding == "16" else place)
    return tuple(found)


def _quake(made: random.Random, many: int, coding: str) -> tuple[int, ...]:
    """Strong shaking: each step needs a word of its own, whatever the format."""
    top = 1 << (14 if coding == "16" else 22)
    side = 1
    found = []
    for _ in range(many):
        side = -side
        found.append(side * made.randint(top // 2, top))
    return tuple(found)


_VALUES = {"noise": _noise, "quake": _quake}
