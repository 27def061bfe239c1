"""Joins real captures into one file for `read.py`, over and over until it is long enough.

    python benchmarks/read_mix.py FOLDER FILE [--packets N]

All pcap and pcapng files below a folder, one behind the other, become one pcap file of Ethernet
frames with nanosecond times; each begins when the one before it has ended. Every round shifts the
second octet of IPv4 addresses and the seventh of IPv6 ones, groups and broadcasts left alone, so
that its conversations are new; checksums are not renewed. What is left out is told on stderr.
"""

from __future__ import annotations

import argparse
import struct
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

MOST = 262_144  # octets of a frame
ROUNDS = 250  # the shift is one octet
SECOND = 1_000_000_000
BEGIN_NS = 1_700_000_000 * SECOND
MACS = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02"
IP4, IP6 = b"\x08\x00", b"\x86\xdd"
TAGS = b"\x81\x00", b"\x88\xa8", b"\x91\x00"


class Record(NamedTuple):
    """One packet of a capture: when, its link type, its octets and how many it had."""

    time_ns: int
    link: int
    octets: bytes
    length: int


class Left(NamedTuple):
    """What a conversion had to leave out."""

    files: int
    links: Counter[int]  # packets of link types that carry no Ethernet and no IP


def main() -> None:
    """Join the captures that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--packets", type=int, default=2_000_000)
    told = parser.parse_args()
    try:
        written, left = join(told.folder, told.file, told.packets)
    except ValueError as error:
        parser.error(str(error))
    print(
        f"{written} packets; left out: {left.files} files without packets, and packets of"
        f" {len(left.links)} links that are neither Ethernet nor IP: {left.links.total()}",
        file=sys.stderr,
    )


def join(folder: Path, path: Path, packets: int) -> tuple[int, Left]:
    """Write the joined capture; return how many packets it has, at most `packets`.

    Raises ValueError when there is no packet to be found below the folder.
    """
    files, left = [], Left(0, Counter())
    for name in sorted(one for one in folder.rglob("*") if one.is_file()):
        frames = list(_frames(name, left.links))
        if frames:
            files.append(frames)
        else:
            left = left._replace(files=left.files + 1)
    if not files:
        raise ValueError(f"no packets in captures below {folder}")
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, MOST, 1))
        written, now = 0, BEGIN_NS
        for turn in range(ROUNDS):
            for frames in files:
                part = frames[: packets - written]
                now = _append(out, part, turn, now)
                written += len(part)
            if written == packets:
                break
    return written, left


class _Frame(NamedTuple):
    time_ns: int
    octets: bytes
    length: int


def _append(out: BinaryIO, frames: list[_Frame], turn: int, now: int) -> int:
    """Write the frames of one file from a time on; return the time of the last."""
    last = now
    for one in frames:
        # a clock that jumps by days would make all that follows an idle time
        time_ns = now + min(max(one.time_ns - frames[0].time_ns, 0), 86_400 * SECOND)
        last = max(last, time_ns)
        octets = shifted(one.octets, turn) if turn else one.octets
        out.write(struct.pack("<IIII", *divmod(time_ns, SECOND), len(octets), one.length))
        out.write(octets)
    return last


def shifted(frame: bytes, turn: int) -> bytes:
    """Return a frame whose IP addresses are others, the same ones for the same turn."""
    at = 12
    while frame[at : at + 2] in TAGS:
        at += 4
    kind = frame[at : at + 2]
    at += 2
    changed = bytearray(frame)
    if kind == IP4 and len(frame) >= at + 20:
        for host in (at + 12, at + 16):
            if 0 < frame[host] < 224:
                changed[host + 1] = (frame[host + 1] + turn) & 0xFF
    elif kind == IP6 and len(frame) >= at + 40:
        for host in (at + 8, at + 24):
            if frame[host] != 0xFF:
                changed[host + 6] = (frame[host + 6] + turn) & 0xFF
    return bytes(changed)


def _frames(path: Path, links: Counter[int]) -> Iterator[_Frame]:
    for record in records(path.read_bytes()):
        octets = _ethernet(record)
        if octets is None:
            links[record.link] += 1
        elif len(octets) <= MOST:
            length = record.length + len(octets) - len(record.octets)
            # damaged records tell lengths that no frame has
            yield _Frame(
                record.time_ns, octets, max(length, len(octets)) if length <= MOST else len(octets)
            )


def _ethernet(record: Record) -> bytes | None:
    """Return a packet as an Ethernet frame; None when it is neither that nor IP."""
    octets, link = record.octets, record.link & 0xFFFF
    if link == 1:
        return octets
    if link == 113:  # cooked Linux: the kind of what follows in its last two octets
        return MACS + octets[14:] if len(octets) >= 16 else None
    if link == 276:  # the same, second version: the kind in its first two
        return MACS + octets[:2] + octets[20:] if len(octets) >= 20 else None
    if link in (0, 108):  # loopback: four octets for the family
        octets = octets[4:]
    elif link not in (12, 14, 101, 228, 229):
        return None
    kind = {4: IP4, 6: IP6}.get(octets[0] >> 4 if octets else 0)
    return MACS + kind + octets if kind else None


def records(capture: bytes) -> Iterator[Record]:
    """Give the records of a pcap or pcapng file, until it ends or makes no sense any more."""
    magic = capture[:4]
    for order in ("<", ">"):
        for number, unit in ((0xA1B2C3D4, 1_000), (0xA1B23C4D, 1)):
            if magic == struct.pack(f"{order}I", number) and len(capture) >= 24:
                yield from _pcap(capture, order, unit)
    if magic == b"\x0a\x0d\x0d\x0a":
        yield from _pcapng(capture)


def _pcap(capture: bytes, order: str, unit: int) -> Iterator[Record]:
    head = struct.Struct(f"{order}IIII")
    (link,) = struct.unpack_from(f"{order}I", capture, 20)
    at = 24
    while at + 16 <= len(capture):
        seconds, parts, size, length = head.unpack_from(capture, at)
        at += 16
        if size > MOST or at + size > len(capture):
            return
        yield Record(seconds * SECOND + parts * unit, link, capture[at : at + size], length)
        at += size


def _pcapng(capture: bytes) -> Iterator[Record]:
    at, order = 0, "<"
    interfaces: list[tuple[int, Callable[[int], int]]] = []
    while at + 12 <= len(capture):
        if capture[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if capture[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
        kind, size = struct.unpack_from(f"{order}II", capture, at)
        if size < 12 or size % 4 or at + size > len(capture):
            return
        body = capture[at + 8 : at + size - 4]
        at += size
        if kind == 1 and len(body) >= 8:
            interfaces.append((struct.unpack_from(f"{order}H", body)[0], _clock(body, order)))
        elif kind == 6 and len(body) >= 20:
            number, high, low, kept, length = struct.unpack_from(f"{order}IIIII", body)
            if number < len(interfaces) and 20 + kept <= len(body):
                link, clock = interfaces[number]
                yield Record(clock(high << 32 | low), link, body[20 : 20 + kept], length)


def _clock(interface: bytes, order: str) -> Callable[[int], int]:
    """Return what turns an interface's times into nanoseconds, from its options."""
    at, unit = 8, 6
    while at + 4 <= len(interface):
        code, size = struct.unpack_from(f"{order}HH", interface, at)
        if code == 9 and size == 1 and at + 5 <= len(interface):
            unit = interface[at + 4]
        at += 4 + size + -size % 4
    parts = 1 << (unit & 0x7F) if unit & 0x80 else 10**unit
    return lambda count: count * SECOND // parts


if __name__ == "__main__":
    main()
