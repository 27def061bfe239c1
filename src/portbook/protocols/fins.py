"""Omron FINS over UDP and TCP: a header of addresses that the answer gives back the other way."""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.framing import MORE, Walk, both
from portbook.protocols.layout import BE, HEX, TEXT, Field, Layout
from portbook.protocols.moulds import Any, Length, Mark, Mould, Number, Octets, Rest, Speech, Whole
from portbook.protocols.moulds import Message as Steps
from portbook.records import Identification, Source

NAME = "fins"
ENVELOPE = Layout(
    "FINS/TCP header",
    16,
    (
        Field("magic", 0, 4, TEXT, None, "always FINS", "FINS"),
        Field("length", 4, 4, BE, "octet", "octets that follow this field"),
        Field(
            "command", 8, 4, BE, None, "0 ask for a node, 1 give it, 2 frame, 3 error, 6 confirm"
        ),
        Field("error", 12, 4, BE, None, "0 without error"),
    ),
)
HEADER = Layout(
    "FINS header and command",
    12,
    (
        Field("control", 0, 1, BE, None, "0x80 command, 0xC0 response; bit 0: no response wanted"),
        Field("reserved", 1, 1, BE, None, "always 0", 0),
        Field("gateways", 2, 1, BE, None, "gateways that may still be passed: 2 to 7"),
        Field("destination", 3, 3, HEX, None, "network, node, unit"),
        Field("source", 6, 3, HEX, None, "network, node, unit"),
        Field("service", 9, 1, BE, None, "chosen by the client, repeated in the response"),
        Field("command", 10, 2, HEX, None, "main and sub request code"),
    ),
)
CONTROLLER = Layout(
    "FINS controller data, behind command 0501",
    42,
    (
        Field("end", 0, 2, BE, None, "end code, 0 is normal"),
        Field("model", 2, 20, TEXT, None, "controller model"),
        Field("version", 22, 20, TEXT, None, "controller version"),
    ),
)
MAGIC = b"FINS"
ASK_NODE, GIVE_NODE, FRAME, ERROR, CONFIRM = 0, 1, 2, 3, 6
LENGTHS = {ASK_NODE: 12, GIVE_NODE: 16, ERROR: 8}
MOST = 1 << 16  # a frame holds at most 2012 octets; this leaves room for odd ones
RESPONSE, NO_ANSWER, BRIDGES = 0x40, 0x01, range(8)
READ_CONTROLLER = "0501"
COMMANDS = {
    "0101": "memory area read", "0102": "memory area write", "0103": "memory area fill",
    "0104": "multiple memory area read", "0105": "memory area transfer",
    "0201": "parameter area read", "0202": "parameter area write", "0203": "parameter area clear",
    "0304": "program area protect", "0305": "program area protect clear",
    "0306": "program area read", "0307": "program area write", "0308": "program area clear",
    "0401": "run", "0402": "stop", "0403": "reset", "0501": "controller data read",
    "0502": "connection data read", "0601": "controller status read",
    "0602": "network status read", "0603": "data link status read", "0620": "cycle time read",
    "0701": "clock read", "0702": "clock write", "0801": "loopback test",
    "0802": "broadcast test results read", "0803": "broadcast test data send",
    "0920": "message read or clear", "0c01": "access right acquire",
    "0c02": "access right forced acquire", "0c03": "access right release", "2101": "error clear",
    "2102": "error log read", "2103": "error log clear", "2201": "file name read",
    "2202": "single file read", "2203": "single file write", "2204": "memory card format",
    "2205": "file delete", "2207": "file copy", "2208": "file name change",
    "2209": "file data check", "220a": "memory area file transfer",
    "220b": "parameter area file transfer", "220c": "program area file transfer",
    "2215": "directory create or delete", "2301": "forced set or reset",
    "2302": "forced set or reset cancel", "230a": "multiple forced status read",
}  # fmt: skip


class Message(NamedTuple):
    """One FINS frame, whole."""

    control: int
    destination: str
    source: str
    service: int
    command: str
    data: bytes

    @property
    def answers(self) -> bool:
        """Tell whether it is a response."""
        return bool(self.control & RESPONSE)


def recognise(payload: Payload) -> Identification | None:
    """Name FINS by whole frames; over TCP by the header before them as well."""
    stream = payload.transport is Transport.TCP
    asked, answered = both(payload, _envelope if stream else _datagram)
    if not (asked.messages or answered.messages) or _stray(asked) or _stray(answered):
        return None
    requests, answers = _frames(asked, stream), _frames(answered, stream)
    if requests is None or answers is None:
        return None
    if any(one.answers for one in requests) or not all(one.answers for one in answers):
        return None
    if stream and not _sides_fit(asked, answered):
        return None
    agreed = _agreed(requests, answers)
    because = [f"{len(asked.messages) + len(answered.messages)} whole messages"]
    if stream:
        because.append("each behind the word FINS")
    if agreed:
        because.append(f"{agreed} responses give back addresses, number and command of a command")
    broken = tuple(found.wrong for found in (asked, answered) if found.wrong)
    against = broken if agreed or stream else (*broken, "no command with its response")
    say = confirmed if (agreed or stream) and not broken else plausible
    facts = {"commands": sorted({COMMANDS[one.command] for one in requests + answers})}
    return say(NAME, *because, against=against, facts=facts, server=identity(answers))


def identity(answers: list[Message]) -> dict[str, str]:
    """Return model and version of the controller, where it was asked for them."""
    for message in answers:
        read = CONTROLLER.read(message.data) if message.command == READ_CONTROLLER else None
        if read and read["end"] == 0 and str(read["model"]).isprintable() and read["model"]:
            version = str(read["version"])
            found = {"vendor": "Omron", "product": str(read["model"])}
            return found | ({"version": version} if version.isprintable() and version else {})
    return {}


def _envelope(octets: bytes, at: int) -> int | None:
    if not MAGIC.startswith(octets[at : at + 4]):
        return None
    length, command = (ENVELOPE.get(octets, name, at) for name in ("length", "command"))
    if length is None or command is None:
        return MORE
    if command not in (*LENGTHS, FRAME, CONFIRM) or not 8 <= length <= MOST:
        return None
    return 8 + int(length) if length == LENGTHS.get(command, length) else None


def _datagram(octets: bytes, at: int) -> int | None:
    """A datagram is one frame and nothing else."""
    return len(octets) if not at and _frame(octets) else None


def _frame(octets: bytes) -> Message | None:
    read = HEADER.read(octets)
    if read is None or read["reserved"] or read["gateways"] not in BRIDGES:
        return None
    control = read["control"]
    if control & ~(RESPONSE | NO_ANSWER) != 0x80 or read["command"] not in COMMANDS:
        return None
    if control & RESPONSE and len(octets) < HEADER.size + 2:
        return None
    return Message(
        control,
        read["destination"],
        read["source"],
        read["service"],
        read["command"],
        octets[HEADER.size :],
    )


def _stray(found: Walk) -> bool:
    return bool(found.wrong) and not found.messages


def _frames(found: Walk, stream: bool) -> list[Message] | None:
    """Return the frames of one direction, None where one is misshapen."""
    if not stream:
        read = [_frame(octets) for octets in found.messages]
    else:
        inside = (one for one in found.messages if ENVELOPE.get(one, "command") == FRAME)
        read = [_frame(octets[ENVELOPE.size :]) for octets in inside]
    whole = [one for one in read if one]
    return whole if len(whole) == len(read) else None


def _sides_fit(asked: Walk, answered: Walk) -> bool:
    """Tell whether only the client asks for a node and only the server gives one."""
    told = [{ENVELOPE.get(one, "command") for one in side.messages} for side in (asked, answered)]
    return GIVE_NODE not in told[0] and ASK_NODE not in told[1]


def _agreed(requests: list[Message], answers: list[Message]) -> int:
    """Count the responses to a command, by its number and code, that go back to who sent it.

    A controller that stands behind another address answers with its own.
    """
    asked = {(one.service, one.command, one.source) for one in requests}
    return sum((one.service, one.command, one.destination) in asked for one in answers)


def _moulds() -> tuple[Mould, ...]:
    """Commands and their responses, over TCP behind the word FINS and an exchange of nodes."""
    ask, give = (
        (Octets(MAGIC), Octets(bytes((0, 0, 0, LENGTHS[kind], 0, 0, 0, kind))), Any(size))
        for kind, size in ((ASK_NODE, 8), (GIVE_NODE, 12))
    )
    asks, tells = _framed(0x80, 0), _framed(0x80 | RESPONSE, 2)
    commands, responses = (
        tuple(
            (Whole(), *_headed(control), *route, Mark(1), Mark(2, low=low, high=high), Rest(least))
            for low, high in _USUAL_COMMANDS
        )
        for control, route, least in (
            (0x80, (Any(3), Mark(3)), 0),
            (0x80 | RESPONSE, (Mark(3), Any(3)), 2),
        )
    )
    return (
        Mould(Transport.TCP, Speech((ask, *asks)), Speech((give, *tells))),
        Mould(Transport.UDP, Speech(commands), Speech(responses)),
    )


def _headed(control: int) -> Steps:
    return (Octets(bytes((control, 0)), b"\xfe\xff"), Number(1, 0, BRIDGES[-1]))


def _framed(control: int, least: int) -> tuple[Steps, ...]:
    start = (Octets(MAGIC), Length(4, high=MOST), Octets(bytes((0, 0, 0, FRAME))), Any(4))
    return tuple(
        (*start, *_headed(control), Any(7), Number(2, low, high), Rest(least))
        for low, high in _USUAL_COMMANDS
    )


# ranges in which every command is known: of memory, run and stop, states, clock, errors
_USUAL_COMMANDS = (
    (0x0101, 0x0105), (0x0501, 0x0502), (0x0601, 0x0603), (0x0701, 0x0702), (0x0401, 0x0403),
    (0x2101, 0x2103), (0x2301, 0x2302), (0x0306, 0x0308),
)  # fmt: skip


PROTOCOL = Protocol(
    name=NAME,
    title="Omron FINS",
    recognise=recognise,
    sources=(
        Source("Omron W421: CS/CJ-series Ethernet Units, construction of applications", None,
               "FINS/TCP header; section on FINS communications"),
        Source("Omron W342: CS/CJ-series communications commands", None, "FINS commands"),
        Source("Wireshark 4.0.17, packet-omron-fins.c", "2024-11", "header and command codes"),
    ),
    signatures=(
        Signature(Transport.TCP, 0, MAGIC),
        Signature(Transport.UDP, 0, b"\x80\0\0", b"\xbe\xff\xf8"),
    ),
    usual=(
        Usual(PortRange(9600, 9600), Transport.TCP, confidence="two sources"),
        Usual(PortRange(9600, 9600), Transport.UDP, confidence="two sources"),
    ),
    layouts=(ENVELOPE, HEADER, CONTROLLER),
    moulds=_moulds(),
    stays_inside=Scope.PRIVATE,
    safety=(
        "FINS has no login: whoever reaches the port can write memory, load programs and stop the "
        "controller. Keep it inside the control network."
    ),
)  # fmt: skip
