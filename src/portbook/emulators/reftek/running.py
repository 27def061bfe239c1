"""Runs emulated recorders against the clock, and keeps their account."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator

import msgspec

from portbook.emulators.reftek.fleet import Fleet, Packet
from portbook.emulators.reftek.sending import NANO, Carrier

FINISH_S = 60.0
OFTEN = 16


class Emulated(msgspec.Struct, frozen=True, tag="emulated", tag_field="kind"):
    """What became of the packets of one recorder.

    packets: made, by type; datagrams: how often something of it was sent; lost, doubled: by the
    emulated network; acknowledged, repeated: of a reliable link, None without one
    """

    unit: str
    packets: dict[str, int]
    made: int
    sent: int
    lost: int
    doubled: int
    acknowledged: int | None = None
    repeated: int | None = None


class Emulation(msgspec.Struct, frozen=True, tag="emulation", tag_field="kind"):
    """The account of a run; spoilt: packets sent with a fault, by the fault's name.

    seconds: how long it took; elapsed_s: how long it was for the instruments; left: packets that
    could not be brought to their end
    """

    units: int
    made: int
    sent: int
    lost: int
    doubled: int
    spoilt: dict[str, int]
    left: int
    seconds: float
    elapsed_s: float


class Nowhere(Carrier):
    """Sends nothing: what packets there would be."""

    def send(self, unit: int, octets: bytes) -> None:
        """Let go of it."""

    def attend(self, until_ns: int) -> None:
        """Have nothing to do."""

    def finish(self, most_s: float) -> int:
        """Have nothing left."""
        return 0

    def close(self) -> None:
        """Have nothing open."""


class Pace:
    """The instruments' time: `speed` times as fast as ours; 0: as fast as it goes."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self.latest_ns = 0
        self._begun_ns: int | None = None

    def begin(self) -> None:
        """Start the clock."""
        self._begun_ns = time.monotonic_ns()

    def end(self) -> None:
        """Let time go by without packets; where it is not ours, all outages are over now."""
        self.latest_ns = 1 << 62

    def elapsed_ns(self) -> int:
        """Return how much time has gone by for the instruments."""
        if not self.speed or self._begun_ns is None:
            return self.latest_ns
        return int((time.monotonic_ns() - self._begun_ns) * self.speed)

    def moment(self, due_ns: int) -> int:
        """Return the monotonic time at which an elapsed time comes; 0: at once."""
        self.latest_ns = due_ns
        if not self.speed or self._begun_ns is None:
            return 0
        return self._begun_ns + int(due_ns / self.speed)


def run(
    flow: Iterator[Packet],
    carrier: Carrier,
    pace: Pace,
    *,
    finish_s: float = FINISH_S,
    stopped: Callable[[], bool] = lambda: False,
) -> int:
    """Send packets when they are due; return how many could not be brought to their end.

    stopped: asked before each packet; True ends the run as if the flow had
    """
    pace.begin()
    for number, packet in enumerate(flow, 1):
        moment_ns = pace.moment(packet.due_ns)
        while not stopped():
            now_ns = time.monotonic_ns()
            if now_ns >= moment_ns:
                break
            carrier.attend(min(moment_ns, now_ns + NANO // 5))
        if stopped():
            break
        carrier.send(packet.unit, packet.octets)
        if not number % OFTEN:
            carrier.attend(0)  # a flow that never waits must hear what comes back
    pace.end()
    return carrier.finish(finish_s)


def account(fleet: Fleet, carrier: Carrier) -> list[Emulated]:
    """Return what became of each recorder's packets."""
    more = carrier.account()
    lost, doubled = more.get("lost", Counter()), more.get("doubled", Counter())
    acknowledged, repeated = more.get("acknowledged"), more.get("repeated")
    return [
        Emulated(
            f"{unit:04X}",
            dict(sorted(counts.items())),
            counts.total(),
            carrier.sent[unit],
            lost[unit],
            doubled[unit],
            acknowledged[unit] if acknowledged is not None else None,
            repeated[unit] if repeated is not None else None,
        )
        for unit, counts in fleet.made.items()
    ]


def summary(fleet: Fleet, instruments: list[Emulated], left: int, seconds: float) -> Emulation:
    """Return the account of all together."""
    return Emulation(
        len(instruments),
        sum(one.made for one in instruments),
        sum(one.sent for one in instruments),
        sum(one.lost for one in instruments),
        sum(one.doubled for one in instruments),
        dict(sorted(fleet.spoilt.items())),
        left,
        round(seconds, 3),
        fleet.now_ns / NANO,
    )
