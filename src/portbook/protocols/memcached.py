"""Memcached: a command and the one kind of answer that fits it, in words or in counted fields."""

from __future__ import annotations

import re

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.framing import MORE, both
from portbook.protocols.layout import BE, HEX, Field, Layout
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "memcached"
HEADER = Layout(
    "Memcached binary header",
    24,
    (
        Field("magic", 0, 1, BE, None, "0x80 request, 0x81 response"),
        Field("opcode", 1, 1, BE, None, "0 get, 1 set, 0x0b version, 0x10 statistics, ..."),
        Field("key", 2, 2, BE, "octet", "of the key"),
        Field("extras", 4, 1, BE, "octet", "of what stands before the key"),
        Field("type", 5, 1, BE, None, "always 0"),
        Field("status", 6, 2, BE, None, "of a response; of a request the bucket"),
        Field("body", 8, 4, BE, "octet", "extras, key and value"),
        Field("opaque", 12, 4, HEX, None, "given back by the response"),
    ),
)
REQUEST, RESPONSE, VERSION = 0x80, 0x81, 0x0B
MOST = 1 << 30
FRAME = 8  # over UDP: request, sequence, total, reserved; two octets each
_STORED = rb"(?:STORED|NOT_STORED|EXISTS|NOT_FOUND)\r\n"
_PAIRS = tuple(
    (re.compile(command), re.compile(answer, re.DOTALL))
    for command, answer in (
        (rb"version\r\n", rb"VERSION [0-9][\x20-\x7e]{0,60}\r\n"),
        (rb"stats(?: [a-z]{1,20})?\r\n", rb"(?:STAT [\x21-\x7e]{1,200} |END\r\n|RESET\r\n)"),
        (
            rb"(?:set|add|replace|append|prepend) [\x21-\x7e]{1,250} \d{1,10} -?\d{1,10} \d{1,9}"
            rb"(?: noreply)?\r\n",
            _STORED,
        ),
        (rb"cas [\x21-\x7e]{1,250} \d{1,10} -?\d{1,10} \d{1,9} \d{1,20}\r\n", _STORED),
        (
            rb"g(?:et|ets|at \d{1,10}|ats \d{1,10})(?: [\x21-\x7e]{1,250}){1,100}\r\n",
            rb"(?:VALUE [\x21-\x7e]{1,250} \d{1,10} \d{1,9}(?: \d{1,20})?\r\n|END\r\n)",
        ),
        (rb"delete [\x21-\x7e]{1,250}\r\n", rb"(?:DELETED|NOT_FOUND)\r\n"),
        (rb"(?:incr|decr) [\x21-\x7e]{1,250} \d{1,20}\r\n", rb"(?:\d{1,20}|NOT_FOUND) {0,20}\r\n"),
        (rb"touch [\x21-\x7e]{1,250} \d{1,10}\r\n", rb"(?:TOUCHED|NOT_FOUND)\r\n"),
        (rb"mn\r\n", rb"MN\r\n"),
    )
)
_TOLD = re.compile(rb"(?:^|\n)(?:VERSION|STAT version) ([0-9][0-9A-Za-z.-]{0,30})\r\n")
_STARTS = (
    b"version", b"stats", b"set ", b"add ", b"replace ", b"append ", b"prepend ", b"cas ",
    b"get ", b"gets ", b"gat ", b"gats ", b"delete ", b"incr ", b"decr ", b"touch ", b"mn\r\n",
)  # fmt: skip


def recognise(payload: Payload) -> Identification | None:
    """Name Memcached where a command and its answer fit each other."""
    if not payload.to_server or not payload.to_client:
        return None
    if payload.transport is Transport.UDP:
        return _datagrams(payload)
    if payload.transport is not Transport.TCP:
        return None
    if payload.to_server.octets[:1] == bytes((REQUEST,)):
        return _binary(payload)
    return _words(payload.to_server.octets, payload.to_client.octets)


def _words(asked: bytes, answer: bytes) -> Identification | None:
    for command, fits in _PAIRS:
        if command.match(asked):
            if not fits.match(answer):
                return None
            word = asked.split(b" ", 1)[0].split(b"\r", 1)[0].decode("latin-1")
            because = f"the command {word}", "an answer of the kind that it has"
            return confirmed(NAME, *because, server=_server(answer))
    return None


def _datagrams(payload: Payload) -> Identification | None:
    """Judge datagrams, which have a header with the number of the request before the words."""
    asked, answer = payload.to_server.first.octets, payload.to_client.first.octets
    if len(asked) <= FRAME or len(answer) <= FRAME or asked[:2] != answer[:2]:
        return None
    if asked[2:FRAME] != b"\0\0\0\1\0\0" or any(answer[6:FRAME]) or answer[4:6] <= answer[2:4]:
        return None
    return _words(asked[FRAME:], answer[FRAME:])


def _binary(payload: Payload) -> Identification | None:
    asked, answered = both(payload, _measure)
    requests = [HEADER.read(octets) for octets in asked.messages]
    answers = [HEADER.read(octets) for octets in answered.messages]
    if not requests or not answers or asked.wrong or answered.wrong:
        return None
    pairs = {(one["opcode"], one["opaque"]) for one in requests if one and one["magic"] == REQUEST}
    told = [one for one in answers if one and one["magic"] == RESPONSE]
    if len(told) < len(answers) or len(pairs) == 0:
        return None
    if any((one["opcode"], one["opaque"]) not in pairs for one in told):
        return None
    because = f"{len(requests) + len(answers)} counted messages", "the answers give back numbers"
    server: dict[str, str] = {}
    for octets, one in zip(answered.messages, told, strict=True):
        version = octets[HEADER.size :]
        if one["opcode"] == VERSION and not one["status"] and version[:1].isdigit():
            server = {"product": "Memcached", "version": clean(version, 32)}
    say = confirmed if server or len(told) > 1 or any(o["key"] or o["body"] for o in told) else None
    return (
        say(NAME, *because, server=server)
        if say
        else plausible(NAME, *because, against=("one empty answer",))
    )


def _measure(octets: bytes, at: int) -> int | None:
    if octets[at] not in (REQUEST, RESPONSE):
        return None
    header = HEADER.read(octets, at)
    if header is None:
        return MORE
    if header["type"] or header["opcode"] > 0x60 or header["body"] > MOST:
        return None
    return HEADER.size + int(header["body"]) if _fits(header) else None


def _fits(header: dict[str, int]) -> bool:
    return header["key"] <= 250 and header["extras"] + header["key"] <= header["body"]


def _server(answer: bytes) -> dict[str, str]:
    match = _TOLD.search(answer[: 1 << 14])
    return {"product": "Memcached", "version": clean(match[1])} if match else {}


PROTOCOL = Protocol(
    name=NAME,
    title="Memcached",
    recognise=recognise,
    sources=(
        Source("memcached, doc/protocol.txt", "2023", "text protocol; section on UDP"),
        Source("memcached wiki, BinaryProtocolRevamped", "2018", "packet structure"),
    ),
    signatures=(
        *(Signature(Transport.TCP, 0, start) for start in _STARTS),
        *(Signature(Transport.UDP, FRAME, start) for start in _STARTS),
        Signature(Transport.TCP, 0, b"\x80\0\0\0\0\0", b"\xff\x80\xff\0\0\xff"),
    ),
    usual=(
        Usual(PortRange(11211, 11211), Transport.TCP, confidence="verified"),
        Usual(PortRange(11211, 11211), Transport.UDP, confidence="verified"),
    ),
    layouts=(HEADER,),
    safety="Without a login, and over UDP it multiplies attacks: keep it on its own machine.",
    programs=("memcached",),
)
