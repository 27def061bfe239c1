"""Ask the Linux kernel for sockets: of this network namespace by netlink; of others by
entering them for a moment, or by text.

What is asked and how the answer is read stands in `sockdiag` and `procnet`; here is the I/O.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from portbook.evidence import procnet, sockdiag
from portbook.evidence.sockdiag import BOUND_ONLY, INET, INET6, SCTP, TCP, UDP, Raw

NOTHING: Mapping[int, str] = MappingProxyType({})
_AF_NETLINK = 16  # the name is missing from the socket module elsewhere
_NETLINK_SOCK_DIAG = 4
_CLONE_NEWNET = 0x40000000
_PIECE_OCTETS = 65536  # the kernel fills at most 32 KiB at a time
_TIMEOUT_S = 10.0
_FIRST_WITH_BOUND = (6, 8)  # Linux, "tcp: Dump bound-only sockets in inet_diag"

_BOUND = 1 << BOUND_ONLY
_LISTENING = {
    TCP: 1 << sockdiag.LISTEN | _BOUND,
    UDP: 1 << sockdiag.CLOSE | 1 << sockdiag.ESTABLISHED,
    SCTP: 1 << sockdiag.LISTEN,
}
# all states of a connection but TIME-WAIT: nobody owns those any more
_CONNECTED = sum(1 << state for state in (1, 2, 3, 4, 5, 8, 9, 11))


class Told(NamedTuple):
    """Sockets, and sentences about what the kernel did not tell."""

    sockets: list[Raw]
    missing: tuple[str, ...] = ()
    interfaces: Mapping[int, str] = NOTHING  # names by number, of the namespace that was asked


def by_netlink(port: int | None, established: bool) -> Told:
    """Return the sockets of this network namespace.

    Raises OSError when the kernel has no socket lists over netlink, or keeps them from us.
    """
    found: list[Raw] = []
    missing = []
    with _link() as link:
        for protocol in _protocols():
            states = _LISTENING[protocol] | (_CONNECTED if established and protocol != UDP else 0)
            for family in (INET, INET6):
                missing += _dump(link, family, protocol, states, port, found)
    if not tells_bound():
        missing.append(
            "TCP sockets that are bound but do not listen: the kernel tells of them since "
            f"Linux {_FIRST_WITH_BOUND[0]}.{_FIRST_WITH_BOUND[1]}"
        )
    names = dict(socket.if_nameindex()) if any(raw.interface for raw in found) else NOTHING
    return Told(_once(found), tuple(dict.fromkeys(missing)), names)


def by_netlink_in(namespace: str, port: int | None, established: bool) -> Told:
    """Return the sockets of another network namespace, given as a file: `/proc/PID/ns/net`.

    A thread of its own enters the namespace and ends there; the caller stays where it is.
    Raises OSError when it may not be entered, or has no socket lists.
    """
    import threading

    told: list[Told] = []
    failed: list[OSError] = []

    def inside() -> None:
        try:
            _enter(namespace)
            told.append(by_netlink(port, established))
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=inside, name="portbook-namespace")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return told[0]


def still_there(sockets: Iterable[Raw]) -> set[int]:
    """Return the inodes of those sockets of this network namespace that are still open.

    Raises OSError as `by_netlink` does.
    """
    asked: dict[tuple[int, int], tuple[int, set[int]]] = {}
    for raw in sockets:
        state = raw.state if raw.state != sockdiag.CLOSE or raw.protocol == UDP else BOUND_ONLY
        states, ports = asked.setdefault((raw.family, raw.protocol), (0, set()))
        ports.add(raw.port)
        asked[raw.family, raw.protocol] = states | 1 << state, ports
    found: list[Raw] = []
    with _link() as link:
        for (family, protocol), (states, ports) in asked.items():
            port = next(iter(ports)) if len(ports) == 1 else None
            _dump(link, family, protocol, states, port, found)
    return {raw.inode for raw in found}


def by_text(port: int | None, established: bool, folder: str = "/proc/self/net") -> Told:
    """Return the sockets of the network namespace whose tables lie in `folder`.

    Raises OSError when the tables cannot be read.
    """
    found: list[Raw] = []
    odd = 0
    for name, protocol in procnet.FILES:
        mask = _LISTENING[protocol] | (_CONNECTED if established and protocol != UDP else 0)
        states = {state for state in range(1, 13) if mask & 1 << state}
        try:
            with open(f"{folder}/{name}", encoding="ascii", errors="replace") as file:
                text = file.read()
        except FileNotFoundError:
            if name == "tcp":
                raise
            continue  # a kernel without IPv6
        sockets, lines = procnet.parse(text, protocol, states, port)
        found += sockets
        odd += lines
    missing = (f"{odd} lines of {folder} that make no sense",) if odd else ()
    return Told(_once(found), missing)


def tells_bound() -> bool:
    """Tell whether this kernel lists TCP sockets that are bound without listening."""
    numbers = os.uname().release.split(".")[:2]
    try:
        return (int(numbers[0]), int(numbers[1].split("-")[0])) >= _FIRST_WITH_BOUND
    except (ValueError, IndexError):
        return False


def _enter(namespace: str) -> None:
    """Move this thread into a network namespace."""
    file = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if hasattr(os, "setns"):  # Python 3.12 and later
            os.setns(file, _CLONE_NEWNET)
            return
        import ctypes

        if ctypes.CDLL(None, use_errno=True).setns(file, _CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), namespace)
    finally:
        os.close(file)


def _link() -> socket.socket:
    link = socket.socket(_AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG)
    link.settimeout(_TIMEOUT_S)
    return link


def _protocols() -> Iterator[int]:
    yield TCP
    yield UDP
    # asking a kernel without SCTP could make it load the module
    if os.path.exists("/proc/net/sctp"):
        yield SCTP


def _dump(
    link: socket.socket,
    family: int,
    protocol: int,
    states: int,
    port: int | None,
    found: list[Raw],
) -> list[str]:
    link.send(sockdiag.request(family, protocol, states, port))
    while True:
        answer = sockdiag.parse(link.recv(_PIECE_OCTETS), protocol)
        found += answer.sockets
        if answer.cut:
            _drain(link)
            return ["some sockets: the kernel's answer was cut; ask again"]
        if answer.error in (errno.ENOENT, errno.EINVAL, errno.EOPNOTSUPP) and protocol == SCTP:
            return []
        if answer.error:
            raise OSError(answer.error, os.strerror(answer.error))
        if answer.done:
            return []


def _drain(link: socket.socket) -> None:
    """Throw away what is left of an answer, so that the next one starts clean."""
    while not sockdiag.parse(link.recv(_PIECE_OCTETS), TCP).done:
        pass


def _once(sockets: list[Raw]) -> list[Raw]:
    """Leave out what the kernel told twice, since sockets moved while it was asked.

    Connections without inode are left out too: no process holds them any more.
    """
    inodes = {raw.inode for raw in sockets}
    if len(inodes) == len(sockets) and 0 not in inodes:
        return sockets
    seen: set[tuple[int, bytes, int, int]] = set()
    kept = []
    for raw in sockets:
        key = (raw.inode, raw.address, raw.port, raw.protocol)
        held = raw.inode or raw.protocol == UDP or raw.state in (sockdiag.LISTEN, sockdiag.CLOSE)
        if held and key not in seen:
            seen.add(key)
            kept.append(raw)
    return kept
