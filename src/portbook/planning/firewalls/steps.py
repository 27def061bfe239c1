"""The rules, apart from any firewall's own words: chains of steps, the first that fits decides.

Three hooks, as Linux has them: `input` to this host, `forward` through it, `output` from it. What
crosses the edge of the control network goes to `enters` or `leaves`; `engineering` sees all that
goes to controllers. Only answers are let through unseen: of a conversation that was let begin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from portbook.addresses import Scope
from portbook.planning.firewalls.guarded import Guard, Kind
from portbook.planning.firewalls.places import PRIVATE, Places
from portbook.ports import PortRange, Transport

RETURN, DROP = "return", "drop"
HOOKS = ("input", "forward", "output")


class Step(msgspec.Struct, frozen=True):
    """What a packet must have, all of it, and what becomes of it then."""

    verdict: str  # RETURN, DROP, or the chain to go through
    why: str
    sources: tuple[str, ...] = ()  # networks; none: any
    destinations: tuple[str, ...] = ()
    incoming: str | None = None  # interface
    outgoing: str | None = None
    transport: Transport | None = None
    ports: tuple[PortRange, ...] = ()  # of the destination
    reply: bool = False  # an answer of a conversation


class Chain(msgspec.Struct, frozen=True):
    """Steps in order; at the end the packet goes on."""

    name: str
    steps: tuple[Step, ...]


def chains(guards: Sequence[Guard], where: Places, version: int) -> tuple[Chain, ...]:
    """Return the chains for one version of IP, those that others go to first."""
    stations = where.stations[version]
    named = any(where.stations.values())
    guarded = tuple(_engineering(guards, stations)) if named else ()
    below = (
        Chain("engineering", guarded),
        Chain("enters", tuple(_crossing(guards, where, version, entering=True))),
        Chain("leaves", tuple(_crossing(guards, where, version, entering=False))),
    )
    hooks = (
        Chain("input", tuple(_input(where, version))),
        Chain("forward", tuple(_forward(where, version))),
        Chain("output", tuple(_output(where, version))),
    )
    return (*below, *hooks)


def _input(where: Places, version: int) -> Iterator[Step]:
    yield Step(RETURN, "this machine to itself", incoming="lo")
    yield _ANSWERS
    yield Step("engineering", "engineering ports of this machine")
    if where.interface:
        yield Step(RETURN, "from the control network", incoming=where.interface)
    else:
        yield Step(RETURN, "from the control network", sources=where.inside[version])
    yield Step("enters", "from elsewhere to this machine")


def _forward(where: Places, version: int) -> Iterator[Step]:
    yield _ANSWERS
    inside, name = where.inside[version], where.interface
    if name:
        yield Step("engineering", "to controllers", outgoing=name)
        yield Step(RETURN, "stays inside", incoming=name, outgoing=name)
        yield Step("leaves", "out of the control network", incoming=name)
        yield Step("enters", "into the control network", outgoing=name)
    elif version == 6 and inside == ("fe80::/10",):
        # No subnet of IPv6 is named, so nothing is known to be inside: all of it enters.
        yield Step("engineering", "to controllers, wherever they are")
        yield Step("enters", "IPv6 has no control network here")
    else:
        yield Step("engineering", "to controllers", destinations=inside)
        yield Step(RETURN, "stays inside", sources=inside, destinations=inside)
        yield Step("leaves", "out of the control network", sources=inside)
        yield Step("enters", "into the control network", destinations=inside)


def _output(where: Places, version: int) -> Iterator[Step]:
    yield Step(RETURN, "this machine to itself", outgoing="lo")
    yield _ANSWERS
    if where.interface:
        yield Step("engineering", "to controllers", outgoing=where.interface)
        yield Step(RETURN, "into the control network", outgoing=where.interface)
    else:
        yield Step("engineering", "to controllers", destinations=where.inside[version])
        yield Step(RETURN, "stays inside", destinations=where.local(version))
    yield Step("leaves", "from this machine to elsewhere")


_ANSWERS = Step(RETURN, "answers of what was let begin", reply=True)


def _engineering(guards: Sequence[Guard], stations: tuple[str, ...]) -> Iterator[Step]:
    if stations:
        yield Step(RETURN, "named stations", sources=stations)
    for one in guards:
        if one.kind is Kind.ENGINEERING:
            yield _drop(one)


def _crossing(
    guards: Sequence[Guard], where: Places, version: int, *, entering: bool
) -> Iterator[Step]:
    """Drop what may not cross: discovery for all, engineering but for stations, control beyond."""
    stations = where.stations[version]
    for one in guards:
        if one.kind is Kind.DISCOVERY:
            yield _drop(one)
    if stations:
        yield Step(RETURN, "named stations", sources=stations)
    for one in guards:
        if one.kind is Kind.ENGINEERING:
            yield _drop(one)
    for one in guards:
        if one.kind is Kind.CONTROL and one.reach.rank < Scope.PRIVATE.rank:
            yield _drop(one)
    far = PRIVATE[version]
    why = "private addresses: as far as these protocols may be heard"
    yield Step(RETURN, why, sources=far) if entering else Step(RETURN, why, destinations=far)
    for one in guards:
        if one.kind is Kind.CONTROL and one.reach.rank >= Scope.PRIVATE.rank:
            yield _drop(one)


def _drop(guard: Guard) -> Step:
    why = f"{guard.name}: {guard.why}"
    return Step(DROP, why, transport=guard.transport, ports=guard.ports)
