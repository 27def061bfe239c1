"""SLMP (MC protocol, binary 3E and 4E frames): a route that comes back, lengths to the end."""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import Transport
from portbook.protocols import Payload, Protocol, Signature, plausible
from portbook.protocols.framing import MORE, Walk, both
from portbook.protocols.layout import BE, LE, Field, Layout
from portbook.records import Identification, Source

NAME = "slmp"
ROUTE = Layout(
    "SLMP route and length, behind the subheader",
    7,
    (
        Field("network", 0, 1, BE, None, "0: the own network"),
        Field("station", 1, 1, BE, None, "0xFF: the own station"),
        Field("module", 2, 2, LE, None, "0x03FF: the own CPU"),
        Field("multidrop", 4, 1, BE, None, "0 without multidrop"),
        Field("length", 5, 2, LE, "octet", "octets that follow"),
    ),
)
SUBHEADERS = {  # first two octets: is it an answer, octets up to the route
    b"\x50\0": (False, 2),
    b"\x54\0": (False, 6),
    b"\xd0\0": (True, 2),
    b"\xd4\0": (True, 6),
}
MODULES = {0x03FF, *range(0x03D0, 0x03D4), *range(0x03E0, 0x03E4)}
STATIONS = {0xFF, 0x7D, 0x7E, *range(1, 121)}
NETWORKS = range(240)
COMMANDS = {
    0x0101: "read type name", 0x0401: "read", 0x0403: "read random", 0x0406: "read block",
    0x0601: "extend unit read", 0x0613: "buffer read", 0x0619: "self test",
    0x0801: "monitor register", 0x0802: "monitor", 0x1001: "remote run", 0x1002: "remote stop",
    0x1003: "remote pause", 0x1005: "remote latch clear", 0x1006: "remote reset",
    0x1401: "write", 0x1402: "write random", 0x1406: "write block", 0x1601: "extend unit write",
    0x1613: "buffer write", 0x1617: "clear error", 0x1630: "unlock", 0x1631: "lock",
    0x1810: "file list", 0x1811: "file open", 0x1820: "new file", 0x1827: "read file",
    0x1828: "write file", 0x2101: "on demand",
}  # fmt: skip
TYPE_NAME, LEAST_ASKED, LEAST_ANSWERED, MODEL_SIZE = 0x0101, 6, 2, 16


class Message(NamedTuple):
    """One frame, whole: its route, serial number (4E) and what follows the length."""

    answers: bool
    route: bytes
    serial: bytes
    data: bytes

    @property
    def command(self) -> int:
        """Return the command of a request; 0 in an answer, which has none."""
        return 0 if self.answers else int.from_bytes(self.data[2:4], "little")


def recognise(payload: Payload) -> Identification | None:
    """Name SLMP when all frames fit: plausible at most, for want of a second conversation."""
    asked, answered = both(payload, _measure)
    requests, answers = _messages(asked), _messages(answered)
    if not (requests or answers) or _stray(asked, payload) or _stray(answered, payload):
        return None
    if any(one.answers for one in requests) or not all(one.answers for one in answers):
        return None
    routes = {(one.route, one.serial) for one in requests}
    agreed = sum((one.route, one.serial) in routes for one in answers)
    because = [f"{len(requests) + len(answers)} whole frames"]
    if agreed:
        because.append(f"{agreed} answers have the route of a request")
    broken = tuple(found.wrong for found in (asked, answered) if found.wrong)
    facts: dict[str, object] = {
        "commands": [COMMANDS[number] for number in sorted({one.command for one in requests})]
    }
    server = identity(requests, answers) if agreed else {}
    return plausible(NAME, *because, against=broken, facts=facts, server=server)


def identity(requests: list[Message], answers: list[Message]) -> dict[str, str]:
    """Return the model where it was asked for, as the answer in the same place tells it."""
    for asked, told in zip(requests, answers, strict=False):
        text = told.data[2 : 2 + MODEL_SIZE]
        if asked.command == TYPE_NAME and len(text) == MODEL_SIZE and not any(told.data[:2]):
            name = text.decode("latin-1").rstrip(" \0")
            if name and name.isprintable():
                return {"vendor": "Mitsubishi Electric", "product": name}
    return {}


def _measure(octets: bytes, at: int) -> int | None:
    head = SUBHEADERS.get(octets[at : at + 2])
    if head is None:
        return None
    answers, size = head
    read = ROUTE.read(octets, at + size)
    if read is None:
        return MORE
    if size == 6 and any(octets[at + 4 : at + 6]):
        return None
    if read["network"] not in NETWORKS or read["station"] not in STATIONS:
        return None
    least = LEAST_ANSWERED if answers else LEAST_ASKED
    if read["module"] not in MODULES or read["length"] < least:
        return None
    here = at + size + ROUTE.size
    command = octets[here + 2 : here + 4]
    if not answers and len(command) == 2 and int.from_bytes(command, "little") not in COMMANDS:
        return None
    return size + ROUTE.size + int(read["length"])


def _messages(found: Walk) -> list[Message]:
    messages = []
    for octets in found.messages:
        answers, size = SUBHEADERS[octets[:2]]
        body = octets[size + ROUTE.size :]
        messages.append(Message(answers, octets[size : size + 5], octets[2:size], body))
    return messages


def _stray(found: Walk, payload: Payload) -> bool:
    """Tell whether a direction has octets that are no message; a datagram must end with one."""
    return bool(found.wrong) and (payload.transport is Transport.UDP or not found.messages)


PROTOCOL = Protocol(
    name=NAME,
    title="SLMP (MELSEC communication protocol, 3E and 4E frames)",
    recognise=recognise,
    sources=(
        Source("Mitsubishi SH(NA)-080956ENG: SLMP Reference Manual", None, "message format"),
        Source("Mitsubishi SH(NA)-080008: MELSEC Communication Protocol", None, "3E frames"),
    ),
    signatures=tuple(
        Signature(transport, 0, value)
        for transport in (Transport.TCP, Transport.UDP)
        for value in SUBHEADERS
    ),
    layouts=(ROUTE,),
    stays_inside=Scope.PRIVATE,
    safety=(
        "SLMP reads and writes any device of the CPU and runs or stops it, mostly without a "
        "password. Its port is chosen by the user; keep it inside the control network."
    ),
)
