"""HTTP/1 by its request and status lines, HTTP/2 in the clear by its preface.

RTSP, SIP and SSDP share the shape: the first two have another version word, SSDP goes over UDP.
Targets, cookies and authorization headers are never given out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.moulds import Line, Mould, Number, Octets, OneOf, Run, Speech, Tail
from portbook.protocols.text import LINE_OCTETS, clean, product, whole_lines
from portbook.records import Identification, Source

NAME = "http"
SOURCES = (
    Source("RFC 9112, HTTP/1.1", "2022-06", "sections 2.1, 3 and 4"),
    Source("RFC 9113, HTTP/2", "2022-06", "section 3.4: connection preface"),
    Source("RFC 9110, HTTP Semantics", "2022-06", "section 4.2.1: port 80; section 9: methods"),
    Source("RFC 4918, WebDAV", "2007-06", "section 9: methods"),
)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
METHODS = (
    *("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"),
    *("PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH"),
    *("SUBSCRIBE", "UNSUBSCRIBE", "NOTIFY", "PURGE", "MERGE"),
    *("RPC_IN_DATA", "RPC_OUT_DATA", "BITS_POST"),
)

_REQUEST = re.compile(rb"([A-Za-z0-9!#$%&'*+.^_`|~-]{1,24}) (\S.*) HTTP/(1\.[0-9])\Z", re.DOTALL)
_STATUS = re.compile(rb"HTTP/(1\.[0-9]) ([1-5][0-9][0-9])(?: .*)?\Z", re.DOTALL)
_FIELD = re.compile(rb"([A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}):[ \t]*(.*)\Z", re.DOTALL)
_REALM = re.compile(r'realm="?([^",]{1,128})', re.IGNORECASE)


class Head(NamedTuple):
    """A request or status line with the header lines after it."""

    word: str  # the method, or the status
    version: str
    fields: Mapping[str, str]  # names in small letters, the first of each name
    ended: bool = True  # the first line has its end


def recognise(payload: Payload) -> Identification | None:
    """Name HTTP by its first lines."""
    if payload.transport is not Transport.TCP:
        return None
    if payload.to_server.octets.startswith(PREFACE):
        return confirmed(NAME, "preface of HTTP/2", facts={"http_version": "2"})
    asks, answers = request(payload.to_server.octets), status(payload.to_client.octets)
    if asks is None and answers is None:
        return None
    client, server = _client(asks), _server(answers)
    facts = _facts(asks, answers)
    because = [f"request line, {asks.word}"] if asks else []
    because += [f"status line, {answers.word}"] if answers else []
    if asks and answers and asks.ended:
        return confirmed(NAME, *because, facts=facts, client=client, server=server)
    return plausible(
        NAME,
        *because,
        against=_against(payload, asks, answers),
        facts=facts,
        client=client,
        server=server,
    )


def _against(payload: Payload, asks: Head | None, answers: Head | None) -> tuple[str, ...]:
    against: tuple[str, ...] = ()
    if payload.to_client and not answers:
        against += ("the answer has no status line",)
    if payload.to_server and not asks:
        against += ("what was asked has no request line",)
    if asks and not asks.ended:
        against += ("the request line is not whole",)
    return against


def request(octets: bytes) -> Head | None:
    """Read the head of a request; a line that runs past what was kept is judged by its start."""
    octets = octets.lstrip(b"\r\n") if octets[:2] in (b"\r\n", b"\n\n") else octets
    line, ended, _ = octets[:LINE_OCTETS].partition(b"\n")
    match = _REQUEST.match(line.removesuffix(b"\r"))
    if match:
        return Head(match[1].decode(), match[3].decode(), _fields(octets), bool(ended))
    method, _, target = line.partition(b" ")
    if ended or method.decode("latin-1") not in METHODS or len(target) < 8:
        return None
    if not target.startswith((b"/", b"http://")) or b" " in target:
        return None
    return Head(method.decode(), "1", {}, ended=False)


def status(octets: bytes) -> Head | None:
    """Read the head of an answer."""
    line = octets[:LINE_OCTETS].partition(b"\n")[0]
    match = _STATUS.match(line.removesuffix(b"\r"))
    return Head(match[2].decode(), match[1].decode(), _fields(octets)) if match else None


def _fields(octets: bytes) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for line in whole_lines(octets)[1:]:
        match = _FIELD.match(line)
        if not match:
            break
        found.setdefault(match[1].decode().lower(), clean(match[2], 256))
    return found


def _facts(asks: Head | None, answers: Head | None) -> dict[str, str]:
    facts: dict[str, str] = {}
    if asks:
        facts |= {"http_version": asks.version, "method": asks.word}
        for name, field in (("host", "host"), ("user_agent", "user-agent")):
            if asks.fields.get(field):
                facts[name] = asks.fields[field]
    if answers:
        facts |= {"http_version": answers.version, "status": answers.word}
        realm = _REALM.search(answers.fields.get("www-authenticate", ""))
        if realm:
            facts["realm"] = realm[1]
    return facts


def _client(asks: Head | None) -> dict[str, str]:
    agent = asks.fields.get("user-agent", "") if asks else ""
    # Browsers all call themselves Mozilla, which tells nothing of the device.
    return {} if agent.startswith("Mozilla/") else product(agent)


def _server(answers: Head | None) -> dict[str, str]:
    return product(answers.fields.get("server", "")) if answers else {}


def _mould() -> Mould:
    """Requests that are not of NTRIP, and a status line that is whole."""
    visible = Run(bytes({*range(0x21, 0x100)} - {0x7F}), most=4096)
    method = Run(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ_", 3, 24)
    digit = Number(1, 0x30, 0x39)
    ends = OneOf((b"\r\n", b"\n"))
    ask = (method, Octets(b" "), visible, Octets(b" HTTP/1."), digit, ends)
    # a body may hold anything, and so may what is asked after it
    later = ((Octets(b"\r\n"), Tail()), (Line((b"NTRIP",), LINE_OCTETS),))
    code = (Octets(b" "), Number(1, 0x31, 0x35), digit, digit)
    reason = (Octets(b" "), Run(bytes({*range(256)} - {10, 13}), 0), ends)
    tell = (Octets(b"HTTP/1."), digit, *code)
    return Mould(
        Transport.TCP, Speech((ask,), later), Speech(((*tell, *reason), (*tell, ends)), ())
    )


PROTOCOL = Protocol(
    name=NAME,
    title="Hypertext Transfer Protocol",
    recognise=recognise,
    sources=SOURCES,
    signatures=(
        Signature(Transport.TCP, 0, b"HTTP/1."),
        Signature(Transport.TCP, 0, PREFACE[:8]),
        *(Signature(Transport.TCP, 0, f"{method} ".encode()[:8]) for method in METHODS),
    ),
    usual=(Usual(PortRange(80, 80), Transport.TCP, confidence="verified", source=2),),
    moulds=(_mould(),),
    safety="Pages, forms and basic logins travel in the clear; use HTTPS.",
    programs=("nginx", "apache2", "httpd", "lighttpd", "caddy", "haproxy", "uhttpd", "boa"),
)
