"""IRC: the client says its nickname and user, the server answers with its name and numbers."""

from __future__ import annotations

import re

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.text import clean, product, whole_lines
from portbook.records import Identification, Source

NAME = "irc"
OPENING = (b"NICK", b"USER", b"PASS", b"CAP")

_NICK = re.compile(rb"NICK :?([A-Za-z0-9\[\]\\`_^{|}-]{1,64})\Z", re.IGNORECASE)
_USER = re.compile(rb"USER [^ ]{1,64} [^ ]{1,64} [^ ]{1,128} :?[^\r\n]{1,200}\Z", re.IGNORECASE)
_NUMBER = re.compile(rb":([A-Za-z0-9._:-]{1,128}) ([0-9]{3}) ([^ ]{1,64}) ")
_WORD = re.compile(rb"(?::([A-Za-z0-9._:-]{1,128}) )?(?:NOTICE (?:AUTH|\*|[^ ]{1,64}) :|CAP )")
_PING = re.compile(rb"PING :?[\x21-\x7e]{1,128}\Z")
WELCOME, HOST, SOFTWARE = b"001", b"002", b"004"


def recognise(payload: Payload) -> Identification | None:
    """Name IRC by the client's registration and the server's answers to its nickname."""
    if payload.transport is not Transport.TCP:
        return None
    asked, told = whole_lines(payload.to_server.octets), whole_lines(payload.to_client.octets)
    if not asked or asked[0].split(b" ", 1)[0].upper() not in OPENING:
        return None
    nick = next((match[1] for line in asked if (match := _NICK.match(line))), None)
    registers = nick is not None and any(_USER.match(line) for line in asked)
    if not payload.to_client:
        because = "the client says NICK and USER"
        return plausible(NAME, because) if registers else None
    if not told or nick is None:
        return None
    numbers = [match for line in told if (match := _NUMBER.match(line))]
    if not numbers and not any(_WORD.match(line) for line in told[:1]):
        return None
    mine = [match for match in numbers if match[3] in (nick, b"*")]
    if registers and mine:
        answers = "the server answers that nickname by number"
        return confirmed(
            NAME, "the client says NICK and USER", answers, server=_server(numbers, told)
        )
    if nick is not None and (_WORD.match(told[0]) or (registers and _PING.match(told[0]))):
        doubt = "no answer by number"
        notice = "the server answers with a notice"
        return plausible(NAME, "the client says NICK", notice, against=(doubt,))
    return None


def _server(numbers: list[re.Match[bytes]], told: list[bytes]) -> dict[str, str]:
    facts = {"name": clean(numbers[0][1])}
    for line in told:
        match = _NUMBER.match(line)
        if match and match[2] == SOFTWARE:
            words = line[match.end() :].split(b" ")
            if len(words) > 1:
                facts |= product(re.sub(r"^([A-Za-z]+)(\d)", r"\1-\2", clean(words[1])))
    return facts


PROTOCOL = Protocol(
    name=NAME,
    title="Internet Relay Chat",
    recognise=recognise,
    sources=(
        Source("RFC 2812, Internet Relay Chat: Client Protocol", "2000-04", "sections 3.1 and 5.1"),
        Source("RFC 7194, default port for IRC over TLS", "2014-08", "section 1: port 6667"),
        Source("IRCv3, capability negotiation", "2023"),
    ),
    signatures=tuple(
        Signature(Transport.TCP, 0, word + b" ", b"\xdf" * len(word) + b"\xff")
        for word in OPENING
    ),
    usual=(
        Usual(PortRange(6667, 6667), Transport.TCP, confidence="two sources", source=1),
    ),
    safety="Often how malware takes orders; on a control network it has no business.",
    programs=("ngircd", "inspircd", "unrealircd", "ircd"),
)  # fmt: skip
