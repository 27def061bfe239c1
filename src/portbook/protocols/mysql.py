"""MySQL and MariaDB: the server greets with its version, the client logs in or turns to TLS.

User names and scrambled passwords pass through this recogniser and are never told on.
"""

from __future__ import annotations

import re

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.moulds import Any, Length, Mould, Number, Octets, Rest, Run, Speech, Until
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "mysql"
HEAD = 4  # three octets of length, one of sequence
GREETING, ERROR = 10, 0xFF
NEW_PROTOCOL, TLS_WANTED, SECURE, PLUGINS = 0x200, 0x800, 0x8000, 0x80000
LOGIN, FILLER = 32, slice(9, 28)
TLS = b"\x16\x03"
REFUSALS = frozenset((1040, 1129, 1130, 1203))  # too many, blocked, not allowed

_VERSION = re.compile(rb"[0-9]{1,2}\.[0-9]{1,3}[\x20-\x7e]{0,100}\Z")
_MARIA = re.compile(r"(?:5\.5\.5-)?(\d[\d.]*)-MariaDB", re.IGNORECASE)


def recognise(payload: Payload) -> Identification | None:
    """Name MySQL by a greeting whose fields fill it, and the login that answers it."""
    if payload.transport is not Transport.TCP:
        return None
    said = _packet(payload.to_client.octets, 0)
    if said is None:
        return None
    if said[0] == ERROR:
        return _refused(payload, said)
    version = _greeting(said)
    if version is None:
        return None
    because, server = "a greeting whose fields fill it", _product(version)
    if not payload.to_server:
        return plausible(NAME, because, server=server)
    login = _packet(payload.to_server.octets, 1)
    if login is None or not _logs_in(login):
        return None
    wants = int.from_bytes(login[:4], "little") & TLS_WANTED and len(login) == LOGIN
    if wants and not TLS.startswith(payload.to_server.octets[HEAD + LOGIN :][:2]):
        return None
    secured = {"secured": "TLS"} if wants else {}
    said_back = "the client turns to TLS" if wants else "the client logs in"
    return confirmed(NAME, because, said_back, facts=secured, server=server)


def _packet(octets: bytes, sequence: int) -> bytes | None:
    """Return the body of the first packet when it is whole and has that number."""
    size = int.from_bytes(octets[:3], "little")
    if octets[3:4] != bytes((sequence,)) or not size or HEAD + size > len(octets):
        return None
    return octets[HEAD : HEAD + size]


def _greeting(body: bytes) -> bytes | None:
    """Return the version of a greeting whose fields fill it, None when they do not."""
    version, end, rest = body[1:].partition(b"\0")
    if body[0] != GREETING or not end or not _VERSION.match(version) or len(rest) < 15:
        return None
    abilities = int.from_bytes(rest[13:15], "little")
    if rest[12] or not abilities & NEW_PROTOCOL:
        return None
    if len(rest) < 31:
        return None
    abilities |= int.from_bytes(rest[18:20], "little") << 16
    reserved, more = rest[21:27], rest[31:]
    if any(reserved):
        return None
    if abilities & SECURE:
        more = more[max(13, rest[20] - 8) :]
    if abilities & PLUGINS:
        plugin, _, more = more.partition(b"\0")
        if not plugin or not plugin.isascii():
            return None
    return version if not more else None


def _logs_in(body: bytes) -> bool:
    if len(body) < LOGIN or not int.from_bytes(body[:4], "little") & NEW_PROTOCOL:
        return False
    if any(body[FILLER]):
        return False
    return len(body) == LOGIN or b"\0" in body[LOGIN:]


def _refused(payload: Payload, body: bytes) -> Identification | None:
    """Judge a server that turns away at once, with its reason in words."""
    words = clean(body[3:], 256)
    known = int.from_bytes(body[1:3], "little") in REFUSALS
    if payload.to_server or not known or HEAD + len(body) != payload.to_client.total:
        return None
    product = next((name for name in ("MariaDB", "MySQL") if name in words), None)
    if product is None and words != "Too many connections":
        return None
    server = {"product": product} if product else {}
    return plausible(NAME, "an error that fills its packet turns the client away", server=server)


def _product(version: bytes) -> dict[str, str]:
    text = clean(version)
    maria = _MARIA.match(text)
    if maria:
        return {"product": "MariaDB", "version": maria[1]}
    return {"product": "MySQL", "version": re.split(r"[-+ ]", text, maxsplit=1)[0]}


def _mould() -> Mould:
    """A greeting with a salt of 20 octets and a plugin, then a login or a turn to TLS."""
    digits, secure = b"0123456789", (NEW_PROTOCOL | SECURE) >> 8
    version = (
        Run(digits, 1, 2),
        Octets(b"."),
        Run(digits, 1, 3),
        Run(bytes(range(32, 127)), 0, 90),
    )
    abilities = Octets(bytes((0, secure)), bytes((0, secure)))
    plugins = Octets(bytes((PLUGINS >> 16, 0)), bytes((PLUGINS >> 16, 0)))
    salt = (Number(1, 0, 21), Octets(bytes(6)), Any(4 + 13))
    plugin = (Run(bytes(range(1, 128))), Octets(b"\0"))
    head = (Length(3, 1, little=True), Octets(bytes((0, GREETING))))
    facts = (Octets(b"\0"), Any(12), Octets(b"\0"), abilities, Any(3), plugins)
    zeros = (Octets(bytes(8)), Octets(bytes(8)), Octets(bytes(3)))

    def login(wanted: int) -> tuple[Octets | Any, ...]:
        return Octets(bytes((0, wanted)), bytes((0, wanted))), Any(2 + 5), *zeros, Any(4)

    plain = (Length(3, 1, little=True), Octets(b"\1"), *login(NEW_PROTOCOL >> 8))
    tls = (Octets(bytes((LOGIN, 0, 0, 1))), *login((NEW_PROTOCOL | TLS_WANTED) >> 8), Octets(TLS))
    return Mould(
        Transport.TCP,
        Speech(((*plain, Until(b"\0"), Rest()), tls), ()),
        Speech(((*head, *version, *facts, *salt, *plugin),), ()),
    )


PROTOCOL = Protocol(
    name=NAME,
    title="MySQL",
    recognise=recognise,
    sources=(
        Source("MySQL Internals, Client/Server Protocol", "2023",
               "connection phase: HandshakeV10, HandshakeResponse41, SSLRequest"),
        Source("MariaDB knowledge base, connection packets", "2023"),
    ),
    signatures=(
        Signature(Transport.TCP, 1, b"\0\0\0\x0a"),
        Signature(Transport.TCP, 1, b"\0\0\0\xff"),
    ),
    usual=(Usual(PortRange(3306, 3306), Transport.TCP, confidence="verified"),),
    moulds=(_mould(),),
    safety="A database: only its own programs should reach it, and over TLS.",
    programs=("mysqld", "mariadbd"),
)  # fmt: skip
