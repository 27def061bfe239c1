"""DCE/RPC over TCP: fragments that tell their length, and calls whose number comes back.

OPC Classic (DCOM) is spoken over it. Over UDP only PROFINET is named, by `profinet-cm`.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Payload,
    Protocol,
    Side,
    Signature,
    Usual,
    confirmed,
    moulds,
    ntlmssp,
    plausible,
)
from portbook.protocols.framing import MORE, walk
from portbook.protocols.layout import BE, RAW, Field, Layout
from portbook.protocols.moulds import (
    Kind,
    Length,
    Mark,
    Mould,
    Number,
    Octets,
    Rest,
    Speech,
    Step,
)
from portbook.records import Identification, Source

NAME = "dcerpc"
HEADER = Layout(
    "DCE/RPC connection-oriented header",
    16,
    (
        Field("version", 0, 1, BE, None, "always 5", 5),
        Field("minor", 1, 1, BE, None, "0 or 1"),
        Field("type", 2, 1, BE, None, "0 request, 2 response, 3 fault, 11 bind, 12 bind_ack, ..."),
        Field("flags", 3, 1, BE, None, "bit 0: first fragment, bit 1: last one"),
        Field("order", 4, 1, BE, None, "0x10: integers are little-endian"),
        Field("reals", 5, 1, BE, None, "0 IEEE, 1 VAX, 2 Cray, 3 IBM"),
        Field("reserved", 6, 2, BE, None, "always 0", 0),
        Field("length", 8, 2, RAW, "octet", "of the whole fragment"),
        Field("authentic", 10, 2, RAW, "octet", "of the credentials at its end"),
        Field("call", 12, 4, RAW, None, "chosen by who asks, repeated in the answer"),
    ),
)
BINDING = Layout(
    "bind, behind the header",
    48,
    (
        Field("most_sent", 0, 2, RAW, "octet", "largest fragment that it sends"),
        Field("most_taken", 2, 2, RAW, "octet", "largest fragment that it takes"),
        Field("contexts", 8, 1, BE, None, "how many interfaces are asked for"),
        Field("context", 12, 2, RAW, None, "number of the first"),
        Field("syntaxes", 14, 1, BE, None, "how many ways to encode it"),
        Field("interface", 16, 16, RAW, None, "id of the first interface"),
        Field("major", 32, 2, RAW, None, "its version"),
    ),
)
REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, BIND_NAK, ALTER, ALTERED = 0, 2, 3, 11, 12, 13, 14, 15
LEAST = {
    REQUEST: 24, RESPONSE: 24, FAULT: 24, BIND: 72, BIND_ACK: 26, BIND_NAK: 18, ALTER: 72,
    ALTERED: 24, 16: 16, 17: 16, 18: 16, 19: 16,
}  # fmt: skip
ANSWERS = {BIND_ACK: BIND, BIND_NAK: BIND, ALTERED: ALTER, RESPONSE: REQUEST, FAULT: REQUEST}
ASKING = (REQUEST, BIND, ALTER, 16, 18, 19)
LITTLE, ORDERS, REALS = 0x10, (0x00, 0x01, 0x10, 0x11), range(4)
SECRETS = ((0, 0), (1, 16), (17, 64), (65, 300))  # octets of credentials in a mould
SMALLEST = 1432  # fragment that everybody takes (C706 section 12.6.3.1: MustRecvFragSize)
INTERFACES = {
    "e1af8308-5d1f-11c9-91a4-08002b14a0fa": "endpoint mapper",
    "99fcfec4-5260-101b-bbcb-00aa0021347a": "DCOM object exporter",
    "000001a0-0000-0000-c000-000000000046": "DCOM activation",
    "4d9f4ab8-7d1c-11cf-861e-0020af6e7c57": "DCOM activation",
    "00000131-0000-0000-c000-000000000046": "DCOM remote unknown",
    "00000143-0000-0000-c000-000000000046": "DCOM remote unknown",
    "39c13a4d-011e-11d0-9675-0020afd8adb3": "OPC DA server",
    "39c13a50-011e-11d0-9675-0020afd8adb3": "OPC DA group",
    "13486d51-4821-11d2-a494-3cb306c10000": "OPC server list",
    "12345778-1234-abcd-ef00-0123456789ab": "local security authority",
    "12345778-1234-abcd-ef00-0123456789ac": "accounts (SAMR)",
    "12345678-1234-abcd-ef00-01234567cffb": "Netlogon",
    "e3514235-4b06-11d1-ab04-00c04fc2dcd2": "directory replication",
    "367abb81-9844-35f1-ad32-98f038001003": "service control",
    "4b324fc8-1670-01d3-1278-5a47bf6ee188": "server service",
    "6bffd098-a112-3610-9833-46c3f87e345a": "workstation service",
    "338cd001-2244-31f1-aaaa-900038001003": "remote registry",
    "86d35949-83c9-4044-b424-db363231fd0c": "task scheduler",
    "82273fdc-e32a-18c3-3f78-827929dc23ea": "event log",
}


class Fragment(NamedTuple):
    """One fragment: its type, number, and the interface that it binds, where it binds one."""

    type: int
    call: int
    interface: str


def recognise(payload: Payload) -> Identification | None:
    """Name DCE/RPC by fragments to the end of both directions."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = _read(payload.to_server), _read(payload.to_client)
    if asked is None or answered is None or not (asked or answered):
        return None
    if any(one.type not in ASKING for one in asked):
        return None
    if any(one.type not in ANSWERS and one.type != 17 for one in answered):
        return None
    known = {(one.call, one.type) for one in asked}
    agreed = sum((one.call, ANSWERS.get(one.type)) in known for one in answered)
    bound = [one.interface for one in asked if one.interface]
    names = list(dict.fromkeys(INTERFACES.get(one, one) for one in bound))
    facts: dict[str, object] = {"interfaces": names} if names else {}
    because = [f"{len(asked) + len(answered)} whole fragments"]
    client = ntlmssp.client(payload.to_server.octets)
    server = ntlmssp.server(payload.to_client.octets)
    if agreed:
        because.append(f"{agreed} answers have number and kind of a question")
        return confirmed(NAME, *because, facts=facts, client=client, server=server)
    against = ("no question with its answer",)
    if not bound and len(asked) + len(answered) < 2:
        return None
    return plausible(NAME, *because, against=against, facts=facts, client=client, server=server)


def _read(side: Side) -> list[Fragment] | None:
    """Return the fragments of one direction, None where it holds something else."""
    found = walk(side, Transport.TCP, _measure)
    if found.wrong:
        return None
    read = [_fragment(one) for one in found.messages]
    whole = [one for one in read if one]
    return whole if len(whole) == len(read) else None


def _measure(octets: bytes, at: int) -> int | None:
    """Tell how long a fragment is (C706, section 12.6.3.1)."""
    start = octets[at : at + HEADER.size]
    if start[:1] != b"\x05" or start[1:2] not in (b"", b"\0", b"\1"):
        return None
    told = HEADER.read(start)
    if told is None:
        return MORE
    order: Any = "little" if told["order"] & LITTLE else "big"
    length, secret = (int.from_bytes(told[name], order) for name in ("length", "authentic"))
    if told["type"] not in LEAST or told["order"] not in ORDERS or told["reals"] not in REALS:
        return None
    if told["reserved"] or length < LEAST[told["type"]] + secret:
        return None
    return length


def _fragment(octets: bytes) -> Fragment | None:
    told = HEADER.read(octets)
    if told is None:
        return None
    order: Any = "little" if told["order"] & LITTLE else "big"
    call, kind = int.from_bytes(told["call"], order), told["type"]
    if kind not in (BIND, ALTER):
        return Fragment(kind, call, "")
    bind = BINDING.read(octets[HEADER.size :])
    if bind is None or not bind["contexts"] or not bind["syntaxes"]:
        return None
    sizes = [int.from_bytes(bind[name], order) for name in ("most_sent", "most_taken")]
    if kind == BIND and min(sizes) < SMALLEST:
        return None
    raw = bind["interface"]
    interface = UUID(bytes_le=raw) if order == "little" else UUID(bytes=raw)
    return Fragment(kind, call, str(interface))


def _signatures() -> tuple[Signature, ...]:
    """Return version 5.0 or 5.1 with either order of octets, first fragment."""
    mask = b"\xff\xfe\xe0\x00\xee\xfc\xff\xff"
    return (Signature(Transport.TCP, 0, b"\x05\x00\x00\x00\x00\x00\x00\x00", mask),)


def _mould() -> Mould:
    """Fragments with little-endian numbers, whose answers repeat number and kind of a question."""

    def messages(kind: int, asked: int, *body: Step, least: int) -> list[tuple[Step, ...]]:
        front = (Octets(b"\5"), Number(1, 0, 1), Octets(bytes((kind,))), moulds.Any(1))
        head = (*front, Octets(b"\x10\0\0\0"), Length(2, -10, little=True))
        return [
            (
                *head,
                Number(2, low, high, little=True),
                Mark(4),
                *body,
                Rest(least + high),
                Kind(asked),
            )
            for low, high in SECRETS
        ]

    size = Number(2, SMALLEST, little=True)
    some = Number(1, 1)
    contexts = (moulds.Any(4), some, moulds.Any(5), some)
    asks = messages(BIND, BIND, size, size, *contexts, least=LEAST[BIND] - 31)
    asks += messages(ALTER, ALTER, moulds.Any(4), *contexts, least=LEAST[ALTER] - 31)
    for kind in (REQUEST, 16, 18, 19):
        asks += messages(kind, kind, least=LEAST[kind] - HEADER.size)
    tells = [
        one
        for kind, asked in ANSWERS.items()
        for one in messages(kind, asked, least=LEAST[kind] - HEADER.size)
    ]
    return Mould(Transport.TCP, Speech(tuple(asks)), Speech(tuple(tells)))


PROTOCOL = Protocol(
    name=NAME,
    title="DCE/RPC over TCP (MSRPC, DCOM)",
    recognise=recognise,
    sources=(
        Source("C706: DCE 1.1: Remote Procedure Call", "1997-08", "sections 12.6.3 and 12.6.4"),
        Source("MS-RPCE: Remote Procedure Call Protocol Extensions", None,
               "sections 2.1.1.1 (port 135) and 2.2.2"),
        Source("MS-DCOM: Distributed Component Object Model", None, "section 1.9: interface ids"),
    ),
    signatures=_signatures(),
    usual=(
        Usual(PortRange(135, 135), Transport.TCP, title="DCE/RPC endpoint mapper", source=1),
    ),
    moulds=(_mould(),),
    layouts=(HEADER, BINDING),
    stays_inside=Scope.PRIVATE,
    safety="Windows is managed over it, and OPC Classic reads and writes through it: let no "
    "network outside reach it.",
    programs=("rpcss", "OpcEnum.exe"),
)  # fmt: skip
