"""How long pages of a large book take, and what a look costs.

    python benchmarks/book.py [SIGHTINGS [BOOK]]

Writes a book of 1,000,000 sightings (a plant's network over a year: 55% services, 20% devices, 11%
findings, 10% announcements, 4% sockets; a third is gone), unless the file is there already. Then
asks each list with each filter in each order for the first, a middle and the last page, searches,
and looks ports and hosts up: milliseconds, the median of some runs and the slowest question. The
opened book is asked as `portbook serve` does, with nothing kept between two questions.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from portbook.addresses import scope_of
from portbook.book import Asked, Book
from portbook.book.cursors import mark, place
from portbook.book.sighting_pages import ORDERS, Page
from portbook.ports import PortRange, Transport
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

SIGHTINGS = 1_000_000
LOOKS = 40
RUNS = 3
DAY = 86_400_000_000_000
NOW = 1_790_000_000_000_000_000
BEGAN = NOW - 400 * DAY
TCP, UDP = Transport.TCP, Transport.UDP
SPOKEN = (
    (502, TCP, "modbus", 22), (80, TCP, "http", 20), (443, TCP, "tls", 14), (22, TCP, "ssh", 10),
    (161, UDP, "snmp", 8), (44818, TCP, "enip", 6), (102, TCP, "s7comm", 5), (1740, UDP, "", 4),
    (123, UDP, "ntp", 4), (4840, TCP, "opcua", 2), (20000, TCP, "dnp3", 1), (0, TCP, "", 4),
)  # fmt: skip
VENDORS = (
    ("Siemens AG", "SIMATIC S7-1500", 30), ("Rockwell Automation", "ControlLogix 5570", 20),
    ("Schneider Electric", "Modicon M580", 15), ("Opto 22", "groov EPIC PR1", 10),
    ("WAGO", "PFC200", 8), ("Moxa", "NPort 5150", 8), ("Reftek", "RT 130", 1), ("", "", 8),
)  # fmt: skip
CODES = (
    ("PB301", "controller-reachable", Level.ERROR, 10),
    ("PB104", "named-otherwise", Level.NOTE, 60),
    ("PB201", "two-on-one-port", Level.WARNING, 25),
    ("PB402", "outside-policy", Level.WARNING, 5),
)  # fmt: skip


class Given(NamedTuple):
    """One look's records."""

    source: str
    at_ns: int
    services: list[Service]
    devices: list[Device]
    announcements: list[Announcement]
    findings: list[Finding]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else SIGHTINGS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[2] if len(sys.argv) > 2 else f"{folder}/book.sqlite")
        if not path.exists():
            began = time.perf_counter()
            fill(path, count)
            print(f"written in {time.perf_counter() - began:.0f} s")
        with Book.open(path, readonly=True) as book:
            size = book.size()
            print(f"{sum(size.sightings.values())} sightings, {size.octets >> 20} MiB", end="")
            print(f"; {dict(size.sightings)}")
        show(asked(path))
        looks(path)


# What a plant's network may hold.


def fill(path: Path, count: int) -> None:
    """Write a book: looks of two interfaces and some captures over a year, then one of today."""
    rng = random.Random(count)
    lasting: dict[str, list[Given]] = {}
    with Book.open(path) as book:
        for number in range(LOOKS):
            at_ns = BEGAN + number * (NOW - BEGAN - DAY) // LOOKS
            capture = number % 3 == 2
            source = f"capture-{number}.pcapng" if capture else f"eth{number % 3}"
            given = look(rng, number, source, at_ns, count // LOOKS)
            site = "south" if number % 10 == 9 else "local"
            write(book, site, given, whole=False)
            if not capture and site == "local":
                lasting.setdefault(source, []).append(given)
        for source, looks_ in lasting.items():
            write(book, "local", again(rng, source, looks_, NOW), whole=True)


def write(book: Book, site: str, given: Given, *, whole: bool) -> None:
    book.record(
        site, given.source, given.at_ns,
        services=given.services, devices=given.devices, announcements=given.announcements,
        findings=given.findings, whole=whole,
        listeners=sockets(given) if given.source == "eth0" else None,
    )  # fmt: skip


def look(rng: random.Random, number: int, source: str, at_ns: int, count: int) -> Given:
    hosts = [f"10.{number}.{at >> 8 & 255}.{at & 255}" for at in range(1, count // 3)]

    def times() -> tuple[int, int]:
        first = at_ns + rng.randrange(DAY // 4)
        return first, first + rng.randrange(DAY // 4)

    return Given(
        source,
        at_ns + DAY // 2,
        [service(rng, rng.choice(hosts), times(), source) for _ in range(count * 62 // 100)],
        [device(rng, host, times(), source) for host in hosts[: count * 20 // 100]],
        [announcement(rng, host, times(), source) for host in hosts[: count * 10 // 100]],
        [finding(rng, rng.choice(hosts), source) for _ in range(count * 12 // 100)],
    )


def service(rng: random.Random, host: str, times: tuple[int, int], source: str) -> Service:
    ((port, transport, name, _),) = rng.choices(SPOKEN, [one[-1] for one in SPOKEN])
    names = (name,) if name else ()
    if rng.random() < 0.02:
        names = tuple(sorted({*names, "http", "tls"}))
    return Service(
        host, port or rng.randrange(1024, 65536), transport, names, (), 1, *times, source
    )


def device(rng: random.Random, host: str, times: tuple[int, int], source: str) -> Device:
    ((vendor, product, _),) = rng.choices(VENDORS, [one[-1] for one in VENDORS])
    facts = {"name": f"plc-{rng.randrange(10**6):06}", "serial": f"S-{rng.randrange(10**9):09}"}
    if vendor:
        facts |= {"vendor": vendor, "product": product, "version": f"{rng.randrange(1, 9)}.1"}
    mac = ":".join(f"{rng.randrange(256):02x}" for _ in range(6))
    return Device(host, facts, (), *times, source, mac=mac)


def announcement(
    rng: random.Random, host: str, times: tuple[int, int], source: str
) -> Announcement:
    network = host.rsplit(".", 1)[0]
    if rng.random() < 0.7:
        to, ports, name = f"{network}.255", (1740, 1741, 1742, 1743), "codesys-v3"
    else:
        to, ports, name = "239.255.255.250", (1900,), "ssdp"
    return Announcement(
        host, to, ports, UDP, rng.choice((1.0, 10.0, 60.0)), 0.01, 9, 9, Confidence.CONFIRMED,
        *times, source, protocol=name,
    )  # fmt: skip


def finding(rng: random.Random, host: str, source: str) -> Finding:
    ((code, name, level, _),) = rng.choices(CODES, [one[-1] for one in CODES])
    ((port, transport, _, _),) = rng.choices(SPOKEN, [one[-1] for one in SPOKEN])
    subject = f"{transport.value} {host}:{port or rng.randrange(1024, 65536)}"
    told = f"{name} at {subject}"
    return Finding(code, name, level, subject, told, "see the rule", source=source)


def sockets(given: Given) -> list[Listener]:
    rng = random.Random(given.at_ns)
    return [
        Listener(
            rng.choice((TCP, UDP)), address, rng.randrange(1, 65536), scope_of(address), "listen",
            given.at_ns, (Owner(7, rng.choice(("sshd", "nginx", "mbserverd", "rtpd"))),),
        )
        for address in rng.choices(("0.0.0.0", "127.0.0.1", "10.0.0.1"), k=4_000)
    ]  # fmt: skip


def again(rng: random.Random, source: str, looks_: list[Given], now_ns: int) -> Given:
    """See two thirds of a source once more, so that the rest is gone."""

    def some(records: Sequence[Any], **times: int) -> list[Any]:
        kept = [one for one in records if rng.random() < 0.67]
        return [msgspec.structs.replace(one, **times) for one in kept]

    seen = {"last_ns": now_ns}
    return Given(
        source,
        now_ns,
        [one for given in looks_ for one in some(given.services, **seen)],
        [one for given in looks_ for one in some(given.devices, **seen)],
        [one for given in looks_ for one in some(given.announcements, **seen)],
        [one for given in looks_ for one in some(given.findings)],
    )


# What is asked of it.

FILTERS: dict[str, dict[str, Any]] = {
    "all": {},
    "gone too": {"gone": True},
    "text, few": {"text": "reftek"},
    "text, many": {"text": "siemens"},
    "text, two words": {"text": "modbus 10.3."},
    "text, short": {"text": "s7"},
    "text, one letter": {"text": "s"},
    "text, nothing": {"text": "qqqq"},
    "text, an address": {"text": "10.3.7.41"},
    "text, hostile": {"text": "' OR \"NEAR( * " + "x" * 10_000 + "\0 \udcff --"},
    "text, gone too": {"text": "siemens", "gone": True},
    "host, one": {"host": "10.3.7.41"},
    "host, /24": {"host": "10.3.7.0/24"},
    "host, /16": {"host": "10.7.0.0/16"},
    "host, /10": {"host": "10.0.0.0/10"},
    "host, none": {"host": "192.0.2.0/24"},
    "port, common": {"ports": (PortRange(502, 502),)},
    "port, rare": {"ports": (PortRange(40_000, 40_000),)},
    "port, range": {"ports": (PortRange(1740, 1743),)},
    "port, wide": {"ports": (PortRange(1024, 65_535),)},
    "port and transport": {"ports": (PortRange(502, 502),), "transport": TCP},
    "transport": {"transport": UDP},
    "transport, none": {"transport": Transport.SCTP},
    "protocol, common": {"protocol": "modbus"},
    "protocol, rare": {"protocol": "dnp3"},
    "protocol, unknown": {"protocol": "unknown"},
    "protocol, gone too": {"protocol": "modbus", "gone": True},
    "level, error": {"level": Level.ERROR},
    "level, warning": {"level": Level.WARNING},
    "since, an hour": {"since_ns": NOW - DAY // 24},
    "since, half": {"since_ns": BEGAN + 200 * DAY},
    "since, gone too": {"since_ns": BEGAN + 380 * DAY, "gone": True},
    "until, early": {"until_ns": BEGAN + 15 * DAY},
    "until, half": {"until_ns": BEGAN + 200 * DAY},
    "source, a capture": {"source": "capture-2.pcapng"},
    "source, an interface": {"source": "eth0"},
    "site": {"site": "south"},
    "host and protocol": {"host": "10.3.0.0/16", "protocol": "modbus"},
    "text and since": {"text": "siemens", "since_ns": NOW - DAY},
}


def asked(path: Path) -> Iterator[tuple[str, float]]:
    """Give each question and its milliseconds."""
    for kind, orders in ORDERS.items():
        for name, words in FILTERS.items():
            for order in orders:
                for way in ("", "-"):
                    asked_ = Asked(order=way + order, **words)
                    for where, page in pages(path, kind, asked_):
                        taken = timed(
                            path, lambda book, kind=kind, page=page: book.listed(kind, page)
                        )
                        yield f"{kind}, {name}, order {way}{order}, {where} page", taken
    for text in ("10.3.7.41", "siemens", "s7 plc", "modbus", "502", "nobody has it", "plc-0042"):
        yield f"search {text!r}", timed(path, lambda book, text=text: book.found(text, 60))
    for port in (502, 1743, 40_000, 22):
        yield f"seen({port})", timed(path, lambda book, port=port: book.seen(port, most=100))
        yield f"seen({port}), 1,000 rows", timed(path, lambda book, port=port: book.seen(port))
    for address in ("10.3.7.41", "10.0.0.9"):
        yield f"of_host({address})", timed(path, lambda book, at=address: book.of_host(at, 500))
        yield f"one({address})", timed(path, lambda book, at=address: book.one("device", at))
    for days in (1, 30, 400):
        since = NOW - days * DAY
        yield f"latest, {days} days", timed(path, lambda book, at=since: book.latest(at, 200))


def timed(path: Path, ask: Callable[[Book], object]) -> float:
    """Return the median of some runs, each with a newly opened book."""
    taken = []
    for _ in range(RUNS):
        with Book.open(path, readonly=True) as book:
            began = time.perf_counter()
            ask(book)
            taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken)


def pages(path: Path, kind: str, asked_: Asked) -> Iterator[tuple[str, Asked]]:
    """Give the questions for the first, a middle and the last page."""
    yield "first", asked_
    with Book.open(path, readonly=True) as book:
        if book.listed(kind, asked_).next is None:
            return
        if middle := middle_of(book, kind, asked_):
            yield "middle", msgspec.structs.replace(asked_, after=middle)
        yield "last", msgspec.structs.replace(asked_, after=end_of(book, kind, asked_))


def middle_of(book: Book, kind: str, asked_: Asked) -> str | None:
    """Return a mark at a row that stands somewhere in the list: one from the middle of the file."""
    page = Page(book._connection, kind, asked_)
    part = page._parts[0]
    half = part._ask("SELECT max(id) / 2 FROM sightings")[0][0]
    columns = ", ".join(f"s.{one}" for one in (*page._order.columns, "id"))
    rows = part._ask(
        f"SELECT {columns} FROM sightings s NOT INDEXED WHERE s.id > {half}"
        f" AND {part._filters.scope}{part._where()} LIMIT 1"
    )
    return page._mark(rows, None, back=False) if rows else None


def end_of(book: Book, kind: str, asked_: Asked) -> str:
    """Return the mark of the last page: the list upside down knows the row before it."""
    order = asked_.order.removeprefix("-") if asked_.order[0] == "-" else f"-{asked_.order}"
    turned = book.listed(kind, msgspec.structs.replace(asked_, order=order, most=20)).next
    assert turned
    cursor = place(turned, kind, order, str)
    return mark(msgspec.structs.replace(cursor, order=asked_.order))


def show(taken: Iterator[tuple[str, float]]) -> None:
    found = list(taken)
    times = sorted(one for _, one in found)
    print(
        f"{len(times)} questions, milliseconds: median {statistics.median(times):.1f}, "
        f"99% {times[int(0.99 * len(times))]:.1f}, slowest {times[-1]:.1f}"
    )
    for name, one in sorted(found, key=lambda pair: -pair[1])[:25]:
        print(f"{one:8.1f}  {name}")


def looks(path: Path) -> None:
    """Show what a look at an interface costs that the book knows: new rows, then the same again."""
    rng = random.Random(1)
    for turn, count in enumerate((200, 2_000, 20_000)):
        given = look(rng, LOOKS + turn, "eth0", NOW, count)
        took = [of_look(path, given, NOW + (4 * turn + at) * 60_000_000_000) for at in range(4)]
        rows = len(given.services) + len(given.devices)
        then = statistics.median(took[1:])
        print(f"look of {rows} rows: {took[0]:.0f} ms where all are new, {then:.0f} ms again")


def of_look(path: Path, given: Given, at_ns: int) -> float:
    services = [msgspec.structs.replace(one, last_ns=at_ns) for one in given.services]
    devices = [msgspec.structs.replace(one, last_ns=at_ns) for one in given.devices]
    with Book.open(path) as book:
        began = time.perf_counter()
        book.record("local", "eth0", at_ns, services=services, devices=devices)
        return 1000 * (time.perf_counter() - began)


if __name__ == "__main__":
    main()
