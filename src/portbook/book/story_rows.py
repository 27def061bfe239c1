"""Records become rows of a story's file: what makes two the same thing, what is asked of each.

Keys of addresses sort as addresses do, and a prefix of a network is a range of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from portbook.addresses import parse
from portbook.book.entries import clean
from portbook.records import (
    Announcement,
    Conversation,
    Device,
    Finding,
    Oddity,
    Problem,
    Service,
)

LARGEST = 2**63 - 1
NO_HOST, NO_PORT, NO_PROTOCOL = 1, 2, 4  # bits of `free`: of no address, so every one matches
_LONGEST_WORDS, _LONGEST_TEXT, _LONGEST_NAME = 4096, 256, 64


class Row(NamedTuple):
    """A record, ready for its table.

    key: what makes it the same thing, 16 octets; words: what a search by words looks at
    values: of the kind's columns, in order; hosts, ports, protocols: for the tables beside it
    """

    key: bytes
    site: str
    source: str
    words: str
    values: tuple[Any, ...]
    hosts: tuple[bytes, ...] = ()
    ports: tuple[int, ...] = ()
    protocols: tuple[str, ...] = ()


@lru_cache(maxsize=65536)
def address_key(text: str) -> bytes:
    """Return what an address sorts by: IPv4, then IPv6, then what is no IP address."""
    known = parse(text)
    if known is None:
        return b"\x7f" + clean(text).encode()[:_LONGEST_NAME]
    return bytes((known.version,)) + known.packed


def end_key(address: str, port: int) -> bytes:
    """Return what an address and port sort by."""
    return address_key(address) + port.to_bytes(2, "big")


def word_text(parts: Iterable[object]) -> str:
    """Return what is searched by words: small letters, each part once, of bounded length."""
    told = dict.fromkeys(str(one)[:_LONGEST_TEXT].lower() for one in parts if one)
    return clean(" ".join(told))[:_LONGEST_WORDS]


def _key(*parts: object) -> bytes:
    return blake2b(repr(parts).encode("utf-8", "backslashreplace"), digest_size=16).digest()


def _short(text: object) -> str:
    return clean(str(text or "").lower())[:_LONGEST_NAME]


def _number(value: int) -> int:
    return max(0, min(value, LARGEST))


def _told(facts: Mapping[str, Any]) -> list[object]:
    """Return the values of facts, those of lists too, not deeper."""
    found: list[object] = []
    for value in facts.values():
        if isinstance(value, (list, tuple)):
            found += value
        else:
            found.append(value)
    return found


def of_conversation(one: Conversation) -> Row:
    """A conversation is the same while its ends are, whoever is found to be the client."""
    client, server = end_key(one.client, one.client_port), end_key(one.server, one.server_port)
    # a part that was told as a whole is the first one; who is the client may be learned later
    at = f"{one.source}\0{one.site}\0{one.vlan} {one.tunnel} {one.transport} {one.part or 1}\0"
    ends = client + server if client < server else server + client
    key = blake2b(at.encode("utf-8", "backslashreplace") + ends, digest_size=16).digest()
    words = word_text((one.transport.value, one.protocol, *one.claims, *_told(one.facts)))
    values = (
        client,
        server,
        one.client_port,
        one.server_port,
        one.transport.value,
        one.protocol or "",
        _number(one.packets),
        _number(one.octets),
        _number(one.first_ns),
        _number(one.last_ns),
        int((one.part or 1) == 1),
    )
    return Row(key, one.site, one.source, words, values)


def of_service(one: Service) -> Row:
    """A service is the same while address, port and transport are."""
    at, transport = end_key(one.address, one.port), one.transport.value
    return Row(
        _key(one.site, one.source, one.vlan, transport, one.address, one.port),
        one.site,
        one.source,
        word_text((transport, *one.protocols, *one.claims)),
        (
            at,
            one.port,
            _short(" ".join(one.protocols)),
            _number(one.conversations),
            _number(one.clients),
            transport,
            0,
            *_times(one),
            0,
        ),
        (address_key(one.address),),
        (one.port,),
        one.protocols or ("",),
    )


def of_device(one: Device) -> Row:
    """A device is the same while its address is."""
    facts = one.facts
    every = dict.fromkeys(
        (one.address, *one.addresses, *one.macs, *((one.mac,) if one.mac else ()))
    )
    ports = tuple(dict.fromkeys(part.port for part in one.instances))
    return Row(
        _key(one.site, one.vlan, one.address),
        one.site,
        one.source,
        word_text((*facts.values(), *one.macs, one.mac, *one.protocols, *one.roles)),
        (
            address_key(one.address),
            _short(facts.get("name")),
            _short(facts.get("vendor")),
            _short(facts.get("product")),
            "",
            0,
            *_times(one),
            0,
        ),
        tuple(dict.fromkeys(map(address_key, every))),
        ports,
        one.protocols or ("",),
    )


def of_announcement(one: Announcement) -> Row:
    """An announcement is the same while both ends and the protocol are."""
    transport = one.transport.value
    ends = one.source, one.source_port, one.destination
    return Row(
        _key(one.site, one.capture, one.vlan, transport, *ends, one.protocol),
        one.site,
        one.capture,
        word_text((transport, one.protocol)),
        (
            end_key(one.source, one.source_port or 0),
            address_key(one.destination),
            min(one.ports, default=0),
            _number(int(one.period_s * 1e9)),
            _number(one.times),
            _number(one.expected - one.times),
            one.protocol or "",
            transport,
            0,
            *_times(one),
            0,
        ),
        tuple(dict.fromkeys((address_key(one.source), address_key(one.destination)))),
        tuple(dict.fromkeys(one.ports)),
        (one.protocol or "",),
    )


def of_finding(one: Finding) -> Row:
    """A finding is the same while code and subject are."""
    told = one.parameters
    hosts = [str(told[name]) for name in ("address", "client", "server") if told.get(name)]
    port, transport, protocol = told.get("port"), told.get("transport"), told.get("protocol")
    placed = isinstance(port, int) and 0 <= port <= 65535 and transport is not None
    free = (0 if hosts else NO_HOST) | (0 if placed else NO_PORT)
    free |= 0 if "protocol" in told else NO_PROTOCOL
    rank = one.level.rank
    return Row(
        _key(one.site, one.source, one.vlan, one.code, one.subject),
        one.site,
        one.source or "",
        word_text((one.code, one.name, one.subject, one.message, *_told(told))),
        (
            f"{2 - rank} {_short(one.code)} {_short(one.subject)}",
            _short(one.code),
            _short(one.subject),
            str(transport) if placed else "",
            rank,
            0,
            LARGEST,
            free,
        ),
        tuple(dict.fromkeys(map(address_key, hosts))),
        (port,) if isinstance(port, int) and placed else (),
        (str(protocol or ""),) if "protocol" in told else (),
    )


def of_oddity(one: Oddity) -> Row:
    """An oddity is the same while its name is."""
    return Row(
        _key(one.site, one.source, one.name),
        one.site,
        one.source or "",
        word_text((one.name, one.where, one.advice)),
        (_short(one.name), _number(one.count), "", 0, 0, LARGEST, _ALL_FREE),
    )


def of_problem(one: Problem) -> Row:
    """A problem is the same while its words are."""
    words = word_text((one.source, one.message))
    return Row(_key(one.source, one.message), "", one.source, words, ("", 0, 0, LARGEST, _ALL_FREE))


_ALL_FREE = NO_HOST | NO_PORT | NO_PROTOCOL


def _times(one: Service | Device | Announcement) -> tuple[int, int]:
    return _number(one.first_ns), _number(one.last_ns)
