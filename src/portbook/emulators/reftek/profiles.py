"""Named scenes: what a receiver has to stand, each with the settings of the reference.

Source: portbook's docs on REF TEK, profiles.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from portbook.emulators.reftek.clocks import Clock
from portbook.emulators.reftek.dates import MILLI, NANO
from portbook.emulators.reftek.fleet import Scene
from portbook.emulators.reftek.instruments import VOLTAGES, Plan, Stream
from portbook.emulators.reftek.weather import Weather
from portbook.errors import UsageError

FIRST_UNIT, LAST_UNIT = 0x9001, 0xFFFF  # ids of 130 recorders
MINUTE_NS = 60 * NANO
OUTAGES = ((60, 5), (120, 420), (900, 4800))  # seconds: from when, for how long
_MIX = ((40, "C0"), (100, "C2"), (200, "C0"), (100, "32"), (100, "C0"), (200, "C2"))


class Asked(NamedTuple):
    """What a user asks for; record_s: length of events; start_ns: what the clocks tell at first."""

    units: int = 1
    rate_hz: float = 100
    coding: str = "C0"
    seed: int = 0
    start_ns: int = 0
    record_s: int = 3600
    auxiliary: bool = False
    first_unit: int = FIRST_UNIT


def scene(name: str, asked: Asked) -> Scene:
    """Return a scene by its name; raises UsageError for more units than there are ids."""
    most = LAST_UNIT + 1 - asked.first_unit
    if not 1 <= asked.units <= most:
        raise UsageError(f"units must be 1 to {most}, got {asked.units}")
    plain = tuple(_plan(asked, number) for number in range(asked.units))
    return PROFILES[name](asked, Scene(plain, seed=asked.seed))


def _plan(asked: Asked, number: int) -> Plan:
    stream = Stream(0, asked.rate_hz, asked.coding, record_s=asked.record_s)
    return Plan(
        asked.first_unit + number,
        Clock(asked.start_ns // MILLI * MILLI),
        (stream, VOLTAGES) if asked.auxiliary else (stream,),
        seed=asked.seed,
        station=f"PB{number + 1:02}"[:5],
    )


def _network(asked: Asked, plain: Scene) -> Scene:
    plans = []
    for number, plan in enumerate(plain.plans):
        rate_hz, coding = _MIX[number % len(_MIX)]
        stream = Stream(0, rate_hz, coding, record_s=asked.record_s)
        plans.append(plan._replace(streams=(stream, *plan.streams[1:])))
    return plain._replace(plans=tuple(plans))


def _quake(_: Asked, plain: Scene) -> Scene:
    shaking = ((20 * NANO, 80 * NANO),)
    return plain._replace(plans=tuple(plan._replace(shaking=shaking) for plan in plain.plans))


def _loss(_: Asked, plain: Scene) -> Scene:
    return plain._replace(weather=Weather(loss=0.05, bursts=0.0005))


def _disorder(_: Asked, plain: Scene) -> Scene:
    return plain._replace(weather=Weather(shuffle=64, doubled=0.05))


def _reconnect(_: Asked, plain: Scene) -> Scene:
    outages = tuple((at * NANO, (at + lasts) * NANO) for at, lasts in OUTAGES)
    return plain._replace(weather=Weather(outages=outages))


def _clock(asked: Asked, plain: Scene) -> Scene:
    """Clocks in turn: set twice, unlocked at first and drifting, over a new year, a leap second."""
    epoch_ns = asked.start_ns // MILLI * MILLI
    year_ns = _year_after(epoch_ns) - MINUTE_NS
    clocks = (
        Clock(epoch_ns, steps=((60 * NANO, -610 * MILLI), (90 * NANO, 1000 * MILLI))),
        Clock(epoch_ns, steps=((300 * NANO, 3_700 * MILLI),), lock_ns=300 * NANO, drift_us=100),
        Clock(year_ns),
        Clock(LEAP_NS - MINUTE_NS, leap_ns=LEAP_NS),
    )
    plans = [
        plan._replace(clock=clocks[number % len(clocks)]) for number, plan in enumerate(plain.plans)
    ]
    return plain._replace(plans=tuple(plans))


def _wrap(_: Asked, plain: Scene) -> Scene:
    """Every other unit sends 10,000 packets of an event in a quarter of an hour, or 10 events."""
    plans = []
    for number, plan in enumerate(plain.plans):
        stream = Stream(0, 1000, "32") if number % 2 == 0 else Stream(0, 100, "C0", record_s=30)
        plans.append(plan._replace(streams=(stream,), first_event=9995))
    return plain._replace(plans=tuple(plans))


def _dirty(_: Asked, plain: Scene) -> Scene:
    """The last unit sends bad input, also where it is the only one."""
    return plain._replace(dirty=frozenset((plain.plans[-1].unit,)))


LEAP_NS = 1_483_228_800 * NANO  # 2017-01-01; a leap second precedes it


def _year_after(time_ns: int) -> int:
    from datetime import UTC, datetime

    year = datetime.fromtimestamp(time_ns // NANO, UTC).year + 1
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * NANO


PROFILES: dict[str, Callable[[Asked, Scene], Scene]] = {
    "clean": lambda _, plain: plain,
    "network": _network,
    "quake": _quake,
    "loss": _loss,
    "disorder": _disorder,
    "reconnect": _reconnect,
    "clock": _clock,
    "wrap": _wrap,
    "dirty": _dirty,
}
