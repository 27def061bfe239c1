"""Capture containers: pcap and pcapng, decided by their first octets.

Here stand the headers and the rare blocks; the readers walk records and Enhanced Packet Blocks
themselves. Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.errors import SourceError

LARGEST = 262144  # octets of one frame, the bound that libpcap and Wireshark keep
LARGEST_BLOCK = 16 << 20  # octets of a block that must be held to be read
INTERFACES = 65536  # of one section
PCAP, PCAPNG = 1, 2
SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, PACKET = 0x0A0D0D0A, 1, 2, 3, 6
LAST_NS = (1 << 62) - 1  # so that the span between two times fits 64 bits as well

KNOWN = frozenset((SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, PACKET))

# first four octets as a big-endian number: (byte order, ns in a tick, octets of a record header)
MAGICS = {
    0xA1B2C3D4: ("big", 1000, 16),
    0xD4C3B2A1: ("little", 1000, 16),
    0xA1B23C4D: ("big", 1, 16),
    0x4D3CB2A1: ("little", 1, 16),
    0xA1B2CD34: ("big", 1000, 24),  # "modified": Kuznetzov's patch of the 1990s
    0x34CDB2A1: ("little", 1000, 24),
}


class Interface(NamedTuple):
    """What an Interface Description Block says."""

    link: int  # LINKTYPE number
    snaplen: int  # 0: no limit
    units: int = 1_000_000  # clock ticks in a second
    offset_s: int = 0

    @property
    def tick_ns(self) -> int:
        """Return the nanoseconds of a tick, 0 when they are no whole number."""
        return 0 if 1_000_000_000 % self.units else 1_000_000_000 // self.units

    def words(self) -> tuple[int, int, int, int]:
        """Return link, ns in a tick, offset in ns, and the last ticks for which these do."""
        offset_ns = self.offset_s * 1_000_000_000
        if not self.tick_ns or abs(offset_ns) > LAST_NS // 2:
            return self.link, 0, 0, 0
        return self.link, self.tick_ns, offset_ns % (1 << 64), LAST_NS // 2 // self.tick_ns

    def nanoseconds(self, ticks: int) -> int:
        """Turn a time stamp into Unix time, kept within LAST_NS."""
        time_ns = ticks * 1_000_000_000 // self.units + self.offset_s * 1_000_000_000
        return max(-LAST_NS, min(time_ns, LAST_NS))


class Record(NamedTuple):
    """One frame of a rare block."""

    at: int  # where the frame begins in the block that was fed
    captured: int
    length: int
    link: int | None  # None: its interface was never described
    time_ns: int


class Container:
    """What is known of a capture so far."""

    def __init__(self) -> None:
        self.kind: int | None = None
        self.big = False
        self.header = 16  # pcap: octets of a record header
        self.tick_ns = 1000  # pcap
        self.link = 1  # pcap
        self.swap = 0  # pcap: 1: the two lengths stand in the other order, 2: perhaps
        self.interfaces: list[Interface] = []  # pcapng, of this section
        self.sections = 0
        self.skip = 0  # octets of a block nobody needs, still to come

    def number(self, data: bytes | memoryview, at: int, size: int = 4) -> int:
        """Read a number in the byte order of the capture."""
        return int.from_bytes(data[at : at + size], "big" if self.big else "little")

    def begin(self, data: bytes | memoryview, offset: int) -> int:
        """Look at the first octets; return how many the file header took, 0 when it needs more.

        Raises SourceError when this is no capture or a form of it that nobody reads.
        """
        if len(data) < 4:
            return 0
        magic = int.from_bytes(data[:4], "big")
        if magic == SECTION:
            self.kind = PCAPNG
            return 0
        if magic not in MAGICS:
            raise SourceError(
                f"not a capture: it begins with {bytes(data[:4]).hex(' ')}; "
                "pcap and pcapng are read, plain or compressed with gzip or zstd",
                offset=offset,
            )
        if len(data) < 24:
            return 0
        order, self.tick_ns, self.header = MAGICS[magic]
        self.big = order == "big"
        major, minor = self.number(data, 4, 2), self.number(data, 6, 2)
        if major != 2:
            raise SourceError(
                f"pcap version {major}.{minor} at octet 4: only version 2 is known; "
                "the file may be damaged",
                offset=offset + 4,
            )
        # before version 2.4 the two lengths of a record were exchanged, in 2.3 by some programs
        self.swap = 1 if minor < 3 else 2 if minor == 3 else 0
        link = self.number(data, 20)
        if link & 0x03FF0000:
            raise SourceError(
                f"link type field {link:#010x} at octet 20 has reserved bits set; "
                "the file may be damaged",
                offset=offset + 20,
            )
        self.link = link & 0xFFFF
        self.kind = PCAP
        return 24

    def too_long(self, size: int, offset: int) -> SourceError:
        """Make the error for a frame longer than any link has."""
        return SourceError(
            f"record at octet {offset} says {size} octets, more than any frame has; "
            "the capture is damaged from there on",
            offset=offset,
        )

    def size(self, data: bytes | memoryview, at: int, offset: int) -> tuple[int, int]:
        """Return type and length of the pcapng block at `at`, which has 12 octets or more."""
        kind = self.number(data, at)
        if kind == SECTION:
            mark = bytes(data[at + 8 : at + 12])
            if mark not in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"):
                raise self._bad("a section whose byte order nobody knows", offset)
            self.big = mark[:1] == b"\x1a"
        size = self.number(data, at + 4)
        least = {SECTION: 28, INTERFACE: 20, SIMPLE_PACKET: 16, PACKET: 32, OLD_PACKET: 32}
        if size < least.get(kind, 12) or size % 4:
            raise self._bad(f"a block of type {kind} that says {size} octets", offset)
        if kind in least and size > LARGEST_BLOCK:
            raise self._bad(f"a block of type {kind} that says {size} octets", offset)
        return kind, size

    def block(
        self, data: bytes | memoryview, at: int, kind: int, size: int, offset: int, last_ns: int
    ) -> Record | None:
        """Read a whole block; return the frame in it, None when it has none.

        last_ns: the time of the frame before, for blocks that have none of their own
        """
        if self.number(data, at + size - 4) != size:
            raise self._bad("a block whose two lengths differ", offset)
        if kind == SECTION:
            self._section(data, at, offset)
        elif kind == INTERFACE:
            if len(self.interfaces) == INTERFACES:
                raise self._bad(f"more than {INTERFACES} interfaces", offset)
            self.interfaces.append(self._interface(data, at, size))
        elif kind == SIMPLE_PACKET:
            return self._simple(data, at, size, offset, last_ns)
        elif kind in (PACKET, OLD_PACKET):
            return self._packet(data, at, kind, size, offset, last_ns)
        return None

    def _section(self, data: bytes | memoryview, at: int, offset: int) -> None:
        major = self.number(data, at + 12, 2)
        if major != 1:
            raise self._bad(f"a section of pcapng version {major}", offset)
        self.interfaces = []
        self.sections += 1

    def _interface(self, data: bytes | memoryview, at: int, size: int) -> Interface:
        units, offset_s = 1_000_000, 0
        here, end = at + 16, at + size - 4
        while here + 4 <= end:
            code, length = self.number(data, here, 2), self.number(data, here + 2, 2)
            here += 4
            if code == 0 or here + length > end:
                break
            if code == 9 and length >= 1:
                power = data[here]
                units = 1 << (power & 127) if power & 128 else 10 ** min(power, 127)
            elif code == 14 and length >= 8:
                offset_s = self.number(data, here, 8)
                offset_s -= (offset_s >> 63) << 64
            here += length + 3 & ~3
        return Interface(self.number(data, at + 8, 2), self.number(data, at + 12), units, offset_s)

    def _simple(
        self, data: bytes | memoryview, at: int, size: int, offset: int, last_ns: int
    ) -> Record:
        length = self.number(data, at + 8)
        first = self.interfaces[0] if self.interfaces else None
        captured = min(length, size - 16)
        if first and first.snaplen:
            captured = min(captured, first.snaplen)
        if captured > LARGEST:
            raise self.too_long(captured, offset)
        return Record(at + 12, captured, length, first.link if first else None, last_ns)

    def _packet(
        self, data: bytes | memoryview, at: int, kind: int, size: int, offset: int, last_ns: int
    ) -> Record:
        number = self.number(data, at + 8, 4 if kind == PACKET else 2)
        captured, length = self.number(data, at + 20), self.number(data, at + 24)
        if captured > size - 32:
            raise self._bad(f"a frame of {captured} octets in a block of {size}", offset)
        if captured > LARGEST:
            raise self.too_long(captured, offset)
        if number >= len(self.interfaces):
            return Record(at + 28, captured, max(length, captured), None, last_ns)
        interface = self.interfaces[number]
        ticks = self.number(data, at + 12) << 32 | self.number(data, at + 16)
        time_ns = interface.nanoseconds(ticks)
        return Record(at + 28, captured, max(length, captured), interface.link, time_ns)

    def _bad(self, what: str, offset: int) -> SourceError:
        return SourceError(
            f"octet {offset}: {what}; the capture is damaged from there on", offset=offset
        )
