"""Can this packet be? The question that is asked of each one that arrives, in under a microsecond.

`fault` accepts what `packets.read` reads without faults, and nothing else; only what is refused
goes the long way, to learn why. Names of faults are few and fixed: they are counted by name.
"""

from __future__ import annotations

import re
from functools import lru_cache

from portbook.protocols.reftek import packets
from portbook.protocols.reftek.layouts import SIZE
from portbook.protocols.reftek.packets import FORMATS, RAW_FROM

FAULTS = ("size", "header", "event", "format", "channel", "samples", "octets")

_DIGITS = rb"[" + b"".join(rb"\x%x0-\x%x9" % (high, high) for high in range(10)) + rb"]"
# Type; experiment and year; unit; then digits up to where the type's fields end (section 5.1).
_SHAPE = re.compile(
    rb"(?s:(?:AD|CD|DS|FD|OM|SC|SH)DD..D{10}|(?:EH|ET)DD..D{13}|DTDD..D{16})".replace(
        b"DD..D", _DIGITS * 2 + b".." + _DIGITS
    )
).match


def fault(octets: bytes) -> str | None:
    """Return why 1024 octets cannot be a packet, by one of the names in FAULTS; None: they can."""
    if len(octets) != SIZE:
        return "size"
    if _SHAPE(octets) and _moment(octets[6:11]):
        if octets[1] == 0x54 and octets[0] == 0x44:  # DT
            if _fills(octets[12:14] + octets[20:24]):
                return None
        elif _counts(octets[12:14]):
            return None
    return _why(octets)


@lru_cache(maxsize=4096)
def _moment(digits: bytes) -> bool:
    told = digits.hex()
    day, hour, minute, second = (int(told[a:b]) for a, b in ((0, 3), (3, 5), (5, 7), (7, 9)))
    return 1 <= day <= 366 and hour < 24 and minute < 60 and second < 61


@lru_cache(maxsize=4096)
def _counts(digits: bytes) -> bool:
    return 16 <= int(digits.hex()) <= SIZE


@lru_cache(maxsize=4096)
def _fills(fields: bytes) -> bool:
    """Tell whether byte count, samples and format (behind the flags) agree with one another."""
    if not _counts(fields[:2]):
        return False
    told = fields.hex().upper()
    most, size = FORMATS.get(told[10:12], (0, 0))
    samples = int(told[4:8])
    if not most or samples > most:
        return False
    return not size or int(told[:4]) == RAW_FROM + size * samples


def _why(octets: bytes) -> str | None:
    packet = packets.read(octets)
    if packet is None:
        return "header"
    if not packet.faults:
        return None
    if packet.event is None or packet.stream is None:
        return "event"
    most, _ = FORMATS.get(packet.format or "", (0, 0))
    if not most:
        return "format"
    if packet.channel is None or packet.samples is None:
        return "channel"
    return "samples" if packet.samples > most else "octets"
