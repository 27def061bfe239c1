"""TDS: how Microsoft SQL Server begins, a table of options that fills its packet, both ways."""

from __future__ import annotations

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.layout import BE, Field, Layout
from portbook.records import Identification, Source

NAME = "tds"
HEADER = Layout(
    "TDS packet header",
    8,
    (
        Field("type", 0, 1, BE, None, "0x12 pre-login, 4 answer"),
        Field("status", 1, 1, BE, None, "1: the last packet of a message"),
        Field("length", 2, 2, BE, "octet", "of the packet with this header"),
        Field("process", 4, 2, BE, None, "of the server"),
        Field("number", 6, 1, BE, None, "counts packets"),
        Field("window", 7, 1, BE, None, "always 0"),
    ),
)
PRE_LOGIN, ANSWER, LAST = 0x12, 0x04, 1
VERSION, ENCRYPTION, END = 0, 1, 0xFF
VERSION_SIZE, OPTION = 6, 5
KNOWN = range(9)
CHOICES = {0: "off", 1: "on", 2: "not supported", 3: "required"}

Options = dict[int, bytes]


def recognise(payload: Payload) -> Identification | None:
    """Name TDS by the pre-login of the client and the server's answer of the same shape."""
    if payload.transport is not Transport.TCP:
        return None
    asked = _options(payload.to_server, PRE_LOGIN)
    if asked is None:
        return None
    because = "a pre-login whose options fill it"
    if not payload.to_client:
        return plausible(NAME, because)
    answered = _options(payload.to_client, ANSWER)
    if answered is None:
        return None
    choice = CHOICES.get(answered.get(ENCRYPTION, b"\xff")[0])
    facts = {"encryption": choice} if choice else {}
    return confirmed(
        NAME,
        because,
        "so does the server's answer",
        facts=facts,
        server=_server(answered[VERSION]),
    )


def _options(side: Side, kind: int) -> Options | None:
    """Return the options of a first packet, None unless they fill it without a gap."""
    header = HEADER.read(side.octets)
    if header is None or header["type"] != kind or header["status"] != LAST or header["window"]:
        return None
    body = side.octets[HEADER.size : header["length"]]
    if len(body) != header["length"] - HEADER.size:
        return None
    found: Options = {}
    at = filled = 0
    while body[at : at + 1] not in (b"", bytes((END,))):
        entry = body[at : at + OPTION]
        start, size = int.from_bytes(entry[1:3], "big"), int.from_bytes(entry[3:5], "big")
        if len(entry) < OPTION or entry[0] not in KNOWN or entry[0] in found:
            return None
        if start + size > len(body) or (filled and start != filled):
            return None
        found[entry[0]] = body[start : start + size]
        filled = start + size
        at += OPTION
    if body[at : at + 1] != bytes((END,)) or len(found.get(VERSION, b"")) != VERSION_SIZE:
        return None
    first = int.from_bytes(body[1:3], "big")
    whole = first == at + 1 and filled == len(body) and body[0] == VERSION
    return found if whole and found.get(ENCRYPTION, b"\0") else None


def _server(version: bytes) -> dict[str, str]:
    build = int.from_bytes(version[2:4], "big")
    if not version[0]:
        return {}
    return {"product": "Microsoft SQL Server", "version": f"{version[0]}.{version[1]}.{build}"}


PROTOCOL = Protocol(
    name=NAME,
    title="Tabular Data Stream",
    recognise=recognise,
    sources=(
        Source("[MS-TDS]: Tabular Data Stream Protocol", "2023",
               "sections 2.2.3 and 2.2.6.5; 4.1: pre-login request"),
    ),
    signatures=(
        Signature(Transport.TCP, 0, b"\x12\x01\0\0\0\0\0\0", b"\xff\xff\0\0\xff\xff\0\xff"),
    ),
    usual=(Usual(PortRange(1433, 1433), Transport.TCP, confidence="verified"),),
    layouts=(HEADER,),
    safety="A database: only its own programs should reach it, and over TLS.",
    programs=("sqlservr", "sqlservr.exe"),
)  # fmt: skip
