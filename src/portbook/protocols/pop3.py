"""POP3: the server greets with +OK, the client asks for its mail.

User names and passwords pass through this recogniser and are never told on.
"""

from __future__ import annotations

import re

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.moulds import Line, Mould, Octets, OneOf, Speech
from portbook.protocols.text import clean, first_line, product, verbs, whole_lines
from portbook.records import Identification, Source

NAME = "pop3"
OPENING = frozenset(("USER", "CAPA", "APOP", "AUTH", "STLS", "QUIT", "NOOP"))
OK, ERROR = b"+OK", b"-ERR"

_NAMES_IT = re.compile(r"\bpop(?:-?3|per)?\b|pop3", re.IGNORECASE)
_PRODUCTS = re.compile(
    r"Dovecot|Cyrus POP3 v?[\d.]+|Microsoft Exchange Server [\d.]+|QPOP(?:per)? \(version [\d.]+"
    r"|Courier|hMailServer|MDaemon [\d.]+|POP3 Server",
    re.IGNORECASE,
)


def recognise(payload: Payload) -> Identification | None:
    """Name POP3 by its greeting and an exchange that fits it."""
    if payload.transport is not Transport.TCP:
        return None
    line, ended = first_line(payload.to_client.octets)
    if not ended or not (line == OK or line.startswith(OK + b" ")):
        return None
    text = clean(line[3:], 512)
    names = bool(_NAMES_IT.search(text) or _PRODUCTS.search(text))
    server = _server(text)
    asked = verbs(payload.to_server.octets)
    if not payload.to_server:
        because = "a greeting +OK that names POP3"
        return plausible(NAME, because, server=server) if names else None
    if not asked or asked[0] not in OPENING:
        return None
    replies = whole_lines(payload.to_client.octets)
    answered = len(replies) > 1 and replies[1].startswith((OK, ERROR))
    if not answered:
        doubt = "the command is not answered"
        told = plausible(NAME, "a greeting +OK that names POP3", against=(doubt,), server=server)
        return told if names else None
    secured = {"secured": "STLS"} if "STLS" in asked else {}
    exchange = f"the client says {asked[0]} and is answered"
    return confirmed(NAME, "a greeting +OK", exchange, facts=secured, server=server)


def _server(text: str) -> dict[str, str]:
    match = _PRODUCTS.search(text)
    return product(match[0].replace("(version ", "")) if match else {}


def _mould() -> Mould:
    """A greeting, a first command, and its answer."""
    words = sorted(OPENING)
    command = OneOf(tuple(one.encode() for word in words for one in (word, word.lower())))
    ends = OneOf((b"\r\n", b"\n"))
    greetings = ((Octets(OK + b" "), Line()), (Octets(OK), ends))
    return Mould(
        Transport.TCP,
        Speech(((command, Octets(b" "), Line()), (command, ends)), ()),
        Speech(tuple((*one, OneOf((OK, ERROR)), Line()) for one in greetings), ()),
    )


PROTOCOL = Protocol(
    name=NAME,
    title="Post Office Protocol, version 3",
    recognise=recognise,
    sources=(
        Source("RFC 1939, POP3", "1996-05", "sections 3 to 5"),
        Source("RFC 2449, POP3 extension mechanism", "1998-11", "section 5: CAPA"),
        Source("RFC 2595, TLS with IMAP, POP3 and ACAP", "1999-06", "section 4: STLS"),
    ),
    signatures=(Signature(Transport.TCP, 0, OK),),
    usual=(Usual(PortRange(110, 110), Transport.TCP, confidence="verified"),),
    moulds=(_mould(),),
    safety="Mail and logins travel in the clear until STLS.",
    programs=("pop3-login", "pop3d", "cyrus-pop3d"),
)
