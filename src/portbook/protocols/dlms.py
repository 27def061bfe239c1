"""DLMS/COSEM (meters) behind its wrapper: ports that are exchanged, a length, known units."""

from __future__ import annotations

from typing import NamedTuple

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, ber, plausible
from portbook.protocols.framing import MORE, Walk, both
from portbook.protocols.layout import BE, Field, Layout
from portbook.records import Identification, Source

NAME = "dlms"
WRAPPER = Layout(
    "DLMS/COSEM wrapper",
    8,
    (
        Field("version", 0, 2, BE, None, "always 1", 1),
        Field("source", 2, 2, BE, None, "wrapper port of the sender: 16 public client, ..."),
        Field("destination", 4, 2, BE, None, "wrapper port of the receiver: 1 management device"),
        Field("length", 6, 2, BE, "octet", "of the unit that follows"),
    ),
)
OPEN, OPENED, RELEASE, RELEASED = 0x60, 0x61, 0x62, 0x63
REQUESTS = {
    OPEN: "open", RELEASE: "release", 0xC0: "get", 0xC1: "set", 0xC3: "action",
    0xC8: "ciphered get", 0xC9: "ciphered set", 0xCB: "ciphered action", 0x05: "read",
    0x06: "write",
}  # fmt: skip
ANSWERS = {
    OPENED: "open", RELEASED: "release", 0xC4: "get", 0xC5: "set", 0xC7: "action",
    0xCC: "ciphered get", 0xCD: "ciphered set", 0xCF: "ciphered action", 0x0C: "read",
    0x0D: "write", 0xD8: "exception", 0x0E: "error", 0xC2: "event", 0x0F: "data notification",
}  # fmt: skip
CHOSEN = {0xC0, 0xC1, 0xC3, 0xC4, 0xC5, 0xC7}  # a choice of 1 to 7 follows the tag
CHOICES = range(1, 8)
CONTEXT = bytes.fromhex("0607608574050801")
CONTEXTS = {
    1: "logical names",
    2: "short names",
    3: "logical names, ciphered",
    4: "short names, ciphered",
}
CONTEXT_TAG = 0xA1


class Message(NamedTuple):
    """One unit behind its wrapper, whole."""

    source: int
    destination: int
    unit: bytes


def recognise(payload: Payload) -> Identification | None:
    """Name DLMS when all units fit: plausible at most, for want of a second conversation."""
    asked, answered = both(payload, _measure)
    if asked.wrong or answered.wrong:
        return None
    requests, answers = _messages(asked), _messages(answered)
    if not (requests or answers):
        return None
    if any(one.unit[0] not in REQUESTS for one in requests):
        return None
    if any(one.unit[0] not in ANSWERS for one in answers):
        return None
    known = {(one.destination, one.source, REQUESTS[one.unit[0]]) for one in requests}
    agreed = sum((one.source, one.destination, ANSWERS[one.unit[0]]) in known for one in answers)
    opened = any(one.unit[0] in (OPEN, OPENED) for one in requests + answers)
    if not agreed and not opened:
        return None
    because = [f"{len(requests) + len(answers)} units end where the wrapper says"]
    because += ["an association with a context of DLMS"] if opened else []
    because += [f"{agreed} answer a request between the same ports"] if agreed else []
    return plausible(NAME, *because, facts=_facts(requests, answers))


def context(unit: bytes) -> str | None:
    """Return the application context of an association, None when it is none of DLMS.

    Source: DLMS UA 1000-2 (Green Book), section on COSEM_Application_Context_Name.
    """
    outer = ber.item(unit, 0, len(unit))
    parts = ber.items(unit, outer, 16) if outer and outer.end == len(unit) else None
    for part in parts or ():
        told = part.of(unit)
        if part.tag == CONTEXT_TAG and told[:-1] == CONTEXT and told[-1] in CONTEXTS:
            return CONTEXTS[told[-1]]
    return None


def _measure(octets: bytes, at: int) -> int | None:
    if octets[at : at + 2] != b"\0\1"[: len(octets) - at]:
        return None
    length = WRAPPER.get(octets, "length", at)
    start = at + WRAPPER.size
    if length is None or start >= len(octets):
        return MORE
    tag = octets[start]
    if length < 2 or tag not in REQUESTS | ANSWERS:
        return None
    unit = octets[start : start + length]
    if len(unit) == length and tag in (OPEN, OPENED) and context(unit) is None:
        return None
    if tag in CHOSEN and len(unit) > 1 and unit[1] not in CHOICES:
        return None
    return WRAPPER.size + int(length)


def _messages(found: Walk) -> list[Message]:
    return [
        Message(
            int.from_bytes(one[2:4], "big"), int.from_bytes(one[4:6], "big"), one[WRAPPER.size :]
        )
        for one in found.messages
    ]


def _facts(requests: list[Message], answers: list[Message]) -> dict[str, object]:
    services = {REQUESTS[one.unit[0]] for one in requests}
    services |= {ANSWERS[one.unit[0]] for one in answers}
    facts: dict[str, object] = {"services": sorted(services)}
    for one in requests + answers:
        if one.unit[0] in (OPEN, OPENED) and (told := context(one.unit)):
            facts.setdefault("context", told)
    return facts


PROTOCOL = Protocol(
    name=NAME,
    title="DLMS/COSEM",
    recognise=recognise,
    sources=(
        Source("IEC 62056-47: COSEM transport layers for IPv4 networks", None, "wrapper"),
        Source("DLMS UA 1000-2 (Green Book)", None, "units, examples of associations"),
    ),
    signatures=tuple(
        Signature(transport, 0, b"\0\1") for transport in (Transport.TCP, Transport.UDP)
    ),
    usual=(
        Usual(PortRange(4059, 4059), Transport.TCP, confidence="two sources"),
        Usual(PortRange(4059, 4059), Transport.UDP),
    ),
    layouts=(WRAPPER,),
    stays_inside=Scope.PRIVATE,
    safety=(
        "DLMS reads meters and can switch a supply off; the public client needs no password. Keep "
        "it inside the utility's network."
    ),
)
