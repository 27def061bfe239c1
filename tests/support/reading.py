"""Reading captures through both packet readers, and comparing what they saw."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from portbook.emulators import frames
from portbook.errors import SourceError
from portbook.evidence import readers
from portbook.evidence.table import Counts, Row, Table
from support import CAPTURES

KINDS = (
    "plain",
    pytest.param(
        "compiled",
        marks=pytest.mark.skipif(
            not readers.COMPILED, reason="the compiled packet reader is not built"
        ),
    ),
)
needs_compiled = pytest.mark.skipif(
    not readers.COMPILED, reason="the compiled packet reader is not built"
)
A, B = "10.0.0.1", "10.0.0.2"
MAC_A, MAC_B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
Make = Callable[..., Table]


class Seen(NamedTuple):
    """All that a table tells of a source."""

    rows: tuple[Row, ...]
    counts: Counts
    oddities: Mapping[str, tuple[int, int]]
    error: tuple[str, int | None] | None
    starved: bool


def maker(kind: str) -> Make:
    """Return a function that makes an empty table of one of the KINDS."""

    def make(signatures: Iterable[object] = (), **options: int) -> Table:
        options.setdefault("seed", 42)
        return readers.table(signatures, compiled=kind == "compiled", **options)  # type: ignore[arg-type]

    return make


def push(table: Table, data: bytes, sizes: Iterable[int] = ()) -> tuple[str, int | None] | None:
    """Feed data in blocks of the sizes given, the rest in one; return the error it ended with."""
    held, here = b"", 0
    try:
        for size in (*sizes, len(data)):
            held += data[here : here + size]
            here = min(len(data), here + size)
            held = held[table.feed(held) :]
        table.finish(len(held))
    except SourceError as error:
        return str(error), error.offset
    return None


def seen(table: Table, data: bytes, sizes: Iterable[int] = ()) -> Seen:
    """Read data to its end and return all that the table tells."""
    error = push(table, data, sizes)
    return Seen(tuple(table.rows()), table.counts(), table.oddities(), error, table.starved)


def captures() -> list[Path]:
    """Return all real captures, an empty list when they are absent."""
    ends = (".pcap", ".pcapng", ".gz", ".zst")
    return sorted(path for path in CAPTURES.rglob("*") if path.suffix in ends)


def octets_of(path: Path) -> bytes:
    """Return the content of a capture, unpacked."""
    octets = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(octets)
    if path.suffix == ".zst":
        tool = shutil.which("zstd")
        if tool is None:
            pytest.skip("the zstd program is absent")
        return subprocess.run([tool, "-dc"], input=octets, capture_output=True, check=True).stdout
    return octets


def tcp_frame(
    payload: bytes = b"",
    *,
    back: bool = False,
    sequence: int = 0,
    flags: int = frames.ACK,
    acknowledged: int = 0,
    ports: tuple[int, int] = (40000, 502),
) -> bytes:
    """Return an Ethernet frame with a TCP segment from A to B, or back."""
    ends = ((A, ports[0], MAC_A), (B, ports[1], MAC_B))
    (source, port, mac), (other, other_port, other_mac) = ends[::-1] if back else ends
    segment = frames.tcp(
        payload,
        source,
        port,
        other,
        other_port,
        flags=flags,
        sequence=sequence,
        acknowledged=acknowledged,
    )
    return frames.ethernet(frames.ipv4(segment, source, other, 6), mac, other_mac, 0x0800)


def udp_packet(payload: bytes, port: int = 40000, other_port: int = 1740) -> bytes:
    """Return an IPv4 packet with a UDP datagram from A to B."""
    return frames.ipv4(frames.udp(payload, A, port, B, other_port), A, B, 17)


def udp_frame(
    payload: bytes, port: int = 40000, other_port: int = 1740, *, back: bool = False
) -> bytes:
    """Return an Ethernet frame with a UDP datagram from A to B, or back."""
    if back:
        datagram = frames.udp(payload, B, other_port, A, port)
        return frames.ethernet(frames.ipv4(datagram, B, A, 17), MAC_B, MAC_A, 0x0800)
    return frames.ethernet(udp_packet(payload, port, other_port), MAC_A, MAC_B, 0x0800)


def one(table: Table) -> Row:
    """Return the only row of a table."""
    (row,) = table.rows()
    return row


def count(table: Table, *octets: bytes, link: int = 1, step_ns: int = 1000) -> None:
    """Count frames, one after the other."""
    for number, frame in enumerate(octets):
        table.frame(frame, link, 1_700_000_000_000_000_000 + number * step_ns)
