"""IMAP: the server greets with * OK, the client's commands begin with a tag of its own.

User names and passwords pass through this recogniser and are never told on.
"""

from __future__ import annotations

import re

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.moulds import Line, Mould, Octets, OneOf, Run, Speech, Step
from portbook.protocols.text import clean, first_line, product, whole_lines
from portbook.records import Identification, Source

NAME = "imap"
COMMANDS = frozenset(
    b"""CAPABILITY NOOP LOGOUT STARTTLS AUTHENTICATE LOGIN ENABLE ID SELECT EXAMINE LIST LSUB STATUS
    NAMESPACE IDLE FETCH UID SEARCH APPEND CHECK CLOSE EXPUNGE STORE COPY COMPRESS""".split()
)
STATES = (b"OK", b"NO", b"BAD")

_GREETING = re.compile(rb"\* (OK|PREAUTH|BYE)(?: |\Z)", re.IGNORECASE)
_COMMAND = re.compile(rb"([A-Za-z0-9.]{1,20}) ([A-Za-z]{2,12})(?: |\Z)")
_NAMES_IT = re.compile(rb"\bIMAP", re.IGNORECASE)
_PRODUCTS = re.compile(
    r"Dovecot|Cyrus IMAP v?[\d.]+|Courier-IMAP|Microsoft Exchange|hMailServer|Gimap|Zimbra"
    r"|MDaemon [\d.]+|Domino IMAP4 Server(?: Release [\d.]+)?",
    re.IGNORECASE,
)
_ID = re.compile(rb"\* ID \(([^\r\n]{1,1000})\)", re.IGNORECASE)
_PAIR = re.compile(rb'"(name|version|vendor)" "([^"]{1,100})"', re.IGNORECASE)
_KEYS = {b"name": "product", b"version": "version", b"vendor": "vendor"}


def recognise(payload: Payload) -> Identification | None:
    """Name IMAP by its greeting, and by an answer that gives back the tag of a command."""
    if payload.transport is not Transport.TCP:
        return None
    line, ended = first_line(payload.to_client.octets)
    if not ended or not _GREETING.match(line):
        return None
    names = bool(_NAMES_IT.search(line))
    server = _server(line, payload.to_client.octets)
    if not payload.to_server:
        because = "a greeting that names IMAP"
        return plausible(NAME, because, server=server) if names else None
    asked = _commands(payload.to_server.octets)
    if not asked:
        return None
    answers = {_tagged(answer) for answer in whole_lines(payload.to_client.octets)}
    command = next(iter(asked.values())).decode("latin-1")
    because = f"the client says {command} with a tag"
    if not answers & asked.keys():
        doubt = "no answer gives back a tag"
        told = plausible(NAME, "a greeting that names IMAP", because, against=(doubt,))
        return told if names else None
    secured = {"secured": "STARTTLS"} if b"STARTTLS" in asked.values() else {}
    return confirmed(
        NAME,
        "a greeting in the form of IMAP",
        because,
        "the answer gives back the tag",
        facts=secured,
        client=_identity(payload.to_server.octets.replace(b" ID (", b"* ID (", 1)),
        server=server,
    )


def _commands(octets: bytes) -> dict[bytes, bytes]:
    """Return the commands by their tags; nothing when the first line is none."""
    found: dict[bytes, bytes] = {}
    for line in whole_lines(octets):
        match = _COMMAND.match(line)
        if match and match[2].upper() in COMMANDS:
            found.setdefault(match[1], match[2].upper())
        elif not found:
            break
    return found


def _tagged(line: bytes) -> bytes:
    tag, _, rest = line.partition(b" ")
    return tag if rest.split(b" ", 1)[0].upper() in STATES else b""


def _server(greeting: bytes, octets: bytes) -> dict[str, str]:
    match = _PRODUCTS.search(clean(greeting, 512))
    return (product(match[0]) if match else {}) | _identity(octets)


def _identity(octets: bytes) -> dict[str, str]:
    """Return what an ID tells (RFC 2971 section 3.3)."""
    match = _ID.search(octets[: 1 << 14])
    pairs = _PAIR.findall(match[1]) if match else []
    return {_KEYS[name.lower()]: clean(value) for name, value in pairs}


def _mould() -> Mould:
    """A greeting, a first command, and the answer with its tag behind a few others."""
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789."
    tag, line = (Run(letters, 1, 20, mark=True), Octets(b" ")), Line(most=4096)
    first = sorted(COMMANDS - {b"UID"})
    ends = OneOf((b"\r\n", b"\n"))
    asks: list[tuple[Step, ...]] = []
    for word in first:
        parts = [word[at : at + 8] for at in range(0, len(word), 8)]
        said = [Octets(part, b"\xdf" * len(part)) for part in parts]
        asks += [(*tag, *said, Octets(b" "), line), (*tag, *said, ends)]
    greeting = (Octets(b"* OK ", b"\xff\xff\xdf\xdf\xff"), line)
    told = (*tag, OneOf((b"OK ", b"NO ", b"BAD ")), line)
    untagged = (Octets(b"* "), line)
    tells = tuple((*greeting, *untagged * count, *told) for count in range(5))
    return Mould(Transport.TCP, Speech(tuple(asks), ()), Speech(tells, ()))


PROTOCOL = Protocol(
    name=NAME,
    title="Internet Message Access Protocol",
    recognise=recognise,
    sources=(
        Source("RFC 9051, IMAP version 4rev2", "2021-08", "sections 2.2, 6 and 7.1"),
        Source("RFC 2971, IMAP4 ID extension", "2000-10", "section 3"),
    ),
    signatures=tuple(
        Signature(Transport.TCP, 0, start, bytes(0xFF if one < 0x41 else 0xDF for one in start))
        for start in (b"* OK", b"* PREAUT", b"* BYE")
    ),
    usual=(Usual(PortRange(143, 143), Transport.TCP, confidence="verified"),),
    moulds=(_mould(),),
    safety="Mail and logins travel in the clear until STARTTLS.",
    programs=("imap-login", "imapd", "cyrus-imapd"),
)
