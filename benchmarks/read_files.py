"""The files that `read.py` reads: written once into a folder, by programs of their own."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from read_runs import warm

HERE = Path(__file__).parent
HEAD = 24
BLOCK = 1 << 20


def traffic(folder: Path, packets: int, conversations: int) -> Path:
    """Return a capture of our own making of so many packets and conversations."""
    path = folder / f"traffic-{packets}-{conversations}.pcap"
    counts = ["--packets", str(packets), "--conversations", str(conversations)]
    return _made(path, [sys.executable, str(HERE / "read_traffic.py"), "FILE", *counts])


def mix(folder: Path, captures: Path, packets: int) -> Path:
    """Return the captures of a folder joined, over and over, up to so many packets."""
    path = folder / f"mix-{packets}.pcap"
    words = [sys.executable, str(HERE / "read_mix.py"), str(captures), "FILE"]
    return _made(path, [*words, "--packets", str(packets)])


def packed(path: Path, program: str) -> Path:
    """Return a file packed by gzip or zstd with its usual effort."""
    suffix = {"gzip": ".gz", "zstd": ".zst"}[program]
    target = path.with_name(path.name + suffix)
    if not target.exists():
        with target.open("wb") as out:
            subprocess.run([program, "-c", str(path)], stdout=out, check=True)
    warm(target)
    return target


def cut(path: Path, packets: int, skipped: int = 0) -> Path:
    """Return a capture with so many of a pcap file's packets, behind those that are skipped."""
    target = path.with_name(f"{path.stem}-cut-{skipped}-{packets}.pcap")
    if target.exists():
        return target
    with path.open("rb") as file:
        head = file.read(HEAD)
        _skip(file, skipped)
        begin = file.tell()
        _skip(file, packets)
        left = file.tell() - begin
        file.seek(begin)
        with target.open("wb") as out:
            out.write(head)
            while left > 0:
                part = file.read(min(BLOCK, left))
                out.write(part)
                left -= len(part)
    warm(target)
    return target


def count(path: Path) -> int:
    """Return how many packets a pcap file has."""
    with path.open("rb") as file:
        file.seek(HEAD)
        return _skip(file, sys.maxsize)


def _skip(file: BinaryIO, packets: int) -> int:
    """Go past so many records of little-endian pcap; return how many there were."""
    for done in range(packets):
        head = file.read(16)
        if len(head) < 16:
            return done
        file.seek(struct.unpack_from("<I", head, 8)[0], 1)
    return packets


def _made(path: Path, words: Sequence[str]) -> Path:
    if not path.exists():
        print(f"  writing {path.name}", file=sys.stderr, flush=True)
        part = path.with_suffix(".part")
        # another process: what it needs is not to count as memory of what is measured
        done = [str(part) if word == "FILE" else word for word in words]
        subprocess.run(done, check=True)
        part.rename(path)
    warm(path)
    return path
