"""Targets: pcap and pcapng files, and what gzip and zstd make of octets."""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Iterator
from functools import partial

from fuzz.driving import PLAINEST, Driven, Way, compare
from fuzz.supply import Supply
from fuzz.target import Target, agree, must
from fuzz.traffic import frames as traffic
from portbook.emulators.frames import Frame, Interface, Section, block, pcap, pcapng
from portbook.errors import SourceError
from portbook.evidence.unpacking import unpacked

MOST = 1 << 20  # octets that are taken out of a packed file: a bomb has more
WAYS = (PLAINEST, bytes((1, 1, 1, 0, 3, 0, 6, 90)), bytes((2, 2, 2, 1, 2, 23, 1)))


def captures(octets: bytes) -> None:
    """Read octets as a capture, in every reader, in blocks of any size."""
    supply = Supply(octets)
    way, data = Way.of(supply), supply.rest()
    compare(way, lambda driven: driven.capture(data))
    # where a block ends makes no difference while nothing has to be closed or released
    if way.limit == 1 << 20 and way.pool_octets == 1 << 20:
        whole = way._replace(sizes=())
        expected, actual = (_plain(one, data) for one in (whole, way))
        agree(expected, actual, "blocks of other sizes are read otherwise")


def _plain(way: Way, data: bytes) -> object:
    from portbook.evidence.packets import Table

    driven = Driven(Table(way.signatures, limit=way.limit, pool_octets=way.pool_octets), way)
    driven.capture(data)
    return driven.told()


def packed(octets: bytes) -> None:
    """Unpack octets; the size of the room that is filled makes no difference."""
    many, few = _content(octets, 65536, 1 << 16), _content(octets, 1 << 16, 701)
    must(len(many[0]) <= MOST + 65536, "more was unpacked than asked for")
    if len(many[0]) < MOST:
        # of damaged octets more or less can be had, but it never differs
        shorter, longer = sorted((many[0], few[0]), key=len)
        must(longer.startswith(shorter), "another room holds another content")
        agree(many[1] is None, few[1] is None, "another room is another end")
        must(many[1] is not None or len(shorter) == len(longer), "a room swallows the end")


def _content(octets: bytes, most: int, room: int) -> tuple[bytes, str | None]:
    found, raw = bytearray(), _Slowly(octets, most)
    view = memoryview(bytearray(room))
    try:
        source = unpacked(raw)
        while len(found) < MOST and (count := source.into(view)):
            must(0 < count <= room, "more than the room holds")
            found += view[:count]
    except SourceError as error:
        return bytes(found), str(error)
    return bytes(found), None


class _Slowly(io.RawIOBase):
    """A file that gives at most so many octets at a time, as a pipe does."""

    def __init__(self, octets: bytes, most: int) -> None:
        super().__init__()
        self._octets, self._most, self._at = octets, most, 0

    def readable(self) -> bool:
        return True

    def readinto(self, room: memoryview) -> int:  # type: ignore[override]
        part = self._octets[self._at : self._at + min(self._most, len(room))]
        room[: len(part)] = part
        self._at += len(part)
        return len(part)


def files() -> Iterator[bytes]:
    """Give small captures of every form."""
    some = traffic()
    for big in (False, True):
        for nanoseconds in (False, True):
            yield pcap(some[:6], nanoseconds=nanoseconds, big_endian=big, snaplen=200)
        order = ">" if big else "<"
        for resolution in (6, 9, 3, 0x80 | 10, 0x80 | 20):
            interfaces = (Interface(101, 6, 96, "lo"), Interface(1, resolution, 0, "eth0"))
            second = [one._replace(interface=1) for one in some[6:9]]
            yield pcapng(
                Section(second, interfaces, big), Section(some[9:11], (Interface(),), not big)
            )[:-8]
            yield pcapng(Section(second, interfaces, big))
        yield from _older(some[:3], order)
        yield _rare_blocks(some[0].octets, order)


def _older(some: list[Frame], order: str) -> Iterator[bytes]:
    for minor in (2, 3, 4):
        head = struct.pack(order + "IHHiIII", 0xA1B2C3D4, 2, minor, 0, 0, 65535, 1)
        for one in some:
            kept, length = len(one.octets), len(one.octets) + 7
            sizes = (length, kept) if minor < 4 else (kept, length)
            head += struct.pack(order + "IIII", 7, 9, *sizes) + one.octets
        yield head
    head = struct.pack(order + "IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 65535, 1)
    for one in some:
        size = len(one.octets)
        head += struct.pack(order + "IIIIIHBx", 7, 9, size, size, 0, 0, 0) + one.octets
    yield head


def _rare_blocks(frame: bytes, order: str) -> bytes:
    section = pcapng(Section([], (), order == ">"))
    options = struct.pack(order + "HHqHH", 14, 8, -5, 0, 0)
    interface = block(1, struct.pack(order + "HHI", 1, 0, 80) + options, order)
    clock = block(1, struct.pack(order + "HHIHHBxxx", 1, 0, 0, 9, 1, 0x94) + options, order)
    early = block(6, struct.pack(order + "IIIII", 1, 0, 0, len(frame), len(frame)) + frame, order)
    simple = block(3, struct.pack(order + "I", len(frame)) + frame, order)
    size = len(frame)
    old = block(2, struct.pack(order + "HHIIII", 0, 3, 0, 5_000_000, size, size) + frame, order)
    unknown = block(0xBAD, b"z" * 33, order)
    lost = block(6, struct.pack(order + "IIIII", 9, 0, 7, size, size) + frame, order)
    return (
        section + simple + interface + clock + early + unknown + old + simple + lost + section + old
    )


def _capture_seeds() -> Iterator[bytes]:
    for at, file in enumerate(files()):
        yield WAYS[at % len(WAYS)] + file


def _packed_seeds() -> Iterator[bytes]:
    some = traffic()
    one, other = pcap(some[:4]), pcapng(Section(some[4:7]))
    zipped = partial(gzip.compress, mtime=0)
    yield one
    yield zipped(one)
    yield zipped(one) + zipped(other, 1) + bytes(5)
    yield zipped(one)[:-9]
    yield zipped(bytes(200_000))
    yield zipped(one) + b"rest"
    for make in _zstd():
        yield make(one)
        yield make(one) + b"\x50\x2a\x4d\x18\x03\0\0\0abc" + make(other)
        yield make(one)[:-5]
        yield make(bytes(200_000))


def _zstd() -> Iterator[partial[bytes]]:
    try:
        from backports import zstd
    except ImportError:
        return
    yield partial(zstd.compress)
    yield partial(zstd.compress, options={zstd.CompressionParameter.checksum_flag: 1})


TARGETS = (
    Target("captures", captures, _capture_seeds),
    Target("packed", packed, _packed_seeds),
)
