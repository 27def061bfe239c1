"""Oracle's TNS: a connect whose descriptor ends where told, and the listener's exact answer."""

from __future__ import annotations

import re

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.layout import BE, Field, Layout
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "oracle-tns"
HEADER = Layout(
    "TNS packet header",
    8,
    (
        Field("length", 0, 2, BE, "octet", "of the whole packet"),
        Field("checksum", 2, 2, BE, None, "0: none"),
        Field("type", 4, 1, BE, None, "1 connect, 2 accept, 4 refuse, 5 redirect, 11 resend"),
        Field("flags", 5, 1, BE),
        Field("header_checksum", 6, 2, BE, None, "0: none"),
    ),
)
CONNECT_FIELDS = Layout(
    "TNS connect, behind the header",
    20,
    (
        Field("version", 0, 2, BE, None, "300 and up"),
        Field("compatible", 2, 2, BE, None, "the oldest version that is understood"),
        Field("options", 4, 2, BE),
        Field("session_unit", 6, 2, BE, "octet"),
        Field("transport_unit", 8, 2, BE, "octet"),
        Field("traits", 10, 2, BE),
        Field("turnaround", 12, 2, BE),
        Field("one", 14, 2, BE, None, "1, in the order of the client's machine"),
        Field("size", 16, 2, BE, "octet", "of the descriptor"),
        Field("offset", 18, 2, BE, "octet", "of the descriptor, from the start of the packet"),
    ),
)
CONNECT, ACCEPT, REFUSE, REDIRECT, RESEND = 1, 2, 4, 5, 11
ANSWERS = {ACCEPT: 24, REFUSE: 12, REDIRECT: 10, RESEND: 8}  # octets at the least
VERSIONS = range(300, 330)
CLIENTS_CONNECT = 34  # octets before the descriptor, as clients write it; two fields less will do
ONES = (0, 0x0001, 0x0100)
WORDS = (b"DESCRIPTION", b"CONNECT_DATA", b"ADDRESS")

_NUMBER = re.compile(rb"\(VSNNUM=(\d{6,10})\)")


def recognise(payload: Payload) -> Identification | None:
    """Name TNS by a connect with its descriptor, and a listener's answer of exact length."""
    if payload.transport is not Transport.TCP:
        return None
    descriptor = _descriptor(payload.to_server.octets)
    if descriptor is None:
        return None
    because = "a connect whose descriptor ends where its length says"
    facts, client = _facts(descriptor), _client(descriptor)
    doubts = _doubts(payload.to_server.octets)
    if not payload.to_client:
        return plausible(NAME, because, against=doubts, facts=facts, client=client)
    answer = _answer(payload.to_client.octets)
    if answer is None:
        return None
    told = "the listener answers with a packet of exact length"
    return confirmed(
        NAME, because, told, against=doubts, facts=facts, client=client, server=_server(answer)
    )


def _doubts(octets: bytes) -> tuple[str, ...]:
    fields = CONNECT_FIELDS.read(octets, HEADER.size)
    if fields and fields["one"] and fields["offset"] >= CLIENTS_CONNECT:
        return ()
    return ("the connect is not as clients write it: fields are missing",)


def _descriptor(octets: bytes) -> bytes | None:
    header, fields = HEADER.read(octets), CONNECT_FIELDS.read(octets, HEADER.size)
    if header is None or fields is None or header["type"] != CONNECT:
        return None
    if header["checksum"] or header["header_checksum"] or fields["version"] not in VERSIONS:
        return None
    if fields["compatible"] > fields["version"] or fields["one"] not in ONES:
        return None
    length, offset, size = header["length"], fields["offset"], fields["size"]
    if offset < HEADER.size + CONNECT_FIELDS.size or not size:
        return None
    if length == offset:  # too long for the connect: it follows in a packet of data
        follows = HEADER.read(octets, length)
        start = length + HEADER.size + 2
        if follows is None or follows["length"] != HEADER.size + 2 + size:
            return None
        text = octets[start : start + size]
    elif length == offset + size:
        text = octets[offset:length]
    else:
        return None
    plain = text.startswith(b"(") and any(word in text.upper() for word in WORDS)
    return text if plain and len(text) == size else None


def _answer(octets: bytes) -> bytes | None:
    header = HEADER.read(octets)
    if header is None or header["type"] not in ANSWERS or header["checksum"]:
        return None
    if header["header_checksum"] or not ANSWERS[header["type"]] <= header["length"] <= len(octets):
        return None
    if header["type"] == RESEND and header["length"] != HEADER.size:
        return None
    if header["type"] == ACCEPT and int.from_bytes(octets[8:10], "big") not in VERSIONS:
        return None
    if header["type"] == REFUSE:
        size = int.from_bytes(octets[10:12], "big")
        if header["length"] != ANSWERS[REFUSE] + size:
            return None
    return octets


def _value(descriptor: bytes, word: str) -> str | None:
    match = re.search(rb"\(" + word.encode() + rb"=([^()]{1,128})\)", descriptor, re.IGNORECASE)
    return clean(match[1]) if match else None


def _facts(descriptor: bytes) -> dict[str, str]:
    name = _value(descriptor, "SERVICE_NAME") or _value(descriptor, "SID")
    return {"service": name} if name else {}


def _client(descriptor: bytes) -> dict[str, str]:
    """Return program and machine of the client, which its part CID tells."""
    _, found, part = descriptor.partition(b"(CID=")
    told = {"product": _value(part, "PROGRAM"), "name": _value(part, "HOST")} if found else {}
    return {key: text for key, text in told.items() if text}


def _server(octets: bytes) -> dict[str, str]:
    match = _NUMBER.search(octets[:4096])
    if not match:
        return {}
    number = int(match[1])
    major = number >> 24
    if major >= 18:
        parts = (major, number >> 16 & 0xFF, number >> 12 & 0xF, number >> 4 & 0xFF, number & 0xF)
    else:
        parts = (major, number >> 20 & 0xF, number >> 12 & 0xFF, number >> 8 & 0xF, number & 0xFF)
    return {"product": "Oracle Net Listener", "version": ".".join(map(str, parts))}


PROTOCOL = Protocol(
    name=NAME,
    title="Oracle TNS",
    recognise=recognise,
    sources=(
        Source("Wireshark 4.0.17, packet-tns.c", "2024-11", "header, connect, refuse, accept"),
        Source("Oracle Database Net Services Reference", "2023",
               "connect descriptors; listener's default port 1521"),
    ),
    signatures=(
        Signature(Transport.TCP, 2, b"\0\0\x01\0\0\0\x01", b"\xff\xff\xff\0\xff\xff\xff"),
    ),
    usual=(Usual(PortRange(1521, 1521), Transport.TCP, confidence="two sources", source=1),),
    layouts=(HEADER, CONNECT_FIELDS),
    safety="A database: only its own programs should reach it.",
    programs=("tnslsnr",),
)  # fmt: skip
