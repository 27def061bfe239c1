"""PC WORX (Phoenix Contact): messages with their length, answers with the service of a request.

There is no public specification; what stands here was read from conversations of two controllers.
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.framing import MORE, Walk, both
from portbook.protocols.layout import BE, TEXT, Field, Layout
from portbook.records import Identification, Source

NAME = "pc-worx"
HEADER = Layout(
    "PC WORX message header",
    8,
    (
        Field("kind", 0, 1, BE, None, "0x01 request, 0x81 answer"),
        Field("service", 1, 1, BE, None, "1 begin, 5 session, 6 read"),
        Field("length", 2, 2, BE, "octet", "of the whole message"),
        Field("number", 4, 2, BE, None, "counted by the client, repeated in the answer"),
    ),
)
TOLD = Layout(
    "PC WORX device information",
    160,
    (
        Field("product", 30, 20, TEXT, None, "controller type"),
        Field("version", 66, 12, TEXT, None, "firmware version"),
        Field("date", 79, 12, TEXT, None, "firmware date, then its time"),
        Field("order", 152, 8, TEXT, None, "order number"),
    ),
)
REQUEST, ANSWER = 0x01, 0x81
BEGIN, SERVICES, LEAST = 0x01, (1, 5, 6), 18
GREETING = b"IBETH01N0_M\0"
READ = 6


class Message(NamedTuple):
    """One message, whole."""

    service: int
    octets: bytes


def recognise(payload: Payload) -> Identification | None:
    """Name PC WORX by its greeting, or by answers of which one tells a controller."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = both(payload, _requests)[0], both(payload, _answers)[1]
    if any(found.wrong and not found.messages for found in (asked, answered)):
        return None
    requests, answers = _messages(asked), _messages(answered)
    greeted = any(one.octets.endswith(GREETING) for one in requests if one.service == BEGIN)
    server = identity(answers)
    if not greeted and not (server and len(answers) > 1):
        return None
    agreed = len({one.service for one in requests} & {one.service for one in answers})
    because = ["the greeting IBETH01N0_M"] if greeted else []
    because += [f"{agreed} services answered"] if agreed else []
    because += ["a controller tells what it is"] if server else []
    against = tuple(found.wrong for found in (asked, answered) if found.wrong)
    say = confirmed if greeted and agreed and not against else plausible
    return say(NAME, *because, against=against, server=server)


def identity(answers: list[Message]) -> dict[str, str]:
    """Return type and firmware of the controller, where a read told them."""
    for one in answers:
        read = TOLD.read(one.octets) if one.service == READ else None
        if read and read["product"] and all(str(text).isprintable() for text in read.values()):
            told = {"vendor": "Phoenix Contact", "product": read["product"]}
            more = {"version": read["version"], "order number": read["order"]}
            return told | {key: value for key, value in more.items() if value}
    return {}


def _requests(octets: bytes, at: int) -> int | None:
    return _measure(octets, at, REQUEST)


def _answers(octets: bytes, at: int) -> int | None:
    return _measure(octets, at, ANSWER)


def _measure(octets: bytes, at: int, kind: int) -> int | None:
    read = HEADER.read(octets, at)
    if octets[at] != kind:
        return None
    if read is None:
        return MORE
    return int(read["length"]) if read["service"] in SERVICES and read["length"] >= LEAST else None


def _messages(found: Walk) -> list[Message]:
    return [Message(octets[1], octets) for octets in found.messages]


PROTOCOL = Protocol(
    name=NAME,
    title="PC WORX (Phoenix Contact inline controllers)",
    recognise=recognise,
    sources=(
        Source("Nmap, pcworx-info.nse", "2014", "greeting, session, information"),
        Source("Captures of an ILC 151 ETH and an ILC 191 ETH 2TX", None, "lengths and offsets"),
    ),
    signatures=(
        Signature(Transport.TCP, 0, b"\x01\x01\x00\x1a"),
        Signature(Transport.TCP, 0, b"\x81\x01\x00\x14"),
    ),
    usual=(Usual(PortRange(1962, 1962), Transport.TCP, confidence="two sources"),),
    layouts=(HEADER, TOLD),
    stays_inside=Scope.PRIVATE,
    safety=(
        "PC WORX has no login (CVE-2019-9201): whoever reaches the port can stop the controller "
        "and load a program. Keep it inside the control network."
    ),
)
