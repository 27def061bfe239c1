"""NTRIP: corrections for satellite receivers, asked for in the words of HTTP.

Passwords pass through this recogniser, in clear or nearly so, and are never told on.
"""

from __future__ import annotations

import re

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, confirmed, plausible
from portbook.protocols.text import clean, product, whole_lines
from portbook.records import Identification, Source

NAME = "ntrip"
ASK = re.compile(rb"(GET|POST) (\S{1,256})(?: HTTP/1\.[01])?")
PUSH = re.compile(rb"SOURCE \S{0,128} (/?\S{1,128})")
ACCEPTED = (b"ICY 200 OK", b"SOURCETABLE 200 OK", b"OK")
REFUSED = re.compile(rb"ERROR - [ -~]{1,80}")
STATUS = re.compile(rb"HTTP/1\.[01] [1-5][0-9][0-9]( [ -~]*)?")
TABLE, AGENT, VERSION, CONTENT = b"SOURCETABLE", "user-agent", "ntrip-version", "content-type"
AGENTS, WORD = (AGENT, "source-agent"), "ntrip"
HEADERS_AT_MOST = 32


def recognise(payload: Payload) -> Identification | None:
    """Name NTRIP by a client that says so; confirm it by the answer of a caster."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = whole_lines(payload.to_server.octets), whole_lines(payload.to_client.octets)
    if not asked:
        return None
    pull, push = ASK.fullmatch(asked[0]), PUSH.fullmatch(asked[0])
    headers = _headers(asked[1:])
    agent = next((headers[name] for name in AGENTS if name in headers), "")
    if not (pull or push) or not _says_so(headers, agent):
        return None
    told = _headers(answered[1:])
    facts = _facts(pull, push, headers, told)
    client, server = _product(agent), _product(told.get("server", ""))
    because = "the client says that it speaks NTRIP"
    if not payload.to_client:
        return plausible(NAME, because, against=("no answer was seen",), facts=facts, client=client)
    kind = _answer(answered, told)
    if kind is None:
        return None
    return confirmed(NAME, because, kind, facts=facts, client=client, server=server)


def _headers(lines: list[bytes]) -> dict[str, str]:
    """Return the header lines up to the empty one, names in small letters."""
    found: dict[str, str] = {}
    for line in lines[:HEADERS_AT_MOST]:
        name, colon, value = line.partition(b":")
        if not colon or not name.isascii():
            break
        found[clean(name, 40).lower()] = clean(value)
    return found


def _says_so(headers: dict[str, str], agent: str) -> bool:
    version = headers.get(VERSION, "").lower().startswith(WORD)
    return version or agent.lower().startswith(WORD)


def _answer(lines: list[bytes], headers: dict[str, str]) -> str | None:
    if not lines:
        return None
    if lines[0] in ACCEPTED:
        return "a caster's answer of version 1"
    if REFUSED.fullmatch(lines[0]):
        return "a caster's refusal of version 1"
    gnss = headers.get(VERSION, headers.get(CONTENT, "")).lower().startswith((WORD, "gnss/"))
    if STATUS.fullmatch(lines[0]) and gnss:
        return "a caster's answer of version 2"
    return None


def _facts(
    pull: re.Match[bytes] | None,
    push: re.Match[bytes] | None,
    headers: dict[str, str],
    told: dict[str, str],
) -> dict[str, str]:
    point = push[1] if push else pull[2] if pull else b""
    name = clean(point.split(b"?", 1)[0].lstrip(b"/"), 100)
    second = VERSION in headers or VERSION in told
    facts = {"ntrip_version": "2.0" if second else "1.0", "mountpoint": name}
    return {key: text for key, text in facts.items() if text}


def _product(text: str) -> dict[str, str]:
    """Split `NTRIP GNSSInternetRadio/1.4.10`; the word before the product says nothing."""
    word, _, rest = text.partition(" ")
    return product(rest if rest and word.lower() == WORD else text)


PROTOCOL = Protocol(
    name=NAME,
    title="Networked Transport of RTCM via Internet Protocol",
    recognise=recognise,
    sources=(
        Source("RTCM 10410.1: NTRIP version 2.0 with amendment 1", "2011-06", "sections 2 and 3"),
        Source("BKG: NTRIP version 1.0 documentation", "2004-09", "messages, port 2101"),
    ),
    signatures=(
        Signature(Transport.TCP, 0, b"GET "),
        Signature(Transport.TCP, 0, b"POST "),
        Signature(Transport.TCP, 0, b"SOURCE "),
    ),
    usual=(Usual(PortRange(2101, 2101), Transport.TCP, confidence="two sources", source=1),),
    safety="Names and passwords of NTRIP travel in the clear, unless TLS is around them.",
    rank=1,  # it is HTTP of its own kind
)
