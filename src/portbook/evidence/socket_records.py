"""From the kernel's sockets and their holders to records; each process is read once.

Twenty thousand sockets are no rarity, so what many share (owner, user, unit, address) is worked
out once and looked up after.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from portbook.addresses import Scope, scope_of
from portbook.evidence import cgroups, docker_proxy, procnet, procowners, sockdiag, socket_units
from portbook.evidence.cgroups import Place
from portbook.evidence.kernel_sockets import Told
from portbook.evidence.namespaces import Namespace
from portbook.evidence.procowners import Holders
from portbook.evidence.sockdiag import CLOSE, INET, LISTEN, UDP, Raw
from portbook.ports import PortRange, Transport
from portbook.records import Listener, Owner

_TCP_STATES = {
    1: "established", 2: "syn-sent", 3: "syn-recv", 4: "fin-wait1", 5: "fin-wait2", 7: "bound",
    8: "close-wait", 9: "last-ack", 10: "listen", 11: "closing",
}  # fmt: skip
_UDP_STATES = {1: "connected", 7: "unconnected"}
_TRANSPORTS = {
    sockdiag.TCP: (Transport.TCP, _TCP_STATES),
    sockdiag.UDP: (Transport.UDP, _UDP_STATES),
    sockdiag.SCTP: (Transport.SCTP, _TCP_STATES),
}
_MAPPED = bytes(10) + b"\xff\xff"  # RFC 4291, section 2.5.5.2


class Surface(NamedTuple):
    """The sockets of one network namespace; None: our own."""

    space: Namespace | None
    told: Told


class _Whose(NamedTuple):
    """Whose a socket is, as far as it can be told."""

    owners: tuple[Owner, ...]
    user: str
    unit: str | None
    container: str | None
    special: bool  # systemd or docker-proxy holds it for another


class Recorder:
    """Makes records of sockets.

    held: inode -> processes; now_ns: the time that the records carry
    ephemeral: the range that clients' ports come from
    """

    def __init__(self, held: Holders, now_ns: int, ephemeral: PortRange | None = None) -> None:
        self._held = held.pids
        self._now_ns = now_ns
        self._clients = range(ephemeral.first, ephemeral.last + 1) if ephemeral else range(0)
        self._client_note = f"its port is one for clients ({ephemeral}): it may only ask"
        self._users: dict[int, str] = {}
        self._owners: dict[int, Owner | None] = {}
        self._whose: dict[tuple[tuple[int, ...], int, int | None], _Whose] = {}
        self._places: dict[int, Place] = {}
        self._addresses: dict[bytes, tuple[str, Scope]] = {}
        self._units: dict[socket_units.Held, str] | None = None

    def records(self, surfaces: Collection[Surface], gone: Collection[int]) -> list[Listener]:
        """Return the records of all namespaces' sockets but those that are gone."""
        self._find_places(raw for surface in surfaces for raw in surface.told.sockets)
        spaces = [surface.space for surface in surfaces if surface.space]
        found: list[Listener] = []
        for surface in surfaces:
            found += self._namespace(surface, gone, spaces)
        return found

    def _namespace(
        self, surface: Surface, gone: Collection[int], spaces: Collection[Namespace]
    ) -> Iterator[Listener]:
        # One unpacking and one positional call a socket: at 20,000 sockets names and keywords
        # took twice the time.
        name = surface.space.name if surface.space else None
        interfaces = surface.told.interfaces
        held, known, addresses, now_ns = self._held, self._whose, self._addresses, self._now_ns
        for raw in surface.told.sockets:
            (
                protocol, family, state, port, peer_port, octets, peer, link, backlog, uid, inode,
                v6only, group,
            ) = raw  # fmt: skip
            if inode in gone:
                continue
            key = (held.get(inode, ()), uid, group)
            whose = known.get(key) or self._find_whose(key)
            owners, user, unit, container, special = whose
            address, scope = addresses.get(octets) or self._address(octets)
            transport, words = _TRANSPORTS[protocol]
            interface = note = None
            if state == CLOSE and protocol == UDP and port in self._clients:
                note = self._client_note  # UDP has no "listen": who only asks looks the same
            if link:
                interface = interfaces.get(link, f"number {link}")
                if interface == "lo" and scope is Scope.ANY:
                    scope = Scope.LOOPBACK  # bound to the loopback interface: nobody else comes
            if special:
                unit, container, more = self._special(whose, transport, address, port, spaces)
                note = more or note
            yield Listener(
                transport,
                address,
                port,
                scope,
                words.get(state) or f"state {state}",
                now_ns,
                owners,
                not owners,
                "ipv4" if family == INET else _family(octets, v6only),
                interface,
                name,
                uid,
                user,
                unit,
                container,
                inode or None,
                _endpoint(peer, peer_port) if peer_port else None,
                backlog=backlog if backlog and state == LISTEN else None,
                note=note,
            )

    def _special(
        self,
        whose: _Whose,
        transport: Transport,
        address: str,
        port: int,
        spaces: Collection[Namespace],
    ) -> tuple[str | None, str | None, str | None]:
        """Return unit, container and note of a socket whose owner answers for another."""
        unit, container, note = whose.unit, whose.container, None
        if any(map(_is_systemd, whose.owners)):
            if self._units is None:
                self._units = socket_units.units()
            found = socket_units.unit_for(self._units, transport, address, port)
            if found:
                unit, note = found, f"systemd hands connections on: systemctl status {found}"
        proxy = docker_proxy.proxy(whose.owners)
        if proxy is not None:
            container, note = _behind(proxy, port, spaces)
        return unit, container, note

    def _find_whose(self, key: tuple[tuple[int, ...], int, int | None]) -> _Whose:
        pids, uid, group = key
        owners = tuple(filter(None, map(self._owner, pids)))
        place = self._places.get(group or 0) or Place()
        if owners:
            place = Place(owners[0].unit, owners[0].container)
        special = any(map(_is_systemd, owners)) or docker_proxy.proxy(owners) is not None
        user = procowners.user_name(uid, self._users)
        whose = _Whose(owners, user, place.unit, place.container, special)
        self._whose[key] = whose
        return whose

    def _owner(self, pid: int) -> Owner | None:
        if pid not in self._owners:
            self._owners[pid] = procowners.owner(pid, self._users)
        return self._owners[pid]

    def _find_places(self, sockets: Iterable[Raw]) -> None:
        """Look up the control groups of sockets that have no owner to be seen."""
        groups = {raw.cgroup for raw in sockets if raw.cgroup and raw.inode not in self._held}
        paths = cgroups.paths_by_id(groups)
        self._places = {number: cgroups.place(path) for number, path in paths.items()}

    def _address(self, octets: bytes) -> tuple[str, Scope]:
        text = _text(octets)
        if octets[0] == 127 and len(octets) == 4:
            scope = Scope.LOOPBACK  # the common case, without the general way's cost
        else:
            scope = scope_of(text)
        self._addresses[octets] = text, scope
        return text, scope


def _is_systemd(owner: Owner) -> bool:
    return owner.pid == 1 and owner.program == "systemd"


def _text(octets: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(octets) == 4 else socket.AF_INET6, octets)


def _endpoint(octets: bytes, port: int) -> str:
    host = _text(octets)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _family(address: bytes, v6only: bool | None) -> str:
    """Tell who reaches an IPv6 socket: it takes IPv4 too when bound to all, or to a mapped one."""
    if address[:12] == _MAPPED:
        return "ipv4"
    return "dual" if v6only is False and not any(address) else "ipv6"


def _behind(proxy: Owner, port: int, spaces: Iterable[Namespace]) -> tuple[str | None, str]:
    """Find the container that docker-proxy hands on to, by the address of its namespace."""
    target = docker_proxy.behind(proxy.command or "")
    container = None
    if target is not None:
        container = next(filter(None, (_holder(space, target.address) for space in spaces)), None)
    return container, docker_proxy.note(target, container, port)


def _holder(space: Namespace, address: str) -> str | None:
    """Return the container of a namespace, or its name, when it has this address."""
    for pid in space.pids:
        try:
            with open(f"/proc/{pid}/net/fib_trie", encoding="ascii", errors="replace") as file:
                if address not in procnet.local_addresses(file.read()):
                    return None
            with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
                return cgroups.place(cgroups.path_of(file.read())).container or space.name
        except OSError:
            continue
    return None
