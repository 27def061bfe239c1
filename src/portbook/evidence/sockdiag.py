"""The kernel's own list of sockets: what is asked over netlink, and what comes back. Bytes only.

Sources: linux/sock_diag.h, linux/inet_diag.h, linux/netlink.h (the kernel's user headers);
sock_diag(7). Numbers are in the machine's byte order, ports and addresses in the network's.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

SOCK_DIAG_BY_FAMILY = 20
INET, INET6 = 2, 10  # the families' numbers on Linux
TCP, UDP, SCTP = 6, 17, 132

ESTABLISHED, TIME_WAIT, CLOSE, LISTEN = 1, 6, 7, 10
BOUND_ONLY = 13  # a state to ask for; such sockets answer with CLOSE (Linux 6.8 and later)

_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_ATTRIBUTE_BYTECODE = 1
_ATTRIBUTE_LOCALS, _ATTRIBUTE_V6ONLY, _ATTRIBUTE_CGROUP = 17, 11, 21
_SOCKET_OCTETS = 88  # netlink header and struct inet_diag_msg
_FAMILY_AT = 16  # octet of a socket's message
_SOCKADDR_STORAGE = 128
_OP_PORT_AT_LEAST, _OP_PORT_AT_MOST = 2, 3  # source port
_CHAIN_LIMIT = 1024  # local addresses of one SCTP socket that are read

_ORDER = sys.byteorder
_HEADER = Struct("=IHHII")
_REQUEST = Struct("=BBxxI48x")
_OPERATION = Struct("=BBH")
_ATTRIBUTE = Struct("=HH")
_CGROUP = Struct("=Q")


class Raw(NamedTuple):
    """One socket as the kernel tells it; addresses are 4 or 16 octets."""

    protocol: int  # IP protocol number
    family: int  # INET or INET6
    state: int
    port: int
    peer_port: int
    address: bytes
    peer: bytes
    interface: int  # index, 0: any
    backlog: int  # of a listening socket: connections that may wait
    uid: int
    inode: int
    v6only: bool | None  # None: not told
    cgroup: int | None  # id in the cgroup2 tree, None: not told


_Extra = tuple[bool | None, int | None, tuple[bytes, ...]]  # v6only, cgroup, local addresses


class Answer(NamedTuple):
    """What one piece of the kernel's answer held."""

    sockets: list[Raw]
    done: bool  # nothing more will come
    error: int  # errno that the kernel gave, 0: none
    cut: int  # messages that end before their length says, or are too short for a socket


def request(family: int, protocol: int, states: int, port: int | None = None) -> bytes:
    """Return the question for all sockets of a family, protocol and set of states (a bit each).

    port: the kernel answers with this source port alone
    """
    body = _REQUEST.pack(family, protocol, states)
    if port is not None:
        program = _port_program(port)
        body += _ATTRIBUTE.pack(4 + len(program), _ATTRIBUTE_BYTECODE) + program
    return _HEADER.pack(16 + len(body), SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0) + body


def parse(octets: bytes, protocol: int) -> Answer:
    """Read one piece of the answer to a question about `protocol`; never raises."""
    sockets: list[Raw] = []
    at, end = 0, len(octets)
    while at + 16 <= end:
        length, kind, _, _, _ = _HEADER.unpack_from(octets, at)
        if length < 16 or at + length > end:
            return Answer(sockets, False, 0, 1)
        if kind in (_NLMSG_DONE, _NLMSG_ERROR):
            return Answer(sockets, True, _errno(octets, at, length), 0)
        if kind == SOCK_DIAG_BY_FAMILY:
            if length < _SOCKET_OCTETS:
                return Answer(sockets, False, 0, 1)
            at += _run(octets, at, length, protocol, sockets)
        else:
            at += _aligned(length)
    return Answer(sockets, False, 0, int(at < end))


def _run(octets: bytes, at: int, length: int, protocol: int, sockets: list[Raw]) -> int:
    """Read the sockets from `at` on that are alike in length and family; return the octets read.

    Neighbours mostly are, and one unpacking for many is twice as fast.
    """
    step, alike = _aligned(length), octets[at + _FAMILY_AT]
    times = max(1, (len(octets) - at) // step)
    block = octets[at : at + times * step].ljust(times * step, b"\0")
    told: dict[bytes, _Extra] = {}
    make, read = tuple.__new__, 0
    for (
        size, kind, family, state, high, low, peer_high, peer_low, address, peer, interface, limit,
        uid, inode, more,
    ) in _message(step, 4 if alike == INET else 16).iter_unpack(block):  # fmt: skip
        if size != length or kind != SOCK_DIAG_BY_FAMILY or family != alike:
            break
        read += step
        extra = told.get(more)
        if extra is None:
            extra = told[more] = _attributes(more[: length - _SOCKET_OCTETS])
        v6only, cgroup, several = extra
        row = make(Raw, (
            protocol, family, state, high << 8 | low, peer_high << 8 | peer_low, address, peer,
            interface, limit, uid, inode, v6only, cgroup,
        ))  # fmt: skip
        if several:
            sockets.extend(row._replace(address=one) for one in several)
        else:
            sockets.append(row)
    return read


@lru_cache(maxsize=64)
def _message(step: int, width: int) -> Struct:
    """Return the layout of a socket's message of so many octets, with addresses of `width`.

    Length and kind; family, state, source and destination port as two octets each, addresses,
    interface, limit of the accept queue, uid, inode; attributes. Timers, the cookie and the octets
    that wait are stepped over.
    """
    address = f"{width}s{16 - width}x"
    return Struct(f"=IH10xBBxxBBBB{address}{address}I16xIII{step - _SOCKET_OCTETS}s")


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def _port_program(port: int) -> bytes:
    # Two steps of 8 octets: the second half of each is its operand. `yes` is the way on when it
    # holds; a `no` four octets beyond the end refuses the socket (inet_diag_bc_run).
    at_least = _OPERATION.pack(_OP_PORT_AT_LEAST, 8, 20) + _OPERATION.pack(0, 0, port)
    at_most = _OPERATION.pack(_OP_PORT_AT_MOST, 8, 12) + _OPERATION.pack(0, 0, port)
    return at_least + at_most


def _attributes(octets: bytes) -> _Extra:
    v6only: bool | None = None
    cgroup: int | None = None
    addresses: tuple[bytes, ...] = ()
    at = 0
    while at + 4 <= len(octets):
        length, kind = _ATTRIBUTE.unpack_from(octets, at)
        if length < 4 or at + length > len(octets):
            break
        value = octets[at + 4 : at + length]
        if kind == _ATTRIBUTE_V6ONLY and value:
            v6only = value[0] != 0
        elif kind == _ATTRIBUTE_CGROUP and len(value) >= 8:
            (cgroup,) = _CGROUP.unpack_from(value)
        elif kind == _ATTRIBUTE_LOCALS:
            addresses = _locals(value)
        at += _aligned(length)
    return v6only, cgroup, addresses


def _locals(octets: bytes) -> tuple[bytes, ...]:
    """Read the addresses of a socket that has several (SCTP): an array of sockaddr_storage."""
    found = []
    whole = len(octets) - len(octets) % _SOCKADDR_STORAGE
    for at in range(0, min(whole, _CHAIN_LIMIT * _SOCKADDR_STORAGE), _SOCKADDR_STORAGE):
        family = int.from_bytes(octets[at : at + 2], _ORDER)
        if family == INET:
            found.append(octets[at + 4 : at + 8])
        elif family == INET6:
            found.append(octets[at + 8 : at + 24])
    return tuple(found)


def _errno(octets: bytes, at: int, length: int) -> int:
    if length < 20:
        return 0
    return abs(int.from_bytes(octets[at + 16 : at + 20], _ORDER, signed=True))
