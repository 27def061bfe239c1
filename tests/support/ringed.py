"""Blocks as the kernel's ring has them, laid out by the test."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from portbook.evidence.rings import RING_HEAD, TAGGED

FIRST = 48  # where the kernel's own words of a block end


def block(
    frames: Sequence[tuple[int, bytes]], kind: Sequence[int] = (), snap: int = 1 << 16
) -> bytes:
    """Lay frames out as the kernel does: their outermost VLAN tag goes into the head."""
    made = bytearray(FIRST)
    for number, (time_ns, frame) in enumerate(frames):
        length, tag = len(frame), b""
        if frame[12:14] in (b"\x81\0", b"\x88\xa8"):
            tag, frame = frame[12:16], frame[:12] + frame[16:]
            length -= 4
        frame = frame[:snap]
        at = RING_HEAD + 14
        size = at + len(frame) + 7 & ~7
        tpid, tci = struct.unpack(">HH", tag) if tag else (0, 0)
        made += struct.pack(
            "=IIIIIIHHIIH10x",
            size if number + 1 < len(frames) else 0,
            *divmod(time_ns, 10**9),
            len(frame),
            length,
            1 | (TAGGED if tag else 0),
            at,
            at + 14,
            0,
            tci,
            tpid,
        )
        made += struct.pack("=HHiHBB8x", 17, 0, 1, 1, kind[number] if kind else 0, 6)
        made += (bytes(14) + frame).ljust(size - RING_HEAD, b"\0")
    return bytes(made)
