"""Programs for the kernel's packet filter: only packets of some hosts and ports come up.

What cannot be judged there passes and is judged later: fragments behind the first one, packets
with extension headers, tunnels, everything that is no IP. Pure. Source: kernel documentation,
networking/filter (classic BPF); the outermost VLAN tag is off when a program runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from portbook.ports import Transport

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, k
_LOAD_HALF, _LOAD_OCTET, _LOAD_WORD, _LOAD_LENGTH = 0x28, 0x30, 0x20, 0xB1
_LOAD_HALF_X, _AND, _RETURN = 0x48, 0x54, 0x06
_JUMP, _EQUAL, _ABOVE, _AT_LEAST, _ANY_BIT = 0x05, 0x15, 0x25, 0x35, 0x45
_EVERYTHING = 0x40000  # octets of a packet
MOST = 4096  # instructions that the kernel takes
MOST_WORDS = 400  # hosts and ports of an expression: more take libpcap seconds
_PASS, _DROP = "pass", "drop"
_NUMBERS = {Transport.TCP: 6, Transport.UDP: 17, Transport.SCTP: 132}
Network = IPv4Network | IPv6Network
Ports = tuple[int, int, Transport | None]  # first, last, of one transport or of all


class _Step(NamedTuple):
    """An instruction whose jumps go to labels; `label`: its own."""

    code: int
    k: int
    true: str | None = None
    false: str | None = None
    label: str | None = None


def program(
    hosts: Sequence[Network] = (), ports: Sequence[Ports] = (), *, ethernet: bool = True
) -> list[Instruction] | None:
    """Return a program that lets packets of any of the hosts and any of the ports pass.

    ethernet: False for frames that begin with the IP header
    None when everything is asked for, or more than one program can hold.
    """
    if not (hosts or ports):
        return None
    steps = [*_kind(ethernet), *_four(hosts, ports, 14 * ethernet), *_six(hosts, ports, ethernet)]
    steps += [_Step(_RETURN, _EVERYTHING, label=_PASS), _Step(_RETURN, 0, label=_DROP)]
    return _assembled(steps)


def expression(hosts: Sequence[Network] = (), ports: Sequence[Ports] = ()) -> str | None:
    """Return the same in libpcap's words, which compiles them for any kind of frames.

    None when everything is asked for, or more than is worth compiling.
    Source: pcap-filter(7).
    """
    if not (hosts or ports) or len(hosts) + len(ports) > MOST_WORDS:
        return None
    sides = ["not ip and not ip6", "ip[6:2] & 0x1fff != 0"]
    for version, family, protocol in ((4, "ip", "ip[9]"), (6, "ip6", "ip6[6]")):
        near = " or ".join(f"{family} net {one}" for one in hosts if one.version == version)
        if hosts and not near:
            continue
        numbers = [f"{protocol} != {number}" for number in _NUMBERS.values()]
        spans = " or ".join(
            [" and ".join(numbers), *(one for span in ports for one in _spans(span))]
        )
        parts = [family, *([f"({near})"] if near else []), *([f"({spans})"] if ports else [])]
        sides.append(" and ".join(parts))
    return " or ".join(f"({one})" for one in sides)


def _spans(ports: Ports) -> list[str]:
    first, last, transport = ports
    kinds = [one for one in _NUMBERS if transport in (None, one)]
    return [f"{one.value} portrange {first}-{last}" for one in kinds]


def _kind(ethernet: bool) -> list[_Step]:
    if not ethernet:
        return [
            _Step(_LOAD_OCTET, 0),
            _Step(_AND, 0xF0),
            _Step(_EQUAL, 0x40, "four", None),
            _Step(_EQUAL, 0x60, "six", _PASS),
        ]
    return [
        _Step(_LOAD_HALF, 12),
        _Step(_EQUAL, 0x0800, "four", None),
        _Step(_EQUAL, 0x86DD, "six", _PASS),
    ]


def _four(hosts: Sequence[Network], ports: Sequence[Ports], ip: int) -> list[_Step]:
    steps = [_Step(_LOAD_HALF, ip + 6, label="four"), _Step(_ANY_BIT, 0x1FFF, _PASS, None)]
    if hosts:
        steps += _hosts([one for one in hosts if one.version == 4], ip + 12, ip + 16, "four")
    if ports:
        steps += [
            _Step(_LOAD_LENGTH, ip, label="four-ports"),
            *_ports(ports, ip + 9, ip, "four", with_x=True),
        ]
    else:
        steps.append(_Step(_JUMP, 0, _PASS, label="four-ports"))
    return steps


def _six(hosts: Sequence[Network], ports: Sequence[Ports], ethernet: bool) -> list[_Step]:
    ip = 14 * ethernet
    steps = [_Step(_LOAD_OCTET, ip + 6, label="six")]
    if hosts:
        steps += _hosts([one for one in hosts if one.version == 6], ip + 8, ip + 24, "six")
    if ports:
        steps += [
            _Step(_LOAD_OCTET, ip + 6, label="six-ports"),
            *_ports(ports, ip + 6, ip + 40, "six", with_x=False),
        ]
    else:
        steps.append(_Step(_JUMP, 0, _PASS, label="six-ports"))
    return steps


def _hosts(hosts: Sequence[Network], source: int, target: int, side: str) -> list[_Step]:
    """Go to the ports when either address is of a host, else drop."""
    behind = f"{side}-ports"
    steps: list[_Step] = []
    for number, (host, at) in enumerate((one, at) for one in hosts for at in (source, target)):
        following = f"{side}-host-{number + 1}"
        words = host.max_prefixlen // 32
        address, mask = int(host.network_address), int(host.netmask)
        first = True
        for word in range(words):
            shift = 32 * (words - 1 - word)
            bits = mask >> shift & 0xFFFFFFFF
            if not bits:
                continue
            label = f"{side}-host-{number}" if first else None
            steps.append(_Step(_LOAD_WORD, at + 4 * word, label=label))
            if bits != 0xFFFFFFFF:
                steps.append(_Step(_AND, bits))
            steps.append(_Step(_EQUAL, address >> shift & 0xFFFFFFFF, None, following))
            first = False
        label = f"{side}-host-{number}" if first else None
        steps.append(_Step(_JUMP, 0, behind, label=label))
    last = f"{side}-host-{2 * len(hosts)}"
    steps.append(_Step(_JUMP, 0, _DROP, label=last))
    return steps


def _ports(
    ports: Sequence[Ports], protocol: int, body: int, side: str, *, with_x: bool
) -> list[_Step]:
    """Pass when either port is asked for; other protocols than those with ports pass too."""
    load = _LOAD_HALF_X if with_x else _LOAD_HALF
    steps = [_Step(_LOAD_OCTET, protocol)]
    steps += [_Step(_EQUAL, number, f"{side}-{number}", None) for number in (6, 17)]
    steps.append(_Step(_EQUAL, 132, f"{side}-132", _PASS))
    for transport, number in _NUMBERS.items():
        mine = [(first, last) for first, last, of in ports if of in (None, transport)]
        label: str | None = f"{side}-{number}"
        for at in (body, body + 2) if mine else ():
            steps.append(_Step(load, at, label=label))
            label = None
            for first, last in mine:
                if first == last:
                    steps.append(_Step(_EQUAL, first, _PASS, None))
                else:
                    steps.append(_Step(_AT_LEAST, first, None, "skip"))
                    steps.append(_Step(_ABOVE, last, None, _PASS))
        steps.append(_Step(_JUMP, 0, _DROP, label=label))
    return steps


def _assembled(steps: list[_Step]) -> list[Instruction] | None:
    """Turn labels into distances; None: one is too far, or the program is too long.

    "skip" jumps over the next instruction.
    """
    if len(steps) > MOST:
        return None
    places = {step.label: at for at, step in enumerate(steps) if step.label}
    found = []
    for at, step in enumerate(steps):
        true, false = (_distance(goal, places, at) for goal in (step.true, step.false))
        if step.code == _JUMP:
            found.append((_JUMP, 0, 0, true))
        elif max(true, false) > 255:
            return None
        else:
            found.append((step.code, true, false, step.k))
    return found


def _distance(goal: str | None, places: dict[str, int], at: int) -> int:
    """Return how many instructions a jump leaves out; none without a goal."""
    if goal is None:
        return 0
    return 1 if goal == "skip" else places[goal] - at - 1
