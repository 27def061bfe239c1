"""RTSP: cameras and players; a request or status line of RTSP with a number that comes back.

Paths and credentials go nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.moulds import Line, Mould, Number, Octets, OneOf, Run, Speech
from portbook.protocols.text import clean, product, whole_lines
from portbook.records import Identification, Source

NAME = "rtsp"
METHODS = (
    *("OPTIONS", "DESCRIBE", "ANNOUNCE", "SETUP", "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER"),
    *("SET_PARAMETER", "REDIRECT", "RECORD", "PLAY_NOTIFY"),
)

_REQUEST = re.compile(rb"([A-Z_]{4,13}) (?:rtspu?s?://[^ \r\n]{1,512}|\*) RTSP/([12]\.0)\Z")
_STATUS = re.compile(rb"RTSP/([12]\.0) ([1-5]\d\d) [^\r\n]{0,128}\Z")
_FIELD = re.compile(rb"([A-Za-z-]{1,40})[ \t]*:[ \t]*(.*)\Z", re.DOTALL)
_REALM = re.compile(r'realm="?([^",]{1,64})', re.IGNORECASE)


class Head(NamedTuple):
    """The head of one message."""

    word: str
    version: str
    fields: Mapping[str, str]


def recognise(payload: Payload) -> Identification | None:
    """Name RTSP by its first lines; confirm it by an answer with the number of the request."""
    if payload.transport is not Transport.TCP:
        return None
    asks = _head(payload.to_server.octets, _REQUEST)
    tells = _head(payload.to_client.octets, _STATUS)
    if not (asks or tells) or (asks and asks.word not in METHODS):
        return None
    if (payload.to_server and not asks) or (payload.to_client and not tells):
        return None
    because = [f"request line of RTSP, {asks.word}"] if asks else []
    because += [f"status line of RTSP, {tells.word}"] if tells else []
    facts: dict[str, object] = {"version": (asks or tells or Head("", "", {})).version}
    if asks:
        facts["method"] = asks.word
    told = tells.fields if tells else {}
    realm = _REALM.search(told.get("www-authenticate", ""))
    if realm:
        facts["realm"] = realm[1]
    client = product(asks.fields.get("user-agent", "")) if asks else {}
    server = product(told.get("server", ""))
    number = asks.fields.get("cseq") if asks else None
    if tells and number and told.get("cseq") == number:
        because.append("the answer has the number of the request")
        return confirmed(NAME, *because, facts=facts, client=client, server=server)
    against = ("no answer has the number of a request",)
    return plausible(NAME, *because, against=against, facts=facts, client=client, server=server)


def _head(octets: bytes, first: re.Pattern[bytes]) -> Head | None:
    """Read the first message's head, which must have its number (RFC 2326, section 12.17)."""
    lines = whole_lines(octets)
    told = first.match(lines[0]) if lines else None
    if told is None:
        return None
    fields: dict[str, str] = {}
    for line in lines[1:]:
        pair = _FIELD.match(line)
        if pair is None:
            break
        fields.setdefault(pair[1].decode().lower(), clean(pair[2]))
    if not fields.get("cseq", "0").isdecimal():
        return None
    one, other = told[1].decode(), told[2].decode()
    return Head(one, other, fields) if first is _REQUEST else Head(other, one, fields)


def _mould() -> Mould:
    """A first request that begins with its number, or with one field before it, and the answer."""
    url = (Octets(b"rtsp://"), Run(bytes({*range(0x21, 0x100)} - {0x7F}), most=500))
    ends = Octets(b"\r\n")
    number = (
        Octets(b"CSEQ: ", b"\xdf" * 4 + b"\xff\xff"),
        Run(b"0123456789", most=20, mark=True),
        ends,
    )
    # a field without a q in its name is not another number
    field = (Run(b"ABCDEFGHIJKLMNOPRSTUVWXYZabcdefghijklmnoprstuvwxyz-", 1, 40), Octets(b": "))
    other = (*field, Line())
    version = Octets(b" RTSP/1.")
    words = (OneOf((b"OPTIONS ", b"SETUP ", b"PLAY ")),), (Octets(b"DESCRIBE"), Octets(b" "))
    last = (version, Octets(b"0"), ends)
    line = [(*word, *url, *last) for word in words]
    line.append((Octets(b"OPTIONS "), Octets(b"*"), *last))
    digit = Number(1, 0x30, 0x39)
    text = Run(bytes({*range(256)} - {10, 13}), 0, 128)
    status = (Octets(b"RTSP/1.0"), Octets(b" "), Number(1, 0x31, 0x35), digit, digit, Octets(b" "))
    told = (*status, text, ends)
    return Mould(
        Transport.TCP,
        Speech(tuple((*one, *more, *number) for one in line for more in ((), other)), ()),
        Speech(tuple((*told, *more, *number) for more in ((), other, other * 2)), ()),
    )


PROTOCOL = Protocol(
    name=NAME,
    title="Real Time Streaming Protocol (cameras)",
    recognise=recognise,
    sources=(
        Source("RFC 2326: Real Time Streaming Protocol", "1998-04",
               "sections 6, 7, 12.17 and 14; section 9.2: port 554"),
        Source("RFC 7826: Real-Time Streaming Protocol Version 2.0", "2016-12", "section 20"),
    ),
    signatures=(
        *(Signature(Transport.TCP, 0, f"{one} "[:8].encode()) for one in METHODS),
        *(Signature(Transport.TCP, 0, f"RTSP/{one}.0".encode()) for one in (1, 2)),
    ),
    usual=(Usual(PortRange(554, 554), Transport.TCP, confidence="verified"),),
    moulds=(_mould(),),
    programs=("rtsp-simple-server", "mediamtx", "live555"),
)  # fmt: skip
