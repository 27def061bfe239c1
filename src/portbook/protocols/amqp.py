"""AMQP 0-9-1 and 1.0: a header of eight octets that is granted, then frames to the end.

Passwords pass through this recogniser and are never told on.
"""

from __future__ import annotations

from collections.abc import Iterator

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.framing import MORE, walk
from portbook.protocols.layout import BE, TEXT, Field, Layout
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "amqp"
HEADER = Layout(
    "AMQP protocol header",
    8,
    (
        Field("magic", 0, 4, TEXT, None, "always AMQP", "AMQP"),
        Field("id", 4, 1, BE, None, "0 AMQP, 2 TLS, 3 SASL"),
        Field("major", 5, 1, BE, None, "version; 0-9-1 has 0 9 1 in the last three", 1),
        Field("minor", 6, 1, BE, None, "version"),
        Field("revision", 7, 1, BE, None, "version"),
    ),
)
MAGIC = b"AMQP"
OLD = {b"AMQP\0\0\x09\x01": "0-9-1", b"AMQP\1\1\0\x09": "0-9", b"AMQP\1\1\x08\0": "0-8"}
NEW = {b"AMQP\0\1\0\0": "1.0", b"AMQP\2\1\0\0": "1.0", b"AMQP\3\1\0\0": "1.0"}
END, BEFORE, FRAME_AT_MOST = 0xCE, 7, 1 << 20
METHOD, FRAMES = 1, (1, 2, 3, 8)
START, START_OK = bytes((0, 10, 0, 10)), bytes((0, 10, 0, 11))
TEXT_VALUE, TABLE_VALUE, NAME_AT_MOST, NAMES_AT_MOST = ord("S"), ord("F"), 64, 32
# Octets of the values of a table that are no texts and no tables (0-9-1, section 4.2.1, RabbitMQ).
SIZES = {ord(kind): size for kind, size in {
    "t": 1, "b": 1, "B": 1, "s": 2, "u": 2, "I": 4, "i": 4, "l": 8, "L": 8, "f": 4, "d": 8,
    "D": 5, "T": 8, "V": 0,
}.items()}  # fmt: skip
OPEN, DESCRIBED = bytes((0x00, 0x53, 0x10)), 8
LISTS = {0xC0: 3, 0xD0: 9}  # octets before the first field of a list
TEXTS = {0xA1: 1, 0xB1: 4}  # octets of a text's length


def recognise(payload: Payload) -> Identification | None:
    """Name AMQP by its header; confirm it when the broker's first frame, or header, answers."""
    if payload.transport is not Transport.TCP:
        return None
    head = payload.to_server.octets[: HEADER.size]
    version = OLD.get(head) or NEW.get(head)
    if version is None:
        return None
    facts = {"version": version}
    because = f"the header of AMQP {version}"
    if not payload.to_client:
        return plausible(NAME, because, against=("no answer was seen",), facts=facts)
    granted = _old(payload, facts) if head in OLD else _new(payload, head, facts)
    if granted is None and payload.to_client.octets in (OLD.keys() | NEW.keys()) - {head}:
        return plausible(NAME, because, "the broker names another version", facts=facts)
    return granted and confirmed(
        NAME, because, *granted.because, facts=facts, client=granted.client, server=granted.server
    )


def _old(payload: Payload, facts: dict[str, str]) -> Identification | None:
    """Read 0-9-1: the broker begins, and tells of itself (section 1.4.2.1)."""
    answered = walk(payload.to_client, Transport.TCP, _frame)
    first = answered.messages[0] if answered.messages else answered.cut
    if answered.wrong or first[:1] != b"\x01" or first[BEFORE : BEFORE + 4] != START:
        return None
    server = dict(_table(first, BEFORE + 6))
    asked = walk(_behind_header(payload.to_server), Transport.TCP, _frame)
    started = asked.messages[0] if asked.messages else asked.cut
    told = started[BEFORE : BEFORE + 4] == START_OK
    client = dict(_table(started, BEFORE + 4)) if told else {}
    names = ("product", "version")
    found = {key: server[key] for key in names if key in server}
    if "cluster_name" in server:
        found["name"] = server["cluster_name"]
    if "platform" in server:
        facts["platform"] = server["platform"]
    return confirmed(
        NAME,
        "the broker's first frame begins the connection",
        client={key: client[key] for key in names if key in client},
        server=found,
    )


def _new(payload: Payload, head: bytes, facts: dict[str, str]) -> Identification | None:
    """Read 1.0: the same header comes back, then frames (part 2, sections 2.2 and 2.3)."""
    if payload.to_client.octets[: HEADER.size] != head:
        return None
    sides = [walk(_behind_header(side), Transport.TCP, _piece)
             for side in (payload.to_server, payload.to_client)]  # fmt: skip
    if any(side.wrong for side in sides):
        return None
    names = [next(filter(None, map(_container, side.messages)), "") for side in sides]
    client, server = ({"name": name} if name else {} for name in names)
    if head[4] == 3:
        facts["login"] = "SASL"
    because = "the broker answers with the same header"
    return confirmed(NAME, because, client=client, server=server)


def _behind_header(side: Side) -> Side:
    """Return a direction without its protocol header, as one stream."""
    rest = side.octets[HEADER.size :]
    length = max(side.total - HEADER.size, len(rest))
    return Side(rest, ((length, len(rest)),) if rest else (), length, side.started)


def _frame(octets: bytes, at: int) -> int | None:
    if octets[at] not in FRAMES:
        return None
    if at + BEFORE > len(octets):
        return MORE
    size = BEFORE + int.from_bytes(octets[at + 3 : at + 7], "big") + 1
    if size > FRAME_AT_MOST:
        return None
    last = octets[at + size - 1 : at + size]
    return size if not last or last[0] == END else None


def _piece(octets: bytes, at: int) -> int | None:
    """Measure a frame of 1.0, or the second header that follows after the login."""
    if octets[at : at + 4] == MAGIC:
        return HEADER.size if octets[at : at + HEADER.size] in NEW else None
    if at + DESCRIBED > len(octets):
        return MORE
    size = int.from_bytes(octets[at : at + 4], "big")
    offset, kind = octets[at + 4], octets[at + 5]
    return size if 4 * offset <= size <= FRAME_AT_MOST and offset >= 2 and kind < 2 else None


def _table(octets: bytes, at: int) -> Iterator[tuple[str, str]]:
    """Give the texts of a field table whose length stands at an offset; stop where it is odd."""
    end = at + 4 + int.from_bytes(octets[at : at + 4], "big")
    at += 4
    for _ in range(NAMES_AT_MOST):
        if at >= min(end, len(octets)):
            return
        name = octets[at + 1 : at + 1 + octets[at]]
        at += 1 + octets[at]
        kind, at = octets[at : at + 1], at + 1
        if not kind or len(name) > NAME_AT_MOST:
            return
        if kind[0] in (TEXT_VALUE, TABLE_VALUE):
            size = int.from_bytes(octets[at : at + 4], "big")
            at += 4 + size
            text = clean(octets[at - size : at]) if at <= len(octets) else ""
            if kind[0] == TEXT_VALUE and text:
                yield clean(name), text
        elif kind[0] in SIZES:
            at += SIZES[kind[0]]
        else:
            return


def _container(frame: bytes) -> str:
    """Return the name of the container that a frame opens, an empty text where it opens none."""
    at = 4 * frame[4] if len(frame) > DESCRIBED else len(frame)
    if frame[at : at + len(OPEN)] != OPEN or at + len(OPEN) >= len(frame):
        return ""
    at += len(OPEN) + LISTS.get(frame[at + len(OPEN)], len(frame))
    size = TEXTS.get(frame[at], 0) if at < len(frame) else 0
    start = at + 1 + size
    length = int.from_bytes(frame[at + 1 : start], "big")
    return clean(frame[start : start + length]) if size and start + length <= len(frame) else ""


PROTOCOL = Protocol(
    name=NAME,
    title="Advanced Message Queuing Protocol",
    recognise=recognise,
    sources=(
        Source("AMQP 0-9-1 specification", "2008-11", "sections 1.4.2, 2.3 and 4.2"),
        Source("ISO/IEC 19464:2014, OASIS AMQP 1.0", "2012-10", "parts 2 and 5"),
    ),
    signatures=(Signature(Transport.TCP, 0, MAGIC),),
    usual=(
        Usual(PortRange(5672, 5672), Transport.TCP, confidence="verified"),
        Usual(PortRange(5671, 5671), Transport.TCP, title="AMQP over TLS", source=1),
    ),
    layouts=(HEADER,),
    safety="Without TLS, names, passwords and messages of AMQP travel in the clear.",
    programs=("rabbitmq-server", "qpidd", "artemis"),
)
