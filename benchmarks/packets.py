"""How fast the packet readers count, beside an independent dissector in the same run.

    python benchmarks/packets.py [--packets 2000000]

Writes captures of its own making into a temporary folder: many small packets of 20 000
conversations, and of 600 000; a tenth of them tagged, one in twenty IPv6, TCP and UDP in halves.
Each reader runs in a process of its own, so that peak memory is its own. In-process time is that
of reading the whole file in blocks of 1 MiB; whole-process time has Python's start in it.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from portbook.evidence import readers

PORTS = (502, 44818, 1740, 20000, 102, 80, 443, 4840, 53, 161, 2222, 47808, 1883, 2404, 25, 21)
SIZES = (12, 24, 40, 60, 80)  # octets of payload
SEGMENTS = 8  # of each direction, in sequence, over and over
BLOCK = 1 << 20


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--packets", type=int, default=2_000_000)
    arguments.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments.add_argument("--write", nargs=2, help=argparse.SUPPRESS)
    told = arguments.parse_args()
    if told.write:
        write(Path(told.write[0]), told.packets, int(told.write[1]))
        return
    if told.child:
        print(json.dumps(read(told.child[0] == "compiled", Path(told.child[1]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        few, many = Path(folder, "few.pcap"), Path(folder, "many.pcap")
        for path, conversations in ((few, 20_000), (many, 600_000)):
            # in another process: a child's peak memory begins with that of its parent
            apart = [sys.executable, __file__, "--write", str(path), str(conversations)]
            subprocess.run([*apart, "--packets", str(told.packets)], check=True)
        for title, path in (("20 000 conversations", few), ("600 000 conversations", many)):
            print(f"{title}, {told.packets} packets, {path.stat().st_size >> 20} MiB")
            base = child("plain", path)
            if readers.COMPILED:
                child("compiled", path, base)
            else:
                print("  compiled: not built")
        peer(Path(folder, "small.pcap"))


def read(compiled: bool, path: Path) -> dict[str, float]:
    """Read a capture in blocks; return packets, seconds and MiB at the peak."""
    table = readers.table(seed=1, compiled=compiled)
    began = time.perf_counter()
    buffer, held = bytearray(2 * BLOCK), 0
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as source:
        while octets := source.readinto(view[held : held + BLOCK]):
            held += octets
            used = table.feed(view[:held])
            buffer[: held - used] = buffer[used:held]
            held -= used
    table.finish(held)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"packets": table.counts().packets, "seconds": seconds, "peak": peak}


def child(kind: str, path: Path, base: dict[str, float] | None = None) -> dict[str, float]:
    """Read in a process of its own, tell how it went, and return it."""
    began = time.perf_counter()
    command = [sys.executable, __file__, "--child", kind, str(path)]
    told: dict[str, float] = json.loads(subprocess.check_output(command))
    whole = time.perf_counter() - began
    ratio = f", {base['seconds'] / told['seconds']:.1f} times the plain one" if base else ""
    print(
        f"  {kind:8}: {told['packets'] / told['seconds'] / 1e6:6.2f} M packets/s in-process, "
        f"{told['packets'] / whole / 1e6:6.2f} whole process, peak {told['peak']:.0f} MiB{ratio}"
    )
    return told


def peer(path: Path, packets: int = 100_000) -> None:
    """Tell how long tshark takes for its conversation tables, on a smaller capture."""
    if shutil.which("tshark") is None:
        print("tshark: absent")
        return
    write(path, packets, 1000)
    began = time.perf_counter()
    command = ["tshark", "-r", str(path), "-q", "-z", "conv,udp", "-z", "conv,tcp"]
    subprocess.run(command, capture_output=True, check=True)
    speed = packets / (time.perf_counter() - began) / 1e6
    print(f"tshark, conversation tables, {packets} packets: {speed:.2f} M packets/s whole process")


def write(path: Path, packets: int, conversations: int) -> None:
    """Write a capture of small packets, spread over conversations by chance."""
    chance = random.Random(1743)
    ways = [way for _ in range(conversations) for way in conversation(chance)]
    at = [0] * len(ways)
    now = 1_700_000_000_000_000
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        parts: list[bytes] = []
        for number in range(packets):
            one = chance.randrange(len(ways)) if number >= len(ways) else number
            frames = ways[one]
            frame = frames[at[one] % len(frames)]
            at[one] += 1
            now += 3
            size = len(frame)
            parts += (struct.pack("<IIII", now // 1_000_000, now % 1_000_000, size, size), frame)
            if len(parts) > 20_000:
                out.write(b"".join(parts))
                parts.clear()
        out.write(b"".join(parts))


def conversation(chance: random.Random) -> Iterator[list[bytes]]:
    """Give the frames of both directions of one conversation."""
    six, tagged, tcp = chance.random() < 0.05, chance.random() < 0.1, chance.random() < 0.5
    head = b"\x20\x01" + chance.randbytes(6) if six else b"\x0a"
    rest = 8 if six else 3
    ends = [(head + chance.randbytes(rest), chance.randrange(1024, 65536)) for _ in range(2)]
    ends[1] = ends[1][0], chance.choice(PORTS)
    for source, target in (ends, ends[::-1]):
        size, seq = chance.choice(SIZES), chance.randrange(1 << 32)
        yield [
            frame(
                source, target, chance.randbytes(size), six, tagged, seq + size * n if tcp else None
            )
            for n in range(SEGMENTS if tcp else 1)
        ]


def frame(
    source: tuple[bytes, int],
    target: tuple[bytes, int],
    payload: bytes,
    six: bool,
    tagged: bool,
    seq: int | None,
) -> bytes:
    ports = struct.pack(">HH", source[1], target[1])
    if seq is None:
        body = ports + struct.pack(">HH", 8 + len(payload), 0) + payload
    else:
        body = ports + struct.pack(">IIHHHH", seq & 0xFFFFFFFF, 0, 0x5018, 512, 0, 0) + payload
    number = 17 if seq is None else 6
    if six:
        ip = struct.pack(">IHBB", 6 << 28, len(body), number, 64)
    else:
        ip = struct.pack(">BBHIBBH", 0x45, 0, 20 + len(body), 0, 64, number, 0)
    kind = (b"\x81\x00\x00\x0a" if tagged else b"") + (b"\x86\xdd" if six else b"\x08\x00")
    macs = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02"
    return macs + kind + ip + source[0] + target[0] + body


if __name__ == "__main__":
    main()
