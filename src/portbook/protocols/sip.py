"""SIP: a request or status line of SIP/2.0 with the fields that every message has.

Who calls whom, and what proves it, goes nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Side, Signature, Usual, confirmed, plausible
from portbook.protocols.datagrams import judged
from portbook.protocols.text import clean, product, whole_lines
from portbook.records import Identification, Source

NAME = "sip"
METHODS = (
    *("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK", "SUBSCRIBE", "NOTIFY"),
    *("PUBLISH", "INFO", "REFER", "MESSAGE", "UPDATE"),
)
NEEDED = ("via", "from", "to", "call-id", "cseq")
SHORT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "l": "content-length", "s": "subject"}

_REQUEST = re.compile(rb"([A-Z]{3,9}) (?:sips?|tel):[^ \r\n]{1,255} SIP/2\.0\Z")
_STATUS = re.compile(rb"SIP/2\.0 ([1-6]\d\d) [^\r\n]{0,128}\Z")
_FIELD = re.compile(rb"([A-Za-z-]{1,40})[ \t]*:[ \t]*(.*)\Z", re.DOTALL)
_SEQUENCE = re.compile(r"\d{1,10} +([A-Z]{3,9})\Z")


class Message(NamedTuple):
    """The head of one message: its method or status, fields, and whether it has what it needs."""

    word: str
    fields: Mapping[str, str]
    fits: bool

    @property
    def dialogue(self) -> tuple[str, str]:
        """Return what an answer repeats of its request."""
        return self.fields.get("call-id", ""), self.fields.get("cseq", "")


def recognise(payload: Payload) -> Identification | None:
    """Name SIP by its first lines; confirm it by an answer to the same call."""
    if payload.transport not in (Transport.UDP, Transport.TCP):
        return None
    asked, answered = _read(payload, payload.to_server), _read(payload, payload.to_client)
    if asked is None or answered is None or not (asked or answered):
        return None
    if asked and asked[0].word.isdigit() and answered and not answered[0].word.isdigit():
        return None
    if not asked and not answered[0].word.isdigit():
        return None
    found = asked + answered
    requests = {one.dialogue for one in asked if not one.word.isdigit() and one.fits}
    agreed = sum(one.dialogue in requests for one in answered if one.word.isdigit() and one.fits)
    facts: dict[str, object] = {"messages": list(dict.fromkeys(one.word for one in found))}
    client, server = _product(asked, "user-agent"), _product(answered, "server", "user-agent")
    because = ["request or status line of SIP/2.0"]
    if all(one.fits for one in found):
        because.append("with the fields that every message has")
    if agreed:
        because.append("the answer is to the same call")
        return confirmed(NAME, *because, facts=facts, client=client, server=server)
    against = ("no answer to the same call",)
    return plausible(NAME, *because, against=against, facts=facts, client=client, server=server)


def _read(payload: Payload, side: Side) -> list[Message] | None:
    """Return the first message of each datagram, or of the stream; None where there is none."""
    if payload.transport is Transport.TCP:
        chunks = [side.octets] if side.octets else []
    else:
        # four octets or none at all keep a way through address translation open (RFC 5626)
        chunks = [one.octets for one in judged(side) if one.octets.strip(b"\r\n\0")]
    read = [_message(one) for one in chunks]
    whole = [one for one in read if one]
    return whole if len(whole) == len(read) else None


def _message(octets: bytes) -> Message | None:
    """Read one head; one that was cut lacks fields, which its first line makes up for."""
    lines = whole_lines(octets)
    request = _REQUEST.match(lines[0]) if lines else None
    status = _STATUS.match(lines[0]) if lines else None
    told = request or status
    if told is None or (request and request[1].decode() not in METHODS):
        return None
    fields: dict[str, str] = {}
    for line in lines[1:]:
        if not line:
            break
        pair = _FIELD.match(line)
        if pair is None:
            if line[:1] in b" \t":
                continue
            return None
        name = pair[1].decode().lower()
        fields.setdefault(SHORT.get(name, name), clean(pair[2]))
    if "via" not in fields or "SIP/2.0" not in fields["via"].upper().replace(" ", ""):
        return None
    sequence = _SEQUENCE.match(fields.get("cseq", ""))
    fits = all(fields.get(name) for name in NEEDED) and sequence is not None
    word = told[1].decode()
    if fits and sequence and request and sequence[1] != word:
        return None
    return Message(word, fields, fits)


def _product(found: list[Message], *names: str) -> dict[str, str]:
    told = (one.fields.get(name, "") for one in found for name in names)
    return product(next(filter(None, told), ""))


PROTOCOL = Protocol(
    name=NAME,
    title="Session Initiation Protocol",
    recognise=recognise,
    sources=(
        Source("RFC 3261: SIP: Session Initiation Protocol", "2002-06",
               "sections 7, 8.1.1 and 19.1.2: port 5060; section 24: examples"),
        Source("IANA, SIP methods", None, "methods"),
    ),
    signatures=tuple(
        Signature(transport, 0, start)
        for transport in (Transport.UDP, Transport.TCP)
        for start in (b"SIP/2.0 ", *(f"{one} "[:8].encode() for one in METHODS))
    ),
    usual=(
        Usual(PortRange(5060, 5060), Transport.UDP, role="both", confidence="verified"),
        Usual(PortRange(5060, 5060), Transport.TCP, role="both", confidence="verified"),
    ),
    programs=("asterisk", "freeswitch", "kamailio", "opensips"),
)  # fmt: skip
