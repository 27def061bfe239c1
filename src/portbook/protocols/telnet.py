"""Telnet: one side or both begin by bargaining for options, and answer each other's wishes.

What is typed and shown afterwards goes nowhere.
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.moulds import (
    Kind,
    Mould,
    Number,
    Octets,
    OneOf,
    Run,
    Speech,
    Step,
    Tail,
    Until,
)
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "telnet"
END, BEGIN, WILL, WONT, DO, DONT, IAC = 240, 250, 251, 252, 253, 254, 255
WISHES = (WILL, WONT, DO, DONT)
REPLIES = {WILL: (DO, DONT), DO: (WILL, WONT), WONT: (DONT,), DONT: (WONT,)}
OPTIONS = {
    0: "binary", 1: "echo", 3: "suppress go ahead", 5: "status", 6: "timing mark", 18: "logout",
    24: "terminal type", 25: "end of record", 31: "window size", 32: "terminal speed",
    33: "flow control", 34: "line mode", 35: "X display", 36: "environment", 37: "authentication",
    38: "encryption", 39: "new environment", 40: "TN3270E", 42: "character set", 44: "serial port",
    45: "suppress local echo", 46: "TLS", 70: "MSSP", 85: "MCCP", 86: "MCCP2", 200: "ATCP",
    201: "GMCP",
}  # fmt: skip
TERMINAL, IS = 24, 0
ALONE = 3  # wishes at the start of one side that are enough without the other
LONGEST = 512  # octets of one value
BARGAINS = 64


class Bargain(NamedTuple):
    """The wishes at the start of a direction, its terminal, and whether all could be read."""

    wishes: tuple[tuple[int, int], ...]
    terminal: str
    sound: bool


def recognise(payload: Payload) -> Identification | None:
    """Name Telnet by wishes that are answered, or by several at the start of one side."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = _read(payload.to_server), _read(payload.to_client)
    if not (asked.sound and answered.sound):
        return None
    agreed = _replies(asked, answered) + _replies(answered, asked)
    found = asked.wishes + answered.wishes
    names = dict.fromkeys(OPTIONS[option] for _, option in found)
    facts: dict[str, object] = {"options": list(names)}
    if asked.terminal:
        facts["terminal"] = asked.terminal
    because = [f"{len(found)} wishes for known options"]
    if agreed and asked.wishes and answered.wishes:
        return confirmed(NAME, *because, f"{agreed} are answered", facts=facts)
    if max(len(asked.wishes), len(answered.wishes)) < ALONE:
        return None
    return plausible(NAME, *because, against=("no wish is answered",), facts=facts)


def _replies(asked: Bargain, answered: Bargain) -> int:
    """Count the wishes of one side that the other side answers."""
    told = set(answered.wishes)
    return sum(
        any((reply, option) in told for reply in REPLIES[wish])
        for wish, option in dict.fromkeys(asked.wishes)
    )


def _read(side: Side) -> Bargain:
    """Read the start of one direction (RFC 854, RFC 855); what follows it is text."""
    octets, at = side.octets, 0
    wishes: list[tuple[int, int]] = []
    terminal = ""
    while octets[at : at + 1] == b"\xff" and len(wishes) < BARGAINS:
        command, option = octets[at + 1 : at + 2], octets[at + 2 : at + 3]
        if not option:
            return Bargain(tuple(wishes), terminal, side.total > len(octets))
        if option[0] not in OPTIONS:
            return Bargain((), "", False)
        if command[0] in WISHES:
            wishes.append((command[0], option[0]))
            at += 3
            continue
        end = octets.find(bytes((IAC, END)), at, at + LONGEST)
        if command[0] != BEGIN or (end < 0 and len(octets) >= side.total):
            return Bargain((), "", False)
        if end < 0:
            break
        if option[0] == TERMINAL and octets[at + 3] == IS:
            terminal = clean(octets[at + 4 : end], 40)
        at = end + 2
    return Bargain(tuple(wishes), terminal, True)


def _mould() -> Mould:
    """Wishes for known options, the server's first one answered, then what is typed and shown."""
    option = Run(bytes(sorted(OPTIONS)), 1, 1, mark=True)
    offers, orders = OneOf((bytes((WILL,)), bytes((WONT,)))), OneOf((bytes((DO,)), bytes((DONT,))))
    start = Octets(bytes((IAC,)))

    def wishes(offered: int, ordered: int) -> tuple[tuple[Step, ...], ...]:
        offer = (start, offers, option, Kind(offered))
        return offer, (start, orders, option, Kind(ordered))

    known = Run(bytes(sorted(OPTIONS)), 1, 1)
    value = (start, Octets(bytes((BEGIN,))), known, Until(bytes((IAC, END)), LONGEST - 3))
    later = (value, (Number(1, 0, IAC - 1), Tail()))
    wish = (start, Run(bytes(WISHES), 1, 1), known)
    asked = wishes(1, 2)
    return Mould(
        Transport.TCP,
        Speech(asked, (*asked, *later)),
        Speech(wishes(2, 1), (wish, *later)),
    )


PROTOCOL = Protocol(
    name=NAME,
    title="Telnet",
    recognise=recognise,
    sources=(
        Source("RFC 854: Telnet Protocol Specification", "1983-05", "port 23 at its end"),
        Source("RFC 855: Telnet Option Specifications", "1983-05", "wishes and values"),
        Source("RFC 1091: Telnet Terminal-Type Option", "1989-02", "sections 2 to 8"),
        Source("IANA, Telnet options", None, "numbers"),
    ),
    signatures=tuple(
        Signature(Transport.TCP, 0, bytes((IAC, command))) for command in (BEGIN, *WISHES)
    ),
    usual=(Usual(PortRange(23, 23), Transport.TCP, confidence="verified"),),
    moulds=(_mould(),),
    stays_inside=Scope.PRIVATE,
    safety="Passwords and commands travel in the clear: use SSH, and where a device knows nothing "
    "else, keep it inside its own network.",
    programs=("in.telnetd", "telnetd"),
)
