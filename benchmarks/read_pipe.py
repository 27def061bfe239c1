"""Writes a capture without an end to standard output, for `read.py`: ever new conversations.

    python benchmarks/read_pipe.py --gib 20 | portbook read - --summary

A round of 250,000 packets in 10,000 conversations of sixteen protocols, as `read_traffic.py`
makes them; each further round is a second later and has other clients. Checksums are not renewed.
"""

from __future__ import annotations

import argparse
import struct
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from read_traffic import write

PACKETS, CONVERSATIONS = 250_000, 10_000
HEAD = 24
CLIENT_NET = b"\x0a\x01"  # of all clients in the round


def main() -> None:
    """Write as many whole rounds as fill the size that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gib", type=float, default=2.0)
    parser.add_argument("--packets", type=int, default=PACKETS, help="of one round")
    parser.add_argument("--conversations", type=int, default=CONVERSATIONS, help="of one round")
    told = parser.parse_args()
    left = int(told.gib * (1 << 30))
    for part in rounds(told.packets, told.conversations):
        if left <= 0:
            break
        left -= len(part)
        sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()


def rounds(packets: int, conversations: int) -> Iterator[bytes | bytearray]:
    """Give the head of a capture, then its rounds, up to 14,000 of them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "round.pcap")
        write(path, packets, conversations)
        capture = path.read_bytes()
    yield capture[:HEAD]
    records = bytearray(capture[HEAD:])
    times, clients = _places(records)
    (begin,) = struct.unpack_from("<I", records)
    for turn in range(14_000):
        second = struct.pack("<I", begin + turn)
        for at in times:
            records[at : at + 4] = second
        high, low = divmod(turn, 250)
        for at in clients:
            records[at] = low
            # clients end in 0.0 to 3.249: the third octet has room for more of them
            records[at + 1] = records[at + 1] & 3 | high << 2
        yield records


def _places(records: bytearray) -> tuple[list[int], list[int]]:
    """Return where times stand, and where the second octet of every client's address does."""
    times, clients = [], []
    at = 0
    while at < len(records):
        (size,) = struct.unpack_from("<I", records, at + 8)
        times.append(at)
        ip = at + 16 + (18 if records[at + 28 : at + 30] == b"\x81\x00" else 14)
        hosts = (ip + 20, ip + 36) if records[ip] >> 4 == 6 else (ip + 12, ip + 16)
        clients += [one + 1 for one in hosts if records[one : one + 2] == CLIENT_NET]
        at += 16 + size
    return times, clients


if __name__ == "__main__":
    main()
