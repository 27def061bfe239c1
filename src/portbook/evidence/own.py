"""Where questions leave from: this machine's own addresses, and ports that must be ours to ask."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import IPv4Interface, ip_address
from typing import NamedTuple

from portbook.errors import SourceError, UsageError
from portbook.evidence.listeners import listeners
from portbook.ports import PortRange, Transport

_COMM = 15  # letters of a program's name that Linux keeps


class Own(NamedTuple):
    """An address of ours, as a question leaves from it; empty: the system chooses."""

    address: str = ""
    interface: str = ""
    port: int = 0


def networks(interface: str | None = None) -> dict[str, tuple[IPv4Interface, ...]]:
    """Return the IPv4 addresses with their prefixes, by interface.

    interface: this one alone; raises UsageError when there is none of that name
    """
    import psutil

    found = {
        name: tuple(
            IPv4Interface(f"{one.address}/{one.netmask}")
            for one in rows
            if one.family == socket.AF_INET and one.netmask
        )
        for name, rows in sorted(psutil.net_if_addrs().items())
    }
    if interface is None:
        return found
    if interface not in found:
        raise UsageError(f"{interface}: no interface of that name; there are {', '.join(found)}")
    return {interface: found[interface]}


def broadcasts() -> frozenset[str]:
    """Return the directed broadcast addresses of the own subnets."""
    return frozenset(
        str(one.network.broadcast_address)
        for rows in networks().values()
        for one in rows
        if one.network.prefixlen <= 30
    )


def towards(host: str) -> str | None:
    """Return which of our addresses the system would send from; None: it knows no way.

    Nothing is sent: a datagram socket is connected, which only looks the way up.
    """
    family = socket.AF_INET6 if ip_address(host.split("%", 1)[0]).version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as ask:
        try:
            ask.connect((host, 9))
        except OSError:
            return None
        return str(ask.getsockname()[0])


def free_port(wanted: PortRange, rivals: Iterable[str], now_ns: int) -> int:
    """Return the highest free UDP port of a few that programs of a system share.

    rivals: names of those programs. Nothing is bound here. Raises UsageError when one of them runs
    here, when a holder cannot be seen, or when none is free; SourceError when nobody tells.
    """
    names = frozenset(name.lower() for name in rivals)
    running = _running(names)
    if running:
        raise UsageError(
            f"{running} runs on this machine and owns {wanted}/udp; a question from here would "
            f"take one of its ports. Listen instead: portbook watch INTERFACE --port {wanted}/udp"
        )
    try:
        seen = listeners(now_ns=now_ns).listeners
    except OSError as error:
        raise SourceError(f"who holds {wanted}/udp cannot be told: {error}") from error
    held = [
        one
        for one in seen
        if one.transport is Transport.UDP and one.port in wanted and one.namespace is None
    ]
    hidden = next((one for one in held if one.owners_hidden and not one.owners), None)
    if hidden:
        raise UsageError(
            f"{hidden.port}/udp is held by a program of another user that cannot be seen; it may "
            "be one that owns these ports. Ask as root, or from another machine"
        )
    taken = {one.port for one in held}
    free = [port for port in range(wanted.last, wanted.first - 1, -1) if port not in taken]
    if not free:
        raise UsageError(f"none of {wanted}/udp is free on this machine, so no answer could come")
    return free[0]


def _running(names: frozenset[str]) -> str | None:
    """Return the name of a process of this machine that is one of some programs."""
    import psutil

    short = {name[:_COMM] for name in names}
    for one in psutil.process_iter(["name"]):
        name = (one.info["name"] or "").lower()
        if name in names or (len(name) == _COMM and name in short):
            return str(one.info["name"])
    return None
