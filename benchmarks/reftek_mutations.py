"""Millions of damaged REF TEK packets through every reader: none that the format forbids gets in.

    python benchmarks/reftek_mutations.py [PACKETS] [SEED]     10,000,000 packets unless told

Real heads and frames are changed: octets, bits, runs, whole fields, ends cut. What the quick check
accepts is held against rules that are written here a second time, from the format paper, without
anything of the project's; what it refuses must have a rule against it. Accepted data packets are
decoded, put in order and made into records; nothing may raise, and memory must not grow.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections import Counter

from portbook.emulators.recorder import event
from portbook.protocols.reftek import packets
from portbook.protocols.reftek.checks import fault
from portbook.seismic.assembly import Assembler
from portbook.seismic.miniseed import COPIED, SWAPPED, Name, copied, swapped
from portbook.seismic.ordering import Order
from portbook.seismic.samples import decode_all
from portbook.seismic.tags import time_ns

SIZE, BATCH, NEAR = 1024, 512, 2015
TYPES = {b"AD", b"CD", b"DS", b"DT", b"EH", b"ET", b"FD", b"OM", b"SC", b"SH"}
MOST = {0x16: 500, 0x32: 250, 0x33: 250, 0xC0: 892, 0xC1: 892, 0xC2: 1561, 0xC3: 1561}
OCTETS = {0x16: 2, 0x32: 4, 0x33: 4}
# AE4C, packet 27, and 9EEF, packet 13: the documents' vectors A and B.
C0 = bytes.fromhex(
    "44540015ae4c2822251250551024002704270000006700c03238303a1f73a5be"
    "373a3338205254503a2053544f50504544204259204556454e54204f50454e0d"
    "015555550004217800041606cbc2e7e3d1d0cfeed9c6f6e9becde7eccdc8ddcd"
    "cdc7d8ebbedce9b9d1d8dfe5c1cfe4dcb8aed0c3b7c3dff7d2d9e2d3c4c7fee7"
    "15b00000c1d5ced0bdace2e0bdd0d3e3ffccffbefffffff4"
).ljust(SIZE, b"\0")
C2 = bytes.fromhex(
    "445400169eef1391048368201024001300150000010600c2ffffffe620b686e7"
    "fffffccafffffaaefffffcb9000003f400000895000000d4fffff28dfffff3fb"
    "017d7a95000065c600006561dcfd3c08f4f1d5dd2cdb8a691716f5a60e0fd829"
    "f8fb2a03196fad9ffcb02fdef532401bf6a0ac09452ff5e1b01c0c1a41dbedfb"
    "15d55750e309ef052ff90103fd272c052da7f4f3deea14ccb3f9df0ff5f915de"
    "0c08250df213da0c1c1033012692c3cbf9fce2d64b1c012afa3d1afcd0db141d"
).ljust(SIZE, b"\0")


def main() -> None:
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() & 0xFFFFFFFF
    print(f"{many:,} packets, seed {seed}", flush=True)
    chance = random.Random(seed)
    whole = [C0, C2, *event("9ABC", 1_447_000_000_000_000_000, 5)]
    readers = Readers()
    began, done, first_kib = time.monotonic(), 0, 0
    while done < many:
        readers.read([damaged(chance, whole) for _ in range(min(BATCH, many - done))])
        done += BATCH
        first_kib = first_kib or (peak_kib() if done > many // 10 else 0)
        if sys.stderr.isatty():
            print(f"\r{min(done, many):,}", end="", file=sys.stderr, flush=True)
    for name, count in sorted(readers.counts.items()):
        print(f"  {name:32} {count:12,}")
    grown = peak_kib() - first_kib
    print(f"{time.monotonic() - began:.0f} s; memory grew by {grown} KiB after the first tenth")
    if grown > 64 << 10:
        raise SystemExit("memory grew: something keeps what it is given")


class Readers:
    """Everything that a packet meets on its way."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.order = Order()
        self.assembler = Assembler(NEAR)
        self.now_ns = 0

    def read(self, batch: list[bytes]) -> None:
        taken = []
        for octets in batch:
            why = fault(octets)
            if (why is None) != possible(octets):
                raise SystemExit(f"the check says {why}, the format the contrary: {octets.hex()}")
            self.counts[f"refused: {why}" if why else "accepted"] += 1
            if why is None:
                taken.append(octets)
        read = [packet for octets in taken if (packet := packets.read(octets))]
        if len(read) != len(taken) or any(one.faults for one in read):
            raise SystemExit("an accepted packet is read as none, or with faults")
        self.now_ns += 10_000_000
        for packet in read:
            self.order.add(packet.octets, None, self.now_ns)
            for outcome in self.assembler.add(packet, self.now_ns):
                self.counts[f"became {type(outcome).__name__.lower()}"] += 1
        self.order.due(self.now_ns)
        self.assembler.due(self.now_ns)
        data = [one for one in read if one.type == "DT"]
        for packet, found in zip(data, decode_all(data), strict=True):
            if found.values is None:
                self.counts[f"samples: {found.refusal[0] if found.refusal else ''}"] += 1
                continue
            if len(found.values) != packet.samples:
                raise SystemExit(f"{len(found.values)} samples: {packet.octets.hex()}")
            self.counts["samples: decoded"] += 1
            when = time_ns(packet, NEAR)
            if when is None or not packet.samples:
                continue
            if packet.format in SWAPPED:
                swapped(packet, Name("XX", "TEST", "00", "HHZ"), 100.0, NEAR)
            elif packet.format in COPIED:
                copied(packet, Name("XX", "TEST", "00", "HHZ"), 100.0, when)


def damaged(chance: random.Random, whole: list[bytes]) -> bytes:
    """Return a packet with something changed, most often in its head."""
    octets = bytearray(chance.choice(whole))
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        at = chance.randrange(24) if chance.random() < 0.8 else chance.randrange(len(octets))
        way = chance.random()
        if way < 0.35:
            octets[at] ^= 1 << chance.randrange(8)
        elif way < 0.7:
            octets[at] = chance.choice((0, 1, 0x09, 0x0A, 0x10, 0x59, 0x60, 0x99, 0x9A, 0xC1, 0xFF))
        elif way < 0.85:
            octets[at] = chance.randrange(256)
        else:
            end = min(len(octets), at + chance.randrange(1, 16))
            octets[at:end] = chance.randbytes(end - at)
    if chance.random() < 0.002:
        return bytes(octets[: chance.randrange(SIZE)]) + bytes(chance.choice((0, 0, 2000)))
    return bytes(octets)


def possible(octets: bytes) -> bool:
    """Tell whether a packet can be, octet by octet by the format paper."""
    if len(octets) != SIZE or octets[:2] not in TYPES:
        return False
    kind = octets[:2]
    last = {b"DT": 22, b"EH": 19, b"ET": 19}.get(kind, 16)
    for at in (2, 3, *range(6, last)):
        if octets[at] >> 4 > 9 or octets[at] & 15 > 9:
            return False
    told = octets[6:12].hex()
    if not 1 <= int(told[:3]) <= 366 or int(told[3:5]) > 23 or int(told[5:7]) > 59:
        return False
    count = int(octets[12:14].hex())
    if int(told[7:9]) > 60 or not 16 <= count <= SIZE:
        return False
    if kind != b"DT":
        return True
    samples, coding = int(octets[20:22].hex()), octets[23]
    if coding not in MOST or samples > MOST[coding]:
        return False
    return coding not in OCTETS or count == 24 + OCTETS[coding] * samples


def peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
