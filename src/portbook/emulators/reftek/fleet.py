"""Many recorders as one flow of packets, with an exact account of what each has made. Pure."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import cycle, islice
from typing import NamedTuple

from portbook.emulators.reftek import dirt
from portbook.emulators.reftek.instruments import Made, Plan, packets
from portbook.emulators.reftek.weather import Weather


class Scene(NamedTuple):
    """Recorders and the network that they send through; dirty: units that send bad input."""

    plans: tuple[Plan, ...]
    weather: Weather = Weather()
    dirty: frozenset[int] = frozenset()
    seed: int = 0


class Packet(NamedTuple):
    """A packet of a unit, and the elapsed time at which it is due."""

    due_ns: int
    unit: int
    octets: bytes


class Fleet:
    """Recorders together; `made` and `spoilt` count by unit what has been taken from `flow`.

    until_ns: elapsed time, most: packets, at which it ends; None: never
    """

    def __init__(
        self, sources: Mapping[int, Iterable[Made]], dirty: Iterable[int] = (), seed: int = 0
    ) -> None:
        self.units = tuple(sources)
        self.made: dict[int, Counter[str]] = {unit: Counter() for unit in sources}
        self.spoilt: Counter[str] = Counter()
        self.now_ns = 0
        self._sources = sources
        self._dirty = frozenset(dirty)
        self._random = random.Random(seed)

    @classmethod
    def of(cls, scene: Scene) -> Fleet:
        """Return the recorders of a scene."""
        sources = {plan.unit: packets(plan) for plan in scene.plans}
        return cls(sources, scene.dirty, scene.seed)

    def flow(self, until_ns: int | None = None, most: int | None = None) -> Iterator[Packet]:
        """Give all packets in the order in which they are due, sound ones first made dirty."""
        kinds = cycle((*dirt.FOREIGN, *dirt.IMPOSSIBLE, *dirt.CORRUPT))
        every = heapq.merge(*map(self._of, self._sources), key=_due)
        for packet in islice(every, most):
            if until_ns is not None and packet.due_ns > until_ns:
                return
            kind = packet.octets[:2].decode("ascii", "replace")
            fault = None
            if packet.unit in self._dirty and kind == "DT" and self._random.random() < 0.5:
                fault = next(kinds)
                octets = dirt.spoilt(packet.octets, fault, self._random)
                packet = packet._replace(octets=octets)
            yield packet
            # Counted when the next one is asked for: a run that is stopped sends this one no more.
            self.now_ns = packet.due_ns
            self.made[packet.unit][kind] += 1
            if fault:
                self.spoilt[fault] += 1

    def _of(self, unit: int) -> Iterator[Packet]:
        for made in self._sources[unit]:
            yield Packet(made.due_ns, unit, made.octets)


def _due(packet: Packet) -> tuple[int, int]:
    return packet.due_ns, packet.unit
