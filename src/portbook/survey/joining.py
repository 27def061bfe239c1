"""Which addresses are one device: joined by link address and by serial number, with reasons.

An address is one device within its site and VLAN. Two are one when both own the same link address
(`portbook.survey.links` knows which are a router's), or when both told the same vendor and serial
by control protocols. A name joins nothing: names are given twice. What contradicts itself (two
serials of one vendor at one address, one address at two link addresses) joins nothing either, and
says so. The result does not depend on the order of what was heard.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

MOST_SHARING = 8  # addresses that tell one serial; more are copies with a factory's serial
SHOWN = 3  # of what contradicts itself
_COUNTING = ("0123456789", "1234567890")

Place = tuple[str, int | None]  # site, VLAN
Serial = tuple[str, str]  # vendor, serial


class Host(NamedTuple):
    """What joins one address to others: nothing of it may come from a guess."""

    place: Place
    address: str  # the link address where it has no other
    macs: frozenset[str]  # its own ones
    serials: frozenset[Serial]  # told by control protocols


class Group(NamedTuple):
    """Hosts that are one device: their places in what was given, in order, and why (not)."""

    members: tuple[int, ...]
    because: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


class _Bond(NamedTuple):
    """Hosts that share a link address or a serial."""

    members: tuple[int, ...]
    why: str


def joined(hosts: Sequence[Host]) -> list[Group]:
    """Put hosts that are one device together; every host is in exactly one group."""
    against: dict[int, list[str]] = defaultdict(list)
    for number, host in enumerate(hosts):
        against[number] += _contradictions(host)
    bonds = []
    for bond in (*_by_mac(hosts), *_by_serial(hosts, against)):
        quarrel = _quarrel(hosts[number] for number in bond.members)
        if quarrel is None:
            bonds.append(bond)
        else:
            _refuse(bond, quarrel, against)
    return _groups(hosts, bonds, against)


def is_serial(text: str) -> bool:
    """Tell whether a serial can be one device's own: not empty, short, all alike or counting."""
    signs = "".join(one for one in text if one.isalnum())
    alike = len(set(signs)) < 2
    return len(signs) >= 4 and not alike and not any(one.startswith(signs) for one in _COUNTING)


def _by_mac(hosts: Sequence[Host]) -> Iterable[_Bond]:
    sharing: dict[tuple[Place, str], list[int]] = defaultdict(list)
    for number, host in enumerate(hosts):
        if len(host.macs) == 1:  # an address at two link addresses is no sign of either
            (mac,) = host.macs
            sharing[host.place, mac].append(number)
    for (_, mac), members in sharing.items():
        if len(members) > 1:
            named = _listed(
                hosts[number].address for number in members if _is_address(hosts, number)
            )
            yield _Bond(tuple(members), f"the link address {mac} is that of {named}")


def _by_serial(hosts: Sequence[Host], against: Mapping[int, list[str]]) -> Iterable[_Bond]:
    sharing: dict[tuple[Place, Serial], list[int]] = defaultdict(list)
    for number, host in enumerate(hosts):
        for serial in host.serials if _quarrel([host]) is None else ():
            sharing[host.place, serial].append(number)
    for (_, (vendor, text)), members in sharing.items():
        if len(members) > MOST_SHARING:
            for number in members:
                against[number].append(
                    f"{len(members)} addresses tell the serial {text} of {vendor}"
                )
        elif len(members) > 1:
            named = _listed(hosts[number].address for number in members)
            yield _Bond(tuple(members), f"{named} told the serial {text} of {vendor}")


def _is_address(hosts: Sequence[Host], number: int) -> bool:
    return hosts[number].address not in hosts[number].macs


def _listed(addresses: Iterable[str]) -> str:
    return ", ".join(sorted(addresses))


def _contradictions(host: Host) -> list[str]:
    found = []
    if len(host.macs) > 1:
        found.append(f"{host.address} was met at the link addresses {_some(host.macs)}")
    quarrel = _quarrel([host])
    if quarrel:
        found.append(f"{host.address} told {quarrel}")
    return found


def _quarrel(hosts: Iterable[Host]) -> str | None:
    """Return what cannot be true of one device: two serials of one vendor."""
    told: dict[str, set[str]] = defaultdict(set)
    for host in hosts:
        for vendor, serial in host.serials:
            told[vendor].add(serial)
    for vendor, serials in sorted(told.items()):
        if len(serials) > 1:
            return f"{len(serials)} serials of {vendor}: {_some(serials)}"
    return None


def _some(texts: Iterable[str]) -> str:
    every = sorted(texts)
    return ", ".join(every[:SHOWN]) + (", ..." if len(every) > SHOWN else "")


def _refuse(bond: _Bond, quarrel: str, against: Mapping[int, list[str]]) -> None:
    for number in bond.members:
        against[number].append(f"{bond.why}, but told {quarrel}")


def _groups(
    hosts: Sequence[Host], bonds: Sequence[_Bond], against: Mapping[int, list[str]]
) -> list[Group]:
    roots = list(range(len(hosts)))
    for bond in bonds:
        first = _root(roots, bond.members[0])
        for number in bond.members[1:]:
            roots[_root(roots, number)] = first
    together: dict[int, list[int]] = defaultdict(list)
    for number in range(len(hosts)):
        together[_root(roots, number)].append(number)
    reasons: dict[int, list[str]] = defaultdict(list)
    for bond in bonds:
        reasons[_root(roots, bond.members[0])].append(bond.why)
    found: list[Group] = []
    for root, members in together.items():
        quarrel = _quarrel(hosts[number] for number in members) if len(members) > 1 else None
        if quarrel:  # only the whole chain contradicts itself: nobody knows where it is wrong
            for number in members:
                against[number].append(f"{'; '.join(sorted(reasons[root]))}, but told {quarrel}")
            found += (Group((number,), (), tuple(against[number])) for number in members)
        else:
            why = dict.fromkeys(sorted(text for number in members for text in against[number]))
            found.append(Group(tuple(members), tuple(sorted(reasons[root])), tuple(why)))
    return found


def _root(roots: list[int], number: int) -> int:
    while roots[number] != number:
        roots[number] = roots[roots[number]]
        number = roots[number]
    return number
