"""Series of sightings, regular and not, as simulated in the study behind the rhythm."""

from __future__ import annotations

import random
from collections.abc import Callable

IRREGULAR: dict[str, Callable[[random.Random], float]] = {
    "poisson": lambda chance: chance.expovariate(1 / 60),
    "log-normal": lambda chance: chance.lognormvariate(3.8, 0.8),
    "gamma": lambda chance: chance.gammavariate(3, 20),
    "on-off": lambda chance: chance.expovariate(1 / 3 if chance.random() < 0.7 else 1 / 200),
    "pareto": lambda chance: 10 * chance.paretovariate(1.2),
    "uniform": lambda chance: chance.uniform(5, 115),
}


def irregular(chance: random.Random, kind: str, sightings: int) -> list[float]:
    """Return intervals without a period; what comes within a second is one sighting."""
    found: list[float] = []
    while len(found) < sightings - 1:
        interval = IRREGULAR[kind](chance)
        if interval >= 1:
            found.append(interval)
    return found


def sightings(
    chance: random.Random,
    count: int,
    *,
    loss: float = 0.0,
    jitter: float = 0.0,
    period: float = 60.0,
    anchored: bool = True,
    restart: bool = False,
) -> list[float]:
    """Return times of `count` sightings in seconds.

    jitter: of the period, uniform, both ways; anchored: around a clock, else of each sleep
    restart: in the middle the phase begins anew
    """
    found: list[float] = []
    clock = 0.0
    while len(found) < count:
        wobble = period * chance.uniform(-jitter, jitter)
        clock += period if anchored else period + wobble
        if restart and len(found) == count // 2:
            clock += chance.uniform(0.1, 0.9) * period
            restart = False
        if chance.random() >= loss:
            found.append(clock + (wobble if anchored else 0.0))
    return found
