"""Multicast DNS: the DNS format, sent to 224.0.0.251 or ff02::fb; devices tell who they are."""

from __future__ import annotations

from itertools import pairwise

from portbook.ports import PortRange, Transport
from portbook.protocols import (
    Cast,
    Payload,
    Protocol,
    Signature,
    Usual,
    confirmed,
    plausible,
)
from portbook.protocols.datagrams import judged
from portbook.protocols.dns import of_mdns, ties
from portbook.protocols.dnsmessage import AAAA, SRV, TXT, A, Message, Name, Record, read, read_name
from portbook.protocols.text import clean
from portbook.records import Identification, Source

NAME = "mdns"
SOURCES = (
    Source("RFC 6762, Multicast DNS", "2013-02", "sections 3, 5 and 18"),
    Source("RFC 6763, DNS-Based Service Discovery", "2013-02", "sections 4, 6 and 7"),
)
SERVICES = 8  # service types told of one host
# Keys of TXT records and what they mean for a device; usage of printers, Apple and plant devices.
KEYS = {
    "model": "product",
    "md": "product",
    "ty": "product",
    "product": "product",
    "manufacturer": "vendor",
    "mfg": "vendor",
    "usb_mfg": "vendor",
    "fw": "version",
    "firmware": "version",
    "version": "version",
    "serial": "serial",
    "sn": "serial",
}


def recognise(payload: Payload) -> Identification | None:
    """Name multicast DNS: the group decides, the messages must parse."""
    if payload.cast is not Cast.MULTICAST or not of_mdns(payload):
        return None
    if payload.transport is not Transport.UDP or not payload.to_server:
        return None
    found: list[tuple[bytes, Message]] = []
    faults: list[str] = []
    for number, piece in enumerate(judged(payload.to_server)):
        message = read(piece.octets)
        if message is None or message.operation:
            if not number:
                return None
            faults.append(f"message {number + 1} does not parse")
            continue
        if not (piece.whole and message.whole and message.end == piece.length):
            faults.append(f"message {number + 1} is not whole")
        found.append((piece.octets, message))
    told = plausible if faults else confirmed
    return told(
        NAME,
        f"sent to the group {payload.group}",
        "messages parse" + ("" if faults else " to their end"),
        against=tuple(faults),
        facts=_facts(found),
        client=_identity(found),
        ties=ties(message for _, message in found if not message.response),
    )


def _facts(found: list[tuple[bytes, Message]]) -> dict[str, tuple[str, ...]]:
    offered = [one.name for _, message in found if message.response for one in message.records]
    asked = [one.name for _, message in found for one in message.questions]
    told = {"services": _services(offered), "asked": _services(asked)}
    return {key: value for key, value in told.items() if value}


def _services(names: list[Name]) -> tuple[str, ...]:
    """Return the service types in names: `_http._tcp` (RFC 6763 section 7)."""
    kinds: dict[str, None] = {}
    for labels in (name.labels for name in names):
        for before, label in pairwise(labels):
            if label in (b"_tcp", b"_udp") and before.startswith(b"_"):
                kinds[clean(before + b"." + label, 64)] = None
    return tuple(kinds)[:SERVICES]


def _identity(found: list[tuple[bytes, Message]]) -> dict[str, str]:
    facts: dict[str, str] = {}
    for octets, message in found:
        if not message.response:
            continue
        for record in message.records:
            name = _host(octets, record)
            if name:
                facts.setdefault("name", name)
            if record.type == TXT:
                for key, value in _texts(octets, record):
                    if key in KEYS:
                        facts.setdefault(KEYS[key], value)
    return facts


def _host(octets: bytes, record: Record) -> str | None:
    name = record.name
    if record.type == SRV and record.length > 6:
        target = read_name(octets, record.at + 6)
        if target is None:
            return None
        name = target
    elif record.type not in (A, AAAA):
        return None
    labels = name.labels
    return clean(labels[0], 63) if len(labels) == 2 and labels[1].lower() == b"local" else None


def _texts(octets: bytes, record: Record) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = record.at
    end = record.at + record.length
    while at < end and len(found) < 32:
        text = octets[at + 1 : min(at + 1 + octets[at], end)]
        key, _, value = text.partition(b"=")
        if value.strip():
            found.append((clean(key, 32).lower(), clean(value, 64).strip("()")))
        at += 1 + octets[at]
    return found


PROTOCOL = Protocol(
    name=NAME,
    title="Multicast DNS",
    recognise=recognise,
    sources=SOURCES,
    # Operation 0, Z bit zero, counts below 256.
    signatures=(Signature(Transport.UDP, 2, bytes(8), bytes.fromhex("7840ff00ff00ff00")),),
    usual=(Usual(PortRange(5353, 5353), Transport.UDP, role="both", confidence="verified"),),
    safety="Tells names, models and services of a device to everybody on the link.",
    programs=("avahi-daemon", "mDNSResponder", "systemd-resolve"),
    rank=1,
    talkative=True,
    asks=lambda facts: "asked" in facts and "services" not in facts,
)
