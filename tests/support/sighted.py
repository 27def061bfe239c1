"""Small books with a bit of everything, and what their lists should say by plain Python."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network
from typing import Any

from portbook.addresses import scope_of
from portbook.book import Asked, Book, Seen, schema
from portbook.ports import Transport
from portbook.records import (
    Announcement,
    Confidence,
    Device,
    Finding,
    Level,
    Listener,
    Owner,
    Service,
)

KINDS = ("service", "device", "listener", "announcement", "finding")
MAC = "00:a0:3d:01:05:e1"
SECOND = 1_000_000_000
DAY = 86_400 * SECOND
T0 = 1_790_000_000 * SECOND
TCP, UDP = Transport.TCP, Transport.UDP


def book_in_memory() -> Book:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    schema.prepare(connection, "memory", readonly=False)
    return Book(connection, "memory", readonly=False)


def service(
    address: str = "10.0.0.9", port: int = 502, *protocols: str, at: int = T0, **more: Any
) -> Service:
    first = more.pop("first", at)
    transport = more.pop("transport", TCP)
    return Service(address, port, transport, protocols, (), 1, first, at, "eth0", **more)


def device(address: str = "10.0.0.9", *, at: int = T0, **facts: str) -> Device:
    return Device(address, facts, ("told",), at, at, "eth0", mac=MAC)


def listener(
    port: int = 22, *programs: str, address: str = "0.0.0.0", transport: Transport = TCP
) -> Listener:
    owners = tuple(Owner(7, name) for name in programs)
    return Listener(transport, address, port, scope_of(address), "listen", T0, owners)


def announcement(
    source: str = "10.0.0.5",
    destination: str = "10.0.0.255",
    ports: tuple[int, ...] = (1740, 1741, 1742, 1743),
    protocol: str | None = "codesys-v3",
    at: int = T0,
) -> Announcement:
    return Announcement(
        source, destination, ports, UDP, 60.0, 0.01, 5, 5, Confidence.CONFIRMED, at, at, "eth0",
        protocol=protocol,
    )  # fmt: skip


def finding(
    code: str = "PB301", subject: str = "tcp 10.0.0.9:502", level: Level = Level.ERROR
) -> Finding:
    return Finding(code, "controller-reachable", level, subject, f"said of {subject}", "do")


def held(book: Book, kind: str) -> list[Seen]:
    """Return all that a book holds of a kind, by asking for every row at once."""
    return list(book.listed(kind, Asked(gone=True, most=1000)).rows)


# The plain model: what a row is listed by, and whether it is wanted.


def address_of(text: str) -> tuple[Any, ...]:
    try:
        known = ip_address(text)
    except ValueError:
        return (3, text)
    return (known.version // 3, int(known))


def hosts(one: Seen) -> list[str]:
    told = one.details
    if one.of == "announcement":
        return [told["source"], told["destination"]]
    if one.of == "finding":
        return re.findall(r"\d+\.\d+\.\d+\.\d+", told["subject"])
    if one.of == "listener" and told["address"] in ("0.0.0.0", "::"):
        return []
    return [told["address"]]


def ports(one: Seen) -> list[tuple[int, str]]:
    told = one.details
    if one.of == "finding":
        found = re.match(r"(tcp|udp) \S+?:(\d+)", told["subject"])
        return [(int(found[2]), found[1])] if found else []
    if one.of == "device":
        return []
    numbers = told["ports"] if one.of == "announcement" else [told["port"]]
    return [(number, told["transport"]) for number in numbers]


def names(one: Seen) -> list[str]:
    told = one.details
    if one.of == "announcement":
        return [told["protocol"]] if told["protocol"] else []
    return list(told.get("protocols", ()))


def level(one: Seen) -> int:
    return Level(one.details["level"]).rank


def rank(one: Seen) -> int:
    if one.of == "finding":
        return level(one)
    found = ports(one)
    if not found:
        return -1
    return found[0][0] * 4 + ("dccp", "sctp", "tcp", "udp").index(found[0][1])


def label(one: Seen) -> str:
    told = one.details
    if one.of == "device":
        return str(told["facts"].get("name", "")).lower()
    if one.of == "listener":
        return ",".join(told["programs"])
    return str(told["code"]) if one.of == "finding" else ",".join(names(one))


def key(one: Seen, order: str) -> tuple[Any, ...]:
    """Return what a row is put in order by."""
    name = order.removeprefix("-")
    found = hosts(one)
    address = address_of(found[0]) if found else (-1,)
    if name in ("address", "source", "subject"):
        return (address, rank(one))
    if name in ("port", "level"):
        return (rank(one),)
    if name == "first":
        return (one.first_ns, rank(one), address)
    if name == "last":
        return (one.last_ns, one.first_ns, rank(one))
    return (label(one), rank(one))


def wanted(one: Seen, asked: Asked) -> bool:
    """Tell whether a list that is asked so holds a row."""
    return (
        (asked.gone or one.gone_ns is None)
        and _by_host(one, asked.host)
        and _by_port(one, asked)
        and _by_name(one, asked.protocol)
        and (asked.level is None or one.of != "finding" or level(one) >= asked.level.rank)
        and asked.source in (None, one.source)
        and asked.site in (None, one.site)
        and (asked.since_ns is None or one.last_ns >= asked.since_ns)
        and (asked.until_ns is None or one.first_ns <= asked.until_ns)
        and all(_by_word(one, word) for word in asked.text.lower().split())
    )


def _by_host(one: Seen, host: str | None) -> bool:
    found = hosts(one)
    if host is None or (not found and one.of in ("listener", "finding")):
        return True
    network = ip_network(host, strict=False)
    return any(text != MAC and ip_address(text) in network for text in found)


def _by_port(one: Seen, asked: Asked) -> bool:
    found = ports(one)
    if one.of == "device" or (not found and one.of == "finding"):
        return True
    return any(
        (not asked.ports or any(number in span for span in asked.ports))
        and asked.transport in (None, transport)
        for number, transport in found
    ) or not (asked.ports or asked.transport)


def _by_name(one: Seen, protocol: str | None) -> bool:
    if protocol is None or one.of not in ("service", "announcement"):
        return True
    return protocol in (names(one) or ["unknown"])


def _by_word(one: Seen, word: str) -> bool:
    if one.of in ("service", "announcement"):
        told = ports(one)
        return (
            any(text.startswith(word) for text in hosts(one) if "." in text)
            or word in hosts(one)
            or any(name.startswith(word) or (len(word) > 2 and word in name) for name in names(one))
            or word in {str(number) for number, _ in told}
            or word in {transport for _, transport in told}
        )
    told = {name: text for name, text in one.details.items() if name not in _UNSEARCHED}
    ends = (
        [f"{told['address']}:{number}" for number, _ in ports(one)] if one.of == "listener" else []
    )
    both = [f"{number}/{transport}" for number, transport in ports(one)] if ends else []
    return any(
        text.startswith(word) or (len(word) > 2 and word in text)
        for text in _words([*told.values(), ends, both])
    )


_UNSEARCHED = ("family", "fingerprint")


def _words(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, dict):
            yield from _words(value.values())
        elif isinstance(value, list):
            yield from _words(value)
        elif isinstance(value, str):
            yield from value.lower().split()
