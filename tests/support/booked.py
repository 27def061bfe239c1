"""A book as a plant fills it: the demo's capture, hostile names, and the sightings of many cells.

`filled_book` makes it through the program itself, `portbook read --book`, so that what is hostile
has come the whole way from a packet.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from portbook.book import Book
from portbook.emulators import plant
from portbook.emulators.frames import Frame, Host, TcpTalk, pcap
from portbook.ports import Transport
from portbook.records import Announcement, Confidence, Device, Finding, Level, Service
from support.program import portbook

SECOND, MINUTE, HOUR = 1_000_000_000, 60_000_000_000, 3_600_000_000_000
MANY = 600  # services and as many devices
# What a stranger would write in a name. Each breaks out of another place: text, an attribute, a
# script, a style, a template, an address, an SVG drawing, the direction of reading.
HOSTILE = (
    "<script>alert('text')</script>",
    "\"><img src=x onerror=alert('attribute')>",
    "' onmouseover='alert(1)' x='",
    "</title></svg><svg onload=alert('svg')>",
    "</script><script>alert('json')</script>",
    "{{ 7 * 7 }}{% raw %}${7*7}",
    "javascript:alert('address')",
    "http://portbook.example/x.js",
    "\u202egpj.exe",
    "%(name)s %d {0}",
    "a&b&lt;c&#39;d",
    "W" * 300,
)
NAME = "<b onclick=alert(1)>&'\""  # of a file; a slash cannot be in one
ATTACKER = Host("10.66.0.66", "02:00:5e:66:00:66")
READER = Host("10.66.0.5", "02:00:5e:66:00:05")


def filled_book(path: Path) -> Path:
    """Make the book in a file: captures read by the program, and records of a large plant."""
    captures = {"plant.pcap": plant.capture(), f"{NAME}.pcap": hostile_capture()}
    for name, octets in captures.items():
        (path.parent / name).write_bytes(octets)
    done = portbook(path.parent, "read", *captures, "--book", path, "--jsonl")
    assert done.code == 0, done.err
    with Book.open(path) as book:
        record(book, time.time_ns())
    return path


def record(book: Book, now_ns: int, many: int = MANY) -> None:
    """Write the sightings of a plant: many services and devices, announcements, findings."""
    book.record(
        "local",
        "eth1",
        now_ns,
        services=list(_services(now_ns, many)),
        devices=list(_devices(now_ns, many)),
        announcements=list(_announcements(now_ns)),
        findings=list(_findings(many // 4)),
    )


def hostile_capture() -> bytes:
    """Return a capture whose servers name themselves by hostile texts."""
    frames: list[Frame] = []
    for number, text in enumerate(HOSTILE):
        start = plant.START_NS + number * SECOND
        name = text.encode()
        server = ATTACKER._replace(address=f"10.66.1.{number + 1}")
        web = TcpTalk(READER, 50_000 + number, server, 80, start_ns=start)
        web.to_server(b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: " + name + b"\r\n\r\n")
        web.to_client(b"HTTP/1.1 200 OK\r\nServer: " + name + b"\r\nContent-Length: 0\r\n\r\n")
        files = TcpTalk(READER, 51_000 + number, server, 21, start_ns=start + SECOND // 2)
        files.to_client(b"220 " + name + b" FTP server ready\r\n")
        files.to_server(b"USER anonymous\r\n").to_client(b"331 Password required\r\n")
        shell = TcpTalk(READER, 52_000 + number, server, 22, start_ns=start + SECOND // 3)
        shell.to_client(b"SSH-2.0-" + name + b"\r\n").to_server(b"SSH-2.0-example\r\n")
        for talk in (web, files, shell):
            frames += talk.close()
    return pcap(sorted(frames, key=lambda frame: frame.time_ns))


def _address(number: int) -> str:
    return f"10.30.{number // 250}.{number % 250 + 1}"


_SPOKEN = (
    ("modbus", 502, Transport.TCP, "mbap"),
    ("enip", 44818, Transport.TCP, "EtherNet-IP-2"),
    ("codesys-v3", 1740, Transport.UDP, "encore"),
    ("http", 80, Transport.TCP, "http"),
    ("opcua", 4840, Transport.TCP, "opcua-tcp"),
    ("s7comm", 102, Transport.TCP, "iso-tsap"),
    (None, 20_000, Transport.TCP, "dnp"),
)


def _services(now_ns: int, many: int) -> Iterator[Service]:
    for number in range(many):
        protocol, port, transport, claim = _SPOKEN[number % len(_SPOKEN)]
        seen = now_ns - number * MINUTE
        yield Service(
            _address(number),
            port,
            transport,
            (protocol,) if protocol else (),
            (claim,),
            number % 9 + 1,
            seen - HOUR,
            seen,
            "eth1",
            confidence=Confidence.CONFIRMED if protocol else None,
            clients=number % 4 + 1,
        )


def _devices(now_ns: int, many: int) -> Iterator[Device]:
    for number in range(many):
        text = HOSTILE[number % len(HOSTILE)] if number % 25 == 0 else f"cell-{number}"
        facts = {"vendor": "Example Controls", "product": f"Unit {number % 12}", "name": text}
        facts |= {"serial": f"EX-{number:05}", "version": f"3.{number % 7}"}
        seen = now_ns - number * MINUTE
        address = _address(number)
        mac = f"02:00:5e:30:{number // 256:02x}:{number % 256:02x}"
        protocol = _SPOKEN[number % len(_SPOKEN)][0]
        yield Device(
            address,
            facts,
            ("it told its name",),
            seen - HOUR,
            seen,
            "eth1",
            mac=mac,
            addresses=(address,),
            macs=(mac,),
            protocols=(protocol,) if protocol else (),
        )


def _announcements(now_ns: int) -> Iterator[Announcement]:
    for number in range(40):
        rounds = 60 - number % 7
        first = now_ns - HOUR
        missed = number % 5 == 0
        beats = tuple(
            first + step * MINUTE for step in range(rounds) if not (missed and step in (20, 21))
        )
        yield Announcement(
            _address(number),
            "10.30.0.255",
            (1740, 1741, 1742, 1743),
            Transport.UDP,
            60.0,
            0.01,
            len(beats),
            rounds,
            Confidence.CONFIRMED,
            beats[0],
            beats[-1],
            "eth1",
            source_port=1740,
            protocol="codesys-v3",
            because=("evenly spaced",),
            beats_ns=beats,
        )


def _findings(many: int) -> Iterator[Finding]:
    levels = list(Level)
    for number in range(many):
        address, port = _address(number), _SPOKEN[number % len(_SPOKEN)][1]
        yield Finding(
            "PB301",
            "controller-reachable",
            levels[number % len(levels)],
            f"tcp {address}:{port}",
            f"a controller at {address} port {port}/tcp spoke with 198.51.100.23",
            "Close the port at the border; let stations in by a VPN only",
            source="eth1",
        )
