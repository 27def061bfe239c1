"""Where a stand-in stands: its address, its ports, its sockets, and faults on purpose.

Nothing stands at an address beyond loopback unless that address was said twice.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator
from ipaddress import ip_network
from typing import NamedTuple

import msgspec

from portbook.addresses import Scope, parse, scope_of
from portbook.emulators.controllers import Device, Door
from portbook.errors import SourceError, UsageError
from portbook.ports import Transport

ATTEMPTS = 20  # at a number that is free for all doors of one usual port
HELD = (errno.EADDRINUSE, errno.EACCES)
MOST_TIMES = 10_000
MOST_LATE_S = 3600.0
BACKLOG = 16
LOOPBACK_PREFIX, USUAL_PREFIX = 8, 24


class Manners(msgspec.Struct, frozen=True):
    """How a stand-in misbehaves, for tests of whoever asks.

    silent: it hears, and says nothing; hangs_up: TCP connections are closed at once
    times: each answer so often; cut: octets left out at the end of each; late_s: answers wait
    dribbles: over TCP one octet at a time; stranger: the address that UDP answers come from
    """

    silent: bool = False
    hangs_up: bool = False
    times: int = 1
    cut: int = 0
    late_s: float = 0.0
    dribbles: bool = False
    stranger: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.times <= MOST_TIMES:
            raise UsageError(f"an answer comes 1 to {MOST_TIMES} times, got {self.times}")
        if self.cut < 0 or not 0 <= self.late_s <= MOST_LATE_S:
            raise UsageError(f"cut is 0 or more octets, late is 0 to {MOST_LATE_S:g} seconds")

    def spoilt(self, octets: bytes) -> bytes:
        """Return an answer as it goes out."""
        if self.silent:
            return b""
        return octets[: -self.cut] if self.cut else octets


class Stand:
    """A device at an address.

    port: of its first door, None for its true one, 0 for any that is free; or_any: any, where the
    true one is taken or not ours to have
    prefix: length of the subnet's prefix; None asks the machine; yes: the address again, when it
    is beyond loopback. Raises UsageError where it is not said, or where the device cannot stand.
    """

    def __init__(
        self,
        device: Device,
        address: str = "127.0.0.1",
        port: int | None = None,
        *,
        prefix: int | None = None,
        yes: str | None = None,
        manners: Manners | None = None,
        or_any: bool = False,
    ) -> None:
        known = parse(address)
        if known is None or known.is_unspecified or known.is_multicast:
            raise UsageError(f"a stand-in needs one address to stand at, got {address!r}")
        for one in (address, manners.stranger if manners else None):
            if one and scope_of(one) is not Scope.LOOPBACK and yes != one:
                raise UsageError(
                    f"{one} is beyond this machine's loopback; when a stand-in is to be there, "
                    f"say it again: --yes {one}"
                )
        if device.needs_ipv4 and known.version != 4:
            raise UsageError(f"{device.title}: it cannot stand at {address}, it needs IPv4")
        self.device = device
        self.address = str(known)
        self.port = port
        self.or_any = or_any
        self.prefix = _prefix(self.address) if prefix is None else prefix
        if not 0 <= self.prefix <= known.max_prefixlen:
            raise UsageError(f"a prefix is 0 to {known.max_prefixlen} bits, got {self.prefix}")
        self.manners = manners or Manners()
        self.network = ip_network(f"{self.address}/{self.prefix}", strict=False)

    def reaches(self, address: str) -> bool:
        """Tell whether the device may send there by itself: its subnet, loopback's on loopback."""
        known = parse(address)
        if known is None or known.version != self.network.version or known not in self.network:
            return False
        return scope_of(self.address) is not Scope.LOOPBACK or known.is_loopback


class Bound(NamedTuple):
    """A socket of a stand-in; broadcast: it only hears what goes to all."""

    stand: Stand
    door: Door
    socket: socket.socket
    broadcast: bool = False

    @property
    def text(self) -> str:
        """Return where it is: `udp 127.0.0.1:1740`."""
        host, port = self.socket.getsockname()[:2]
        return f"{self.door.transport.value} {f'[{host}]' if ':' in host else host}:{port}"


def bind(stand: Stand) -> list[Bound]:
    """Bind all doors of a stand-in, and tell its device where it stands.

    Raises SourceError when a port is taken or not allowed.
    """
    for attempt in range(ATTEMPTS):
        found: list[Bound] = []
        try:
            _bind_all(stand, found)
        except BaseException as error:
            for one in found:
                one.socket.close()
            if not isinstance(error, OSError):
                raise
            if stand.or_any and stand.port is None and error.errno in HELD:
                stand.port = 0
            elif stand.port != 0 or error.errno != errno.EADDRINUSE or attempt == ATTEMPTS - 1:
                raise SourceError(_refused(stand, error)) from error
            continue
        return found
    raise AssertionError("the last attempt returns or raises")


def _bind_all(stand: Stand, found: list[Bound]) -> None:
    ports: dict[Transport, int] = {}
    first: dict[Transport, int] = {}
    shared: dict[int, int] = {}  # doors of one usual port stand at one number
    for door in stand.device.doors:
        wanted = shared.get(door.port, _wanted(stand, door))
        sock, start = _first_free(stand, door, wanted)
        number = sock.getsockname()[1]
        found.append(Bound(stand, door, sock))
        ports[door.transport], first[door.transport] = number, start or number
        shared[door.port] = start or number
        if door.broadcast:
            found += _for_all(stand, door, number)
    stand.device.placed(stand.address, stand.prefix, ports, first)


def _wanted(stand: Stand, door: Door) -> int:
    """Return the number that a door asks for: doors keep their distance from the first one."""
    if stand.port is None:
        return door.port
    if stand.port == 0:
        return 0
    number = stand.port + door.port - stand.device.doors[0].port
    if not 1 <= number <= 65535:
        raise OSError(errno.EADDRNOTAVAIL, f"its second port would be {number}")
    return number


def _first_free(stand: Stand, door: Door, wanted: int) -> tuple[socket.socket, int]:
    tries = door.tries if wanted else 1
    for step in range(tries):
        try:
            return _socket(stand.address, door, wanted + step), wanted
        except OSError as error:
            if step == tries - 1 or error.errno != errno.EADDRINUSE:
                raise
    raise AssertionError("the last try returns or raises")


def _socket(address: str, door: Door, port: int, *, shared: bool = False) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    stream = door.transport is Transport.TCP
    made = socket.socket(family, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
    try:
        if stream or shared:
            # a datagram socket shares its port only where all are to hear: what goes to everybody
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if door.broadcast:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        made.setblocking(False)
        made.bind((address, port))
        if stream:
            made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def _for_all(stand: Stand, door: Door, port: int) -> Iterator[Bound]:
    """Give the socket that hears what goes to the subnet's broadcast address.

    Windows lets nobody bind that address: there the device hears what goes to it alone.
    """
    if stand.network.version == 4 and stand.prefix <= 30:
        with contextlib.suppress(OSError):
            sock = _socket(str(stand.network.broadcast_address), door, port, shared=True)
            yield Bound(stand, door, sock, broadcast=True)


def _prefix(address: str) -> int:
    """Return the prefix length of the subnet that an address of this machine is in."""
    if ":" in address:
        return 64
    if scope_of(address) is Scope.LOOPBACK:
        return LOOPBACK_PREFIX
    import psutil

    for rows in psutil.net_if_addrs().values():
        for row in rows:
            if row.address == address and row.netmask:
                return ip_network(f"0.0.0.0/{row.netmask}").prefixlen
    return USUAL_PREFIX


def _refused(stand: Stand, error: OSError) -> str:
    port = stand.device.doors[0].port if stand.port is None else stand.port
    why = "it is taken" if error.errno == errno.EADDRINUSE else error.strerror or str(error)
    return (
        f"{stand.device.title}: {stand.address} port {port} cannot be listened on: {why}; "
        f"choose another, or any: --listen {stand.address}:0"
    )
