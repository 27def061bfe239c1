"""The kernel's socket tables as text, /proc/net/tcp and its kin; strings in, sockets out.

Used for other network namespaces (`/proc/PID/net/tcp`) and where netlink is not to be had. The
text does not tell whether an IPv6 socket also takes IPv4, nor the interface, the backlog or the
control group; and it leaves out TCP sockets that are bound without listening.
Source: proc_pid_net(5); Documentation/networking/proc_net_tcp.rst of the kernel.
"""

from __future__ import annotations

import sys
from collections.abc import Collection

from portbook.evidence.sockdiag import INET, INET6, TCP, UDP, Raw

FILES = (("tcp", TCP), ("tcp6", TCP), ("udp", UDP), ("udp6", UDP))

_ADDRESS = 1
_PEER, _STATE, _UID, _INODE = 2, 3, 7, 9


def parse(
    text: str, protocol: int, states: Collection[int], port: int | None = None
) -> tuple[list[Raw], int]:
    """Read one table; return its sockets in the given states, and how many lines made no sense."""
    found, odd = [], 0
    wanted = None if port is None else f":{port:04X}"
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) <= _INODE:
            odd += 1
            continue
        if wanted is not None and not words[_ADDRESS].endswith(wanted):
            continue
        try:
            raw = _socket(words, protocol)
        except ValueError:
            odd += 1
            continue
        if raw.state in states:
            found.append(raw)
    return found, odd


def _socket(words: list[str], protocol: int) -> Raw:
    address, port = _endpoint(words[_ADDRESS])
    peer, peer_port = _endpoint(words[_PEER])
    return Raw(
        protocol=protocol,
        family=INET if len(address) == 4 else INET6,
        state=int(words[_STATE], 16),
        port=port,
        peer_port=peer_port,
        address=address,
        peer=peer,
        interface=0,
        backlog=0,
        uid=int(words[_UID]),
        inode=int(words[_INODE]),
        v6only=None,
        cgroup=None,
    )


def _endpoint(text: str) -> tuple[bytes, int]:
    """Read `0100007F:07CF`: words of 32 bits in the machine's order, then the port."""
    octets, port = text.split(":")
    raw = bytes.fromhex(octets)
    number = int(port, 16)
    if len(raw) not in (4, 16) or not 0 <= number <= 65535:
        raise ValueError(text)
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    return raw, number


def local_addresses(fib_trie: str) -> frozenset[str]:
    """Return the IPv4 addresses that a namespace has itself, from its /proc/PID/net/fib_trie."""
    found = set()
    last = ""
    for line in fib_trie.splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == "|--":
            last = words[1]
        elif words[:3] == ["/32", "host", "LOCAL"]:
            found.add(last)
    return frozenset(found)
