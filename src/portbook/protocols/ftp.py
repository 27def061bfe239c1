"""FTP's control connection: the server greets with 220, the client answers with FTP commands.

SMTP greets with the same number; the greeting's words and the client's commands decide.
"""

from __future__ import annotations

import re

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.moulds import Line, Mould, Octets, OneOf, Speech, Tail
from portbook.protocols.text import Reply, clean, greeter, product, reply, verbs
from portbook.records import Identification, Source

NAME = "ftp"
SOURCES = (
    Source("RFC 959, File Transfer Protocol", "1985-10", "sections 4.1, 4.2 and 5.4"),
    Source("RFC 4217, Securing FTP with TLS", "2005-10", "section 4: AUTH TLS"),
    Source("Opto 22 FTP greeting in nmap's service probes", None, "220 Opto 22 FTP server ready."),
)

# Commands with which a client opens an FTP session. USER alone is also said to POP3 and IRC.
OPENING = frozenset(("USER", "AUTH", "FEAT", "SYST", "HOST", "PORT", "EPRT", "PASV", "EPSV"))
OTHERS = (
    frozenset(("PASS", "ACCT", "QUIT", "HELP", "NOOP", "OPTS", "CLNT", "PWD", "XPWD", "CWD"))
    | frozenset(("CDUP", "TYPE", "MODE", "STRU", "LIST", "NLST", "MLSD", "MLST", "RETR", "STOR"))
    | frozenset(("SIZE", "MDTM", "REST", "SITE", "STAT", "ABOR", "PBSZ", "PROT", "ALLO"))
)
OWN = frozenset(("PASV", "EPSV", "PORT", "EPRT", "SYST", "FEAT", "PBSZ", "MLSD", "XPWD", "STOR"))
MAIL = frozenset(("EHLO", "HELO", "LHLO", "MAIL", "RCPT"))
FULL = (421, 530)  # too many users: a server that turns away at once

_PRODUCTS = re.compile(
    r"(vsFTPd|ProFTPD|Pure-FTPd|FileZilla Server|Serv-U FTP Server|WU-FTPD|Microsoft FTP Service"
    r"|GuildFTPd|Xlight FTP Server|Cerberus FTP Server|VxWorks|wu|bftpd|glFTPd|Linux-ftpd|Titan FTP"
    r"|Opto 22 FTP server|oftpd|Indy FTP Server|CompactLogix|ControlLogix)"
    r"(?:[ /(-]*(?:version |VxWorks ?|v)?(\d[\w.-]*)?)?",
    re.IGNORECASE,
)


def recognise(payload: Payload) -> Identification | None:
    """Name FTP by its greeting, its commands, or both."""
    if payload.transport is not Transport.TCP:
        return None
    asked = verbs(payload.to_server.octets)
    answer = reply(payload.to_client.octets)
    if MAIL.intersection(asked):
        return None
    if answer is None:
        return None if payload.to_client else _commands_only(asked)
    if answer.code not in (220, *FULL):
        return _from_the_middle(asked, answer)
    return _greeted(payload, asked, answer)


def _greeted(payload: Payload, asked: list[str], answer: Reply) -> Identification | None:
    names = greeter(answer.text)
    speaks = bool(asked) and (asked[0] in OPENING or (names == NAME and asked[0] in OTHERS))
    if names == "smtp" or not (speaks or names == NAME):
        return None
    server = told(answer.text)
    if speaks and answer.code == 220:
        secure = {"secured": "AUTH TLS"} if "AUTH" in asked else {}
        return confirmed(
            NAME, "greeting 220", f"the client says {asked[0]}", facts=secure, server=server
        )
    if names != NAME:
        return None
    against: tuple[str, ...] = ()
    if payload.to_server and not speaks:
        against += ("the client does not speak FTP",)
    if not answer.ended:
        against += ("the greeting has no end",)
    return plausible(NAME, f"greeting {answer.code} that names FTP", against=against, server=server)


def _from_the_middle(asked: list[str], answer: Reply) -> Identification | None:
    if asked and asked[0] in OPENING | OTHERS and OWN.intersection(asked):
        own = next(verb for verb in asked if verb in OWN)
        return plausible(
            NAME,
            f"the client says {own}, the server answers {answer.code}",
            against=("the greeting was not seen",),
        )
    return None


def _commands_only(asked: list[str]) -> Identification | None:
    if len(asked) > 2 and asked[0] in OPENING and OWN.intersection(asked):
        return plausible(
            NAME, f"the client says {', '.join(asked[:4])}", against=("only the client was seen",)
        )
    return None


def told(greeting: str) -> dict[str, str]:
    """Return vendor, product and version, as far as a greeting tells them."""
    match = _PRODUCTS.search(greeting)
    if match:
        facts = {"product": clean(match[1])}
        if match[2]:
            facts["version"] = match[2].rstrip(".")
        if match[1].lower().startswith("opto 22"):
            facts["vendor"] = "Opto 22"
        return facts
    inner = re.search(r"\(([A-Za-z][\w .-]* v?\d[\w.-]*)\)", greeting)
    return product(inner[1]) if inner else {}


def _any_case(command: str) -> Signature:
    value = command.encode()
    mask = bytes(0xDF if chr(octet).isalpha() else 0xFF for octet in value)
    return Signature(Transport.TCP, 0, value, mask)


def _mould() -> Mould:
    """A greeting 220 that speaks of no mail, and a client with known commands only."""
    no_mail = Line((b"SMTP", b"LMTP", b"MAIL", b"EXIM", b"POSTFIX"))
    ends = OneOf((b"\r\n", b"\n"))

    def cased(*words: str) -> OneOf:
        return OneOf(tuple(one.encode() for word in words for one in (word, word.lower())))

    opening = cased(*sorted(OPENING))
    # all of them have four octets: of a command that was cut, no less is looked at
    known = cased(*sorted(one for one in OPENING | OTHERS if len(one) == 4), "PWD\r", "CWD ")
    return Mould(
        Transport.TCP,
        Speech(
            ((opening, Octets(b" "), Line()), (opening, ends)),
            ((known, Line()), (Octets(b"\x16\3"), Tail())),
        ),
        Speech(
            ((Octets(b"220 "), no_mail, Tail()), (Octets(b"220-"), no_mail)),
            ((Octets(b"220 "), no_mail, Tail()), (no_mail,)),
        ),
    )


PROTOCOL = Protocol(
    name=NAME,
    title="File Transfer Protocol, control connection",
    recognise=recognise,
    sources=SOURCES,
    signatures=(
        *(Signature(Transport.TCP, 0, start) for start in (b"220 ", b"220-", b"421 ", b"530 ")),
        *(_any_case(command) for command in sorted(OPENING)),
    ),
    usual=(
        Usual(PortRange(21, 21), Transport.TCP, confidence="verified"),
        Usual(PortRange(20, 20), Transport.TCP, title="FTP data, active mode"),
    ),
    moulds=(_mould(),),
    safety="User names, passwords and files travel in the clear; use SFTP or FTP over TLS.",
    programs=("vsftpd", "proftpd", "pure-ftpd", "ftpd", "in.ftpd", "filezilla-server"),
)
