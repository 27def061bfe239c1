"""ROC Plus (Emerson flow computers): addresses, an operation, a count, and a CRC over all of it."""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.checks import crc16
from portbook.protocols.framing import MORE, Walk, both
from portbook.protocols.layout import BE, Field, Layout
from portbook.records import Identification, Source

NAME = "roc-plus"
HEADER = Layout(
    "ROC Plus message header",
    6,
    (
        Field("unit", 0, 1, BE, None, "of the receiver"),
        Field("group", 1, 1, BE, None, "of the receiver"),
        Field("own_unit", 2, 1, BE, None, "of the sender"),
        Field("own_group", 3, 1, BE, None, "of the sender"),
        Field("operation", 4, 1, BE, None, "operation code"),
        Field("count", 5, 1, BE, "octet", "data that follow, before the checksum"),
    ),
)
CHECK = 2
OPERATIONS = {
    6: "system configuration", 7: "read clock", 8: "set clock", 10: "configurable operation read",
    11: "configurable operation write", 17: "login", 24: "store and forward",
    50: "I/O position", 100: "parameter access", 105: "history of the day",
    108: "history tag and periods", 118: "alarms", 119: "events", 135: "single history point",
    136: "multiple history points", 137: "history index", 138: "daily and monthly history",
    139: "history information", 166: "set contiguous parameters",
    167: "read contiguous parameters", 180: "read parameters", 181: "write parameters",
    203: "file", 205: "peer to peer", 206: "read transaction history", 224: "report by exception",
    225: "acknowledge report", 255: "error",
}  # fmt: skip


class Message(NamedTuple):
    """One message, whole, with the right checksum."""

    receiver: tuple[int, int]
    sender: tuple[int, int]
    operation: int


def recognise(payload: Payload) -> Identification | None:
    """Name ROC Plus when every message has its checksum; confirm it by two of them."""
    asked, answered = both(payload, _measure)
    requests, answers = _messages(asked), _messages(answered)
    if not (requests or answers) or asked.wrong or answered.wrong:
        return None
    operations = {one.operation for one in requests}
    agreed = sum(one.operation in operations for one in answers)
    messages = requests + answers
    because = [f"{len(messages)} messages have the right checksum"]
    if agreed:
        because.append(f"{agreed} answers repeat the operation of a request")
    facts = {
        "operations": [name for code, name in OPERATIONS.items()
                       if code in {one.operation for one in messages}],
        "units": sorted({f"{unit}.{group}" for unit, group in (one.receiver for one in requests)}),
    }  # fmt: skip
    say = confirmed if agreed or len(messages) > 1 else plausible
    return say(NAME, *because, facts=facts)


def _measure(octets: bytes, at: int) -> int | None:
    """Return the size of a message; one that is there must have the right checksum.

    Source: ROC Plus protocol specification A6127, section 2: the CRC begins with 0xFFFF.
    """
    operation, count = (HEADER.get(octets, name, at) for name in ("operation", "count"))
    if count is None:
        return MORE
    end = at + HEADER.size + int(count)
    told = octets[end : end + CHECK]
    if len(told) < CHECK:
        return end + CHECK - at if operation in OPERATIONS else None
    right = crc16(octets[at:end]) == int.from_bytes(told, "little")
    return end + CHECK - at if right else None


def _messages(found: Walk) -> list[Message]:
    return [Message((one[0], one[1]), (one[2], one[3]), one[4]) for one in found.messages]


def _signatures() -> tuple[Signature, ...]:
    return tuple(
        Signature(transport, 4, bytes((operation,)))
        for transport in (Transport.TCP, Transport.UDP)
        for operation in OPERATIONS
    )


PROTOCOL = Protocol(
    name=NAME,
    title="ROC Plus (Emerson remote operations controllers)",
    recognise=recognise,
    sources=(
        Source("Emerson A6127: ROC Plus Protocol Specification Manual", None, "sections 2 and 3"),
        Source("ICSNPP ROC Plus analyzer for Zeek", None, "operation codes; port 4000"),
    ),
    signatures=_signatures(),
    usual=(
        Usual(PortRange(4000, 4000), Transport.TCP, confidence="two sources"),
        Usual(PortRange(4000, 4000), Transport.UDP, source=1),
    ),
    layouts=(HEADER,),
    stays_inside=Scope.PRIVATE,
    safety=(
        "ROC Plus writes parameters and files of flow computers; its login travels in the clear. "
        "Keep it inside the control network."
    ),
)
