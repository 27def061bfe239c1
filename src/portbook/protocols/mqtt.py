"""MQTT 3.1, 3.1.1 and 5: a connect whose fields fill it exactly, then packets to the end.

User names and passwords pass through this recogniser and are never told on.
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.framing import MORE, Walk, both
from portbook.protocols.layout import BE, Field, Layout
from portbook.protocols.moulds import (
    Any,
    Counted,
    Message,
    Mould,
    Number,
    Octets,
    OneOf,
    Rest,
    Speech,
    Varint,
)
from portbook.records import Identification, Source

NAME = "mqtt"
CONNECT_FIELDS = Layout(
    "MQTT connect of 3.1.1 and 5, behind the fixed header",
    10,
    (
        Field("name_size", 0, 2, BE, "octet", "of the protocol name", 4),
        Field("name", 2, 4, BE, None, "MQTT", 0x4D515454),
        Field("level", 6, 1, BE, None, "4: 3.1.1, 5: 5.0; bit 7: a bridge", 4),
        Field("flags", 7, 1, BE, None, "clean, will, quality, retain, password, user name"),
        Field("keep_alive", 8, 2, BE, "s", "longest silence"),
    ),
)
CONNECT, CONNACK, PUBLISH, PUBREL, SUBSCRIBE, UNSUBSCRIBE = 1, 2, 3, 6, 8, 10
PINGREQ, PINGRESP, DISCONNECT = 12, 13, 14
NAMES = {(b"MQTT", 4): "3.1.1", (b"MQTT", 5): "5.0", (b"MQIsdp", 3): "3.1"}
BRIDGE = 0x80
RESERVED, WILL, RETAIN, PASSWORD, USER = 0x01, 0x04, 0x20, 0x40, 0x80
FIRST_FLAGS = {PUBREL: 2, SUBSCRIBE: 2, UNSUBSCRIBE: 2}
EMPTY = (PINGREQ, PINGRESP)
FROM_CLIENT, FROM_SERVER = (CONNECT, SUBSCRIBE, UNSUBSCRIBE, PINGREQ), (CONNACK, 9, 11, PINGRESP)
VARINT_AT_MOST = 4  # octets
CODES_AT_MOST, UNKNOWN_VERSION = 5, 1  # of a CONNACK before 5.0
TOPICS_AT_MOST = 16
SPARKPLUG = "spBv1.0/"


class Packet(NamedTuple):
    """One control packet, whole."""

    type: int
    flags: int
    body: bytes


class Connect(NamedTuple):
    """What a connect tells, without user name and password."""

    version: str
    client_id: str
    keep_alive_s: int
    will_topic: str | None
    login: bool
    complete: bool  # its fields fill it exactly


def recognise(payload: Payload) -> Identification | None:
    """Name MQTT by its connect; without one only where both sides speak nothing else."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = both(payload, _measure)
    requests, answers = _packets(asked), _packets(answered)
    started = requests[0] if requests else _started(asked)
    connect = read_connect(started) if started and started.type == CONNECT else None
    if any(one.type in FROM_SERVER for one in requests) or any(
        one.type in FROM_CLIENT for one in answers
    ):
        return None
    greeted = bool(answers) and _is_connack(answers[0], connect)
    refused = bool(answered.wrong) and not answers
    if refused or (answers and not greeted and payload.to_client.started and connect):
        return None
    against = tuple(text for text in (asked.wrong, answered.wrong) if text)
    facts = _facts(connect, requests + answers)
    if connect:
        because = [f"a connect of MQTT {connect.version}"]
        if greeted:
            because.append("its acknowledgement")
        if not connect.complete:
            against += ("the fields of the connect do not fill it, or it was cut",)
        say = confirmed if requests and connect.complete and not against else plausible
        return say(NAME, *because, against=against, facts=facts)
    return _without_connect(requests, answers, against, facts, greeted=greeted)


def _without_connect(
    requests: list[Packet],
    answers: list[Packet],
    against: tuple[str, ...],
    facts: dict[str, object],
    *,
    greeted: bool,
) -> Identification | None:
    """Judge a conversation that was joined in the middle, or of which one side was captured."""
    decisive = sum(_is_decisive(one) for one in requests + answers)
    enough = (greeted and len(answers) > 2) or (requests and answers and decisive > 1)
    if against or not enough:
        return None
    because = f"{len(requests) + len(answers)} packets follow each other without a gap"
    return plausible(NAME, because, against=("no connect was seen",), facts=facts)


def read_connect(packet: Packet) -> Connect | None:
    """Read a connect, or return None when it is none (MQTT 3.1.1 section 3.1, 5.0 section 3.1)."""
    fields = _Fields(packet.body)
    name = fields.sized()
    level, flags, keep_alive = fields.number(1), fields.number(1), fields.number(2)
    version = NAMES.get((name, level & ~BRIDGE))
    if fields.ended or version is None or flags & RESERVED or packet.flags:
        return None
    if version == "5.0":
        fields.properties()
    client_id = _text(fields.sized())
    topic = None
    if flags & WILL:
        if version == "5.0":
            fields.properties()
        topic = _text(fields.sized())
        fields.sized()
    for flag in (USER, PASSWORD):
        if flags & flag:
            fields.sized()
    complete = not fields.ended and fields.at == len(packet.body)
    login = bool(flags & (USER | PASSWORD))
    return Connect(version, client_id, keep_alive, topic, login, complete)


class _Fields:
    """Reads fields one after the other; past the end every field is empty."""

    def __init__(self, octets: bytes) -> None:
        self.octets, self.at, self.ended = octets, 0, False

    def take(self, size: int) -> bytes:
        if self.at + size > len(self.octets):
            self.ended = True
            self.at = len(self.octets)
            return b""
        self.at += size
        return self.octets[self.at - size : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def sized(self) -> bytes:
        return self.take(self.number(2))

    def properties(self) -> None:
        told = _varint(self.octets, self.at)
        if told is None or told[1] == MORE:
            self.ended = True
            return
        self.at = told[1]
        self.take(told[0])


def _varint(octets: bytes, at: int) -> tuple[int, int] | None:
    """Read a variable length: its value and where it ends; (0, MORE) when octets are missing."""
    value = 0
    for place in range(VARINT_AT_MOST):
        if at + place >= len(octets):
            return 0, MORE
        octet = octets[at + place]
        value |= (octet & 0x7F) << 7 * place
        if not octet & 0x80:
            return value, at + place + 1
    return None


def _measure(octets: bytes, at: int) -> int | None:
    kind, flags = octets[at] >> 4, octets[at] & 15
    # type 15 came with 5.0 (authentication exchange)
    if kind == 0 or (kind != PUBLISH and flags != FIRST_FLAGS.get(kind, 0)) or flags & 6 == 6:
        return None
    told = _varint(octets, at + 1)
    if told is None:
        return None
    size, start = told
    if start == MORE:
        return MORE
    if (kind in EMPTY and size) or (kind not in (*EMPTY, DISCONNECT, 15) and size < 2):
        return None
    return start - at + size


def _packets(found: Walk) -> list[Packet]:
    return [_packet(octets) for octets in found.messages]


def _packet(octets: bytes) -> Packet:
    told = _varint(octets, 1)
    return Packet(octets[0] >> 4, octets[0] & 15, octets[told[1] :] if told else b"")


def _started(found: Walk) -> Packet | None:
    """Return a first packet that was cut, as far as it is there."""
    return _packet(found.cut) if len(found.cut) > VARINT_AT_MOST + 1 else None


def _is_connack(packet: Packet, connect: Connect | None) -> bool:
    body = packet.body
    if packet.type != CONNACK or len(body) < 2 or body[0] > 1:
        return False
    if len(body) == 2:
        # an older server refuses version 5 in its own tongue
        newer = connect is not None and connect.version == "5.0"
        return body[1] == UNKNOWN_VERSION if newer else body[1] <= CODES_AT_MOST
    told = _varint(body, 2)
    fills = told is not None and told[1] != MORE and told[1] + told[0] == len(body)
    return fills and (connect is None or connect.version == "5.0")


def _is_decisive(packet: Packet) -> bool:
    """Tell whether a packet has more to it than a number: a topic that fits, or a subscription."""
    size = int.from_bytes(packet.body[:2], "big")
    if packet.type == PUBLISH:
        return 0 < size <= len(packet.body) - 2 and bool(_text(packet.body[2 : 2 + size]))
    return packet.type in (SUBSCRIBE, PINGREQ, PINGRESP)


def _text(octets: bytes) -> str:
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() else ""


def _facts(connect: Connect | None, packets: list[Packet]) -> dict[str, object]:
    facts: dict[str, object] = {}
    topics = _topics(packets)
    if connect:
        facts |= {
            "version": connect.version,
            "client id": connect.client_id,
            "keep alive s": connect.keep_alive_s,
            "will topic": connect.will_topic,
            "login": "given, in clear" if connect.login else "none",
        }
        topics += [connect.will_topic] if connect.will_topic else []
    if any(topic.startswith(SPARKPLUG) for topic in topics):
        facts["dialect"] = "sparkplug-b"
    return {key: value for key, value in facts.items() if value is not None and value != ""}


def _topics(packets: list[Packet]) -> list[str]:
    """Return the topics that are published to, a few of them."""
    found = [
        _text(one.body[2 : 2 + int.from_bytes(one.body[:2], "big")])
        for one in packets
        if one.type == PUBLISH
    ]
    return found[:TOPICS_AT_MOST]


def _signatures() -> tuple[Signature, ...]:
    """A connect by its name, behind one to four octets of length; and what may come without one."""
    names = tuple(
        Signature(Transport.TCP, 1 + size, name)
        for size in range(1, VARINT_AT_MOST + 1)
        for name in (b"\0\x04MQTT", b"\0\x06MQIsd")
    )
    return (
        *names,
        Signature(Transport.TCP, 0, b"\x20\x02\x00\x00", b"\xff\xff\xfe\xf8"),
        Signature(Transport.TCP, 0, b"\x20\x00\x00", b"\xff\x80\xfe"),
        Signature(Transport.TCP, 0, b"\x30", b"\xf0"),
        Signature(Transport.TCP, 0, b"\xc0\x00", b"\xef\xff"),
        Signature(Transport.TCP, 0, b"\x82\x00", b"\xff\x80"),
    )


def _moulds() -> tuple[Mould, ...]:
    """A connect, its acknowledgement, and packets; of versions 3 and of version 5."""
    publish: Message = (OneOf(tuple(bytes((0x30 | flags,)) for flags in _PUBLISHED)), *_FILLED)
    answers: Message = (OneOf((b"\x40", b"\x50", b"\x62", b"\x70")), *_FILLED)
    asked: Message = (OneOf((b"\x82", b"\xa2")), *_FILLED)
    told: Message = (OneOf((b"\x90", b"\xb0")), *_FILLED)
    end: Message = (Octets(b"\xe0"), Varint(), Rest())
    asks = (publish, (Octets(b"\xc0\0"),), answers, asked, end)
    tells = (publish, (Octets(b"\xd0\0"),), answers, told, end)
    older = tuple(_connect(name, level) for name, level in ((b"MQTT", 4), (b"MQIsdp", 3)))
    accepted: Message = (Octets(b"\x20\2"), Number(1, 0, 1), Number(1, 0, CODES_AT_MOST))
    newer: Message = (Octets(b"\x20"), Varint(), Number(1, 0, 1), Any(1), _PROPERTIES)
    return (
        Mould(Transport.TCP, Speech((*older[0], *older[1]), asks), Speech((accepted,), tells)),
        Mould(Transport.TCP, Speech(_connect(b"MQTT", 5), asks), Speech((newer,), tells)),
    )


_PUBLISHED = [flags for flags in range(16) if flags & 6 != 6]
_FILLED: Message = (Varint(), Rest(2))
_PROPERTIES = Counted(1, 0, 127)  # a length of one octet


def _connect(name: bytes, level: int) -> tuple[Message, ...]:
    """Return the forms of a connect: with and without will, user name and password."""
    start = bytes((0, len(name))) + name
    newer = (_PROPERTIES,) if level == 5 else ()
    head = (Octets(b"\x10"), Varint(), Octets(start), Number(1, level, level))
    return tuple(
        (
            *head,
            Octets(bytes((will | login,)), bytes((RESERVED | WILL | USER | PASSWORD,))),
            Any(2),
            *newer,
            Counted(2),
            *((*newer, Counted(2), Counted(2)) if will else ()),
            *(Counted(2) for bit in (USER, PASSWORD) if login & bit),
        )
        for will in (0, WILL)
        for login in (0, USER | PASSWORD, USER)
    )


PROTOCOL = Protocol(
    name=NAME,
    title="MQTT",
    recognise=recognise,
    sources=(
        Source("OASIS MQTT Version 3.1.1", "2014-10-29", "sections 2 and 3"),
        Source("OASIS MQTT Version 5.0", "2019-03-07", "sections 2 and 3"),
    ),
    signatures=_signatures(),
    usual=(Usual(PortRange(1883, 1883), Transport.TCP, confidence="two sources"),),
    layouts=(CONNECT_FIELDS,),
    moulds=_moulds(),
    safety=(
        "On this port MQTT travels in clear, user names and passwords with it; a broker that lets "
        "anybody subscribe shows the whole plant. Reach it through TLS (8883) from elsewhere."
    ),
    programs=("mosquitto",),
)
