"""Series of sightings for `rhythm.py`: with a rhythm, without one, and what only looks like one."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import chain
from typing import NamedTuple

from portbook.evidence.table import FIRST_TIMES, LAST_TIMES, QUIET_NS
from portbook.ports import Transport
from portbook.records import Conversation

NANO = 1_000_000_000
BEGIN = 1_767_268_800 * NANO
PERIOD = 60.0  # seconds
COUNTS = (5, 8, 15, 30, 60)  # sightings
Times = list[float]  # seconds, in order


# ---- with a rhythm


class Shape(NamedTuple):
    """How a rhythm reaches the listener."""

    sightings: int
    loss: float = 0.0
    jitter: float = 0.0  # of the period, uniform, both ways
    clock: str = "anchored"  # or "each sleep": jitter adds up
    kind: str = ""  # "restart": the phase jumps in the middle; "bursts": each sighting is several


SHAPES = [
    Shape(5),
    Shape(5, 0.3, 0.05),
    Shape(8, 0.1, 0.05),
    Shape(8, 0.3, 0.05),
    Shape(8, 0.0, 0.01, kind="restart"),
    Shape(8, 0.1, 0.05, kind="bursts"),
    Shape(15, 0.1, 0.10),
    Shape(15, 0.3, 0.05),
    Shape(15, 0.3, 0.10),
    Shape(15, 0.3, 0.10, "each sleep"),
    Shape(15, 0.0, 0.20),
    Shape(15, 0.3, 0.05, kind="restart"),
    Shape(15, 0.3, 0.10, kind="bursts"),
    Shape(30, 0.3, 0.10, "each sleep"),
    Shape(30, 0.3, 0.20, "each sleep"),
    Shape(60, 0.3, 0.10),
    Shape(60, 0.3, 0.10, kind="restart"),
]


def rhythmic(chance: random.Random, shape: Shape) -> Times:
    """Return so many sightings of a rhythm; a burst is three packets within two seconds."""
    found: Times = []
    clock, restart = chance.uniform(0, PERIOD), shape.kind == "restart"
    while len(found) < shape.sightings:
        wobble = PERIOD * chance.uniform(-shape.jitter, shape.jitter)
        clock += PERIOD + (wobble if shape.clock == "each sleep" else 0.0)
        if restart and len(found) == shape.sightings // 2:
            clock += chance.uniform(0.1, 0.9) * PERIOD
            restart = False
        if chance.random() >= shape.loss:
            found.append(clock + (wobble if shape.clock == "anchored" else 0.0))
    if shape.kind == "bursts":
        return sorted(at + chance.uniform(0, 0.9) * more for at in found for more in range(3))
    return sorted(found)


# ---- series without one

GAPS: dict[str, Callable[[random.Random], float]] = {
    "Poisson": lambda chance: chance.expovariate(1 / PERIOD),
    "log-normal": lambda chance: chance.lognormvariate(3.8, 0.8),
    "gamma": lambda chance: chance.gammavariate(3, 20),
    "on and off": lambda chance: chance.expovariate(1 / 3 if chance.random() < 0.7 else 1 / 200),
    "Pareto": lambda chance: 10 * chance.paretovariate(1.2),
    "uniform": lambda chance: chance.uniform(5, 115),
    # somebody at work: several steps, read and thought about, then something else for a while
    "human": lambda chance: (
        chance.lognormvariate(2.1, 0.9) if chance.random() < 0.8 else chance.lognormvariate(6, 1)
    ),
}


def irregular(chance: random.Random, kind: str, count: int) -> Times:
    """Return so many sightings without a rhythm; what comes within a second is one."""
    found = [chance.uniform(0, PERIOD)]
    while len(found) < count:
        gap = GAPS[kind](chance)
        if gap >= 1:
            found.append(found[-1] + gap)
    return found


# ---- as conversations


class Seen(NamedTuple):
    """A conversation and when its bursts began, as the packet table keeps them."""

    conversation: Conversation
    times: tuple[int, ...]


def seen(
    times: Times,
    *,
    protocol: str | None = None,
    client: str = "10.0.0.5",
    client_port: int = 40001,
    server: str = "10.0.0.255",
    server_port: int = 40002,
    transport: Transport = Transport.UDP,
    answers: bool = False,
) -> Seen:
    """Return the conversation in which something was sent at those times."""
    begun: list[int] = []
    before = -QUIET_NS
    for at in times:
        now = BEGIN + round(at * NANO)
        if now - before > QUIET_NS:
            begun.append(now)
        before = now
    kept = begun
    if len(begun) > FIRST_TIMES + LAST_TIMES:
        kept = begun[:FIRST_TIMES] + begun[-LAST_TIMES:]
    conversation = Conversation(
        transport=transport,
        client=client,
        client_port=client_port,
        server=server,
        server_port=server_port,
        source="benchmark",
        packets=len(times) * (2 if answers else 1),
        octets=0,
        payload_octets=0,
        first_ns=begun[0],
        last_ns=before,
        packets_to_server=len(times),
        packets_to_client=len(times) if answers else 0,
        bursts=len(begun),
        cast="broadcast" if server.endswith(".255") else "unicast",
        answered=answers,
        protocol=protocol,
    )
    return Seen(conversation, tuple(kept))


# ---- several senders or periods behind what looks like one


class Scene(NamedTuple):
    """Conversations for ours, and what one who looks at addresses alone sees of them."""

    conversations: list[Seen]
    times: Times


def fresh(times: Times) -> list[Seen]:
    """Return conversations of a program that opens a new socket every time."""
    return [seen([at], client_port=49152 + index) for index, at in enumerate(times)]


def one_sender(chance: random.Random) -> Scene:
    times = rhythmic(chance, Shape(15, 0.1, 0.05))
    return Scene(fresh(times), times)


def three_ports(chance: random.Random) -> Scene:
    series = [rhythmic(chance, Shape(10, 0.1, 0.02)) for _ in range(3)]
    told = [seen(one, client_port=40001 + at) for at, one in enumerate(series)]
    return Scene(told, sorted(chain.from_iterable(series)))


def three_fresh(chance: random.Random) -> Scene:
    times = sorted(at for _ in range(3) for at in rhythmic(chance, Shape(10, 0.1, 0.02)))
    return Scene(fresh(times), times)


def two_periods(chance: random.Random) -> Scene:
    series = [
        [at * scale for at in rhythmic(chance, Shape(15, 0.1, 0.05))] for scale in (0.5, 0.75)
    ]
    told = [seen(one, server_port=40002 + at) for at, one in enumerate(series)]
    return Scene(told, sorted(chain.from_iterable(series)))


def no_rhythm(chance: random.Random) -> Scene:
    times = irregular(chance, chance.choice(list(GAPS)), 15)
    return Scene(fresh(times), times)


NONE = "new source ports, no rhythm"
# by title: sightings, the periods that are in it, how it is made
SCENES: dict[str, tuple[int, tuple[float, ...], Callable[[random.Random], Scene]]] = {
    "a new source port every time": (15, (PERIOD,), one_sender),
    "3 programs of one host, own ports": (30, (PERIOD,), three_ports),
    "3 programs of one host, new ports": (30, (PERIOD,), three_fresh),
    "one socket: 30 s here, 45 s there": (30, (30.0, 45.0), two_periods),
    NONE: (15, (), no_rhythm),
}


# ---- what has a rhythm and announces nothing


def polled(chance: random.Random, times: Times) -> list[Seen]:
    return [seen(times, server="10.0.0.9", answers=True)]


def answered_from_elsewhere(chance: random.Random, times: Times) -> list[Seen]:
    later = [at + chance.uniform(0.001, 0.3) for at in times]
    answers = seen(
        later, client="10.0.0.9", client_port=50000, server="10.0.0.5", server_port=40001
    )
    return [seen(times, server="10.0.0.9"), answers]


def searched(chance: random.Random, times: Times) -> list[Seen]:
    later = [at + chance.uniform(0.001, 0.9) for at in times if chance.random() < 0.9]
    answers = seen(
        later, client="10.0.0.9", client_port=50000, server="10.0.0.5", server_port=40001
    )
    return [seen(times), answers]


def kept_alive(chance: random.Random, times: Times) -> list[Seen]:
    return [seen(times, server="10.0.0.9", transport=Transport.TCP)]


def silent(chance: random.Random, times: Times) -> list[Seen]:
    return [seen(times, server="10.0.0.9")]


SILENT = "polls of a host that never answers"
OTHERS: dict[str, Callable[[random.Random, Times], list[Seen]]] = {
    "polls and their answers": polled,
    "polls answered from another port": answered_from_elsewhere,
    "searches that one host answers": searched,
    "keep-alives of a connection": kept_alive,
    SILENT: silent,
}
