"""SMTP: the server greets with 220, the client says EHLO, HELO or LHLO."""

from __future__ import annotations

import re

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.moulds import Line, Mould, Octets, OneOf, Run, Speech
from portbook.protocols.text import Reply, argument, greeter, product, reply, verbs
from portbook.records import Identification, Source

NAME = "smtp"
SOURCES = (
    Source("RFC 5321, Simple Mail Transfer Protocol", "2008-10", "sections 3.1, 3.2 and 4.2"),
    Source("RFC 3207, SMTP over TLS", "2002-02", "section 4: STARTTLS"),
    Source("RFC 6409, Message Submission for Mail", "2011-11", "section 3.1: port 587"),
    Source("RFC 2033, Local Mail Transfer Protocol", "1996-10", "section 4.1: LHLO"),
)
HELLO = ("EHLO", "HELO", "LHLO")
MAIL = frozenset(("MAIL", "RCPT", "DATA", "BDAT", "STARTTLS", "AUTH", "RSET"))
REFUSED = (421, 554)

_PRODUCTS = re.compile(
    r"Postfix|Exim[ /]?[\d.]*|Sendmail[ /]?[\d./]*"
    r"|Microsoft ESMTP MAIL Service(?:, Version: [\d.]+)?"
    r"|Python SMTP(?: [\d.]+)?"
    r"|gsmtp|MailEnable|hMailServer|Haraka[ /]?[\d.]*|OpenSMTPD|qmail|Kerio Connect ?[\d.]*"
    r"|Lotus Domino(?: Release [\d.]+)?|MDaemon ?[\d.]*|CommuniGate Pro ?[\d.]*|ArGoSoft",
    re.IGNORECASE,
)
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,250}[A-Za-z0-9_])?\Z")


def recognise(payload: Payload) -> Identification | None:
    """Name SMTP by its greeting, by the client's hello, or by both."""
    if payload.transport is not Transport.TCP:
        return None
    asked = verbs(payload.to_server.octets)
    greeted = bool(asked) and asked[0] in HELLO and _has_name(payload.to_server.octets)
    answer = reply(payload.to_client.octets)
    if answer is None:
        return _hello_only(payload, asked) if greeted and not payload.to_client else None
    server, client = _server(answer), _client(payload)
    if greeted and (answer.code == 220 or 250 <= answer.code < 252):
        facts = {"secured": "STARTTLS"} if "STARTTLS" in asked else {}
        return confirmed(
            NAME,
            f"reply {answer.code}",
            f"the client says {asked[0]}",
            facts=facts,
            client=client,
            server=server,
        )
    if answer.code in (220, *REFUSED) and greeter(answer.text) == NAME:
        return _greeting_only(payload, answer, server)
    return None


def _greeting_only(
    payload: Payload, answer: Reply, server: dict[str, str]
) -> Identification | None:
    against: tuple[str, ...] = ()
    if payload.to_server:
        against += ("the client does not say EHLO or HELO",)
    if not answer.ended:
        against += ("the greeting has no end",)
    return plausible(
        NAME, f"greeting {answer.code} that names mail", against=against, server=server
    )


def _hello_only(payload: Payload, asked: list[str]) -> Identification:
    against: tuple[str, ...] = ("only the client was seen",)
    if not MAIL.intersection(asked):
        against += ("no mail command after the hello",)
    return plausible(
        NAME, f"the client says {', '.join(asked[:3])}", against=against, client=_client(payload)
    )


def _has_name(octets: bytes) -> bool:
    return octets[4:5] == b" " and len(octets[:64].split(b"\n", 1)[0].strip()) > len("EHLO ")


def _client(payload: Payload) -> dict[str, str]:
    name = argument(payload.to_server.octets, *HELLO) or ""
    return {"name": name} if _HOST.match(name) else {}


def _server(answer: Reply) -> dict[str, str]:
    if answer.code != 220:
        return {}
    facts: dict[str, str] = {}
    match = _PRODUCTS.search(answer.text)
    if match:
        facts |= product(match[0].replace(", Version:", ""))
    host = answer.text.split(" ", 1)[0]
    if _HOST.match(host) and "." in host:
        facts["name"] = host
    return facts


def _mould() -> Mould:
    """A greeting 220, and a client that says hello with its name."""
    name = (Run(bytes(range(0x21, 0x7F))), OneOf((b"\r\n", b"\n")))
    hellos = [Octets(f"{hello} ".encode(), b"\xdf\xdf\xdf\xdf\xff") for hello in HELLO]
    asks = tuple((hello, *name) for hello in hellos)
    tells = (Octets(b"220"), OneOf((b" ", b"-")), Line())
    return Mould(Transport.TCP, Speech(asks, ()), Speech((tells,), ()))


PROTOCOL = Protocol(
    name=NAME,
    title="Simple Mail Transfer Protocol",
    recognise=recognise,
    sources=SOURCES,
    signatures=(
        *(Signature(Transport.TCP, 0, start) for start in (b"220 ", b"220-", b"421 ", b"554 ")),
        *(
            Signature(Transport.TCP, 0, hello.encode() + b" ", b"\xdf\xdf\xdf\xdf\xff")
            for hello in HELLO
        ),
    ),
    usual=(
        Usual(PortRange(25, 25), Transport.TCP, confidence="verified"),
        Usual(PortRange(587, 587), Transport.TCP, title="Mail submission", source=2),
    ),
    moulds=(_mould(),),
    safety="Mail and logins travel in the clear until STARTTLS.",
    programs=("master", "smtpd", "exim4", "exim", "sendmail", "sendmail-mta", "opensmtpd"),
)
