"""The samples of REF TEK data packets: 16, 32, 33 plain, C0 to C3 by libmseed, each one checked.

libmseed decodes as many samples as it is asked for and forgives what does not add up. So it is
asked for one more too, which must fail, and the last sample is held against the one that the
packet tells: both hold in every real packet. 33, C1 and C3 are read by the format paper alone:
unverified. Measured, C0: counting the differences in NumPy costs more than libmseed's decoding.
Sources: 130 Recording Format 3.4.5; SEED manual 2.4, appendix B.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pymseed.clib import clibmseed, ffi
from pymseed.logging import ensure_thread_logging

from portbook.protocols.reftek.layouts import SIZE
from portbook.protocols.reftek.packets import RAW_FROM, STEIM_FROM, Packet
from portbook.seismic.tags import unfit

UNVERIFIED = frozenset(("33", "C1", "C3"))
FRAME = 64
_PLAIN = {"16": ">i2", "32": ">i4", "33": ">i4"}
_STEIM: dict[str, int] = {
    "C0": clibmseed.DE_STEIM1,
    "C1": clibmseed.DE_STEIM1,
    "C2": clibmseed.DE_STEIM2,
    "C3": clibmseed.DE_STEIM2,
}
_SWAP = 0 if clibmseed.ms_bigendianhost() else 1
_LAST = slice(STEIM_FROM + 8, STEIM_FROM + 12)
_SCALE_BITS = np.int32(0x70000000)  # bits 29, 30 and 31, where the lowest is bit 1


class Decoded(NamedTuple):
    """The samples of one packet, or why there are none.

    values: int32 counts, in time order, None when refused; refusal: name of the oddity and the
    reason; overscaled: samples that the recorder marked as beyond its range
    """

    values: NDArray[np.int32] | None
    refusal: tuple[str, str] | None = None
    overscaled: int = 0


def decode(packet: Packet) -> Decoded:
    """Decode one DT packet."""
    return decode_all((packet,))[0]


def decode_all(packets: Sequence[Packet]) -> list[Decoded]:
    """Decode DT packets of any formats; the results stand in the order of the packets.

    A refusal is a result: `impossible-count` (more samples than the format holds, or another
    number of differences), `corrupt-frames` (a control word that cannot be),
    `last-sample-mismatch`, `unknown-format`, `cut-packet`, `no-data-packet`.
    """
    ensure_thread_logging()  # else libmseed writes its complaints to standard error
    room = [one.samples or 0 if one.format in _STEIM else 0 for one in packets]
    values = np.empty(sum(room) + 1, np.int32)  # one more for the sample that must not be there
    target = ffi.cast("char *", ffi.from_buffer(values))
    found, at = [], 0
    for packet, samples in zip(packets, room, strict=True):
        found.append(_one(packet, values[at : at + samples], target + 4 * at))
        at += samples
    return found


def _one(packet: Packet, room: NDArray[np.int32], target: ffi.CData) -> Decoded:
    refusal = unfit(packet)
    if packet.type != "DT":
        refusal = "no-data-packet", f"type {packet.type} carries no samples"
    if refusal:
        return Decoded(None, refusal)
    coding, samples = str(packet.format), packet.samples or 0
    if coding in _PLAIN:
        values = np.frombuffer(packet.octets, _PLAIN[coding], samples, RAW_FROM).astype(np.int32)
    else:
        values = room
        refusal = _unpack(packet, samples, _STEIM[coding], target) if samples else None
        if refusal is None and samples:
            told = int.from_bytes(packet.octets[_LAST], signed=True)
            if told != values[-1]:
                reason = f"the last sample is {values[-1]}, the packet tells {told}"
                refusal = "last-sample-mismatch", reason
    return Decoded(None, refusal) if refusal else _scaled(coding, values)


def _unpack(
    packet: Packet, samples: int, encoding: int, target: ffi.CData
) -> tuple[str, str] | None:
    """Let libmseed write the samples; return why they cannot be, or None."""
    octets = packet.octets
    # A frame's first code is that of its control word, the first frame's next two are those of
    # the first and the last sample: all 0.
    if octets[STEIM_FROM] & 0xFC or max(octets[STEIM_FROM::FRAME]) >> 6:
        return "corrupt-frames", "a control word of the frames cannot be"
    source = ffi.cast("char *", ffi.from_buffer(octets)) + STEIM_FROM
    kind = ffi.new("char[1]")

    def made(count: int) -> int:
        return int(
            clibmseed.ms_decode_data(
                source,
                SIZE - STEIM_FROM,
                encoding,
                count,
                target,
                4 * count,
                kind,
                _SWAP,
                ffi.NULL,
                0,
            )
        )

    if made(samples + 1) == samples + 1:
        return "impossible-count", f"more differences than the {samples} samples told"
    if made(samples) != samples:
        return "impossible-count", f"the frames do not hold the {samples} samples told"
    return None


def _scaled(coding: str, values: NDArray[np.int32]) -> Decoded:
    """Restore samples that carry the overscale flag: bits 29 to 31 then differ from the sign."""
    if coding not in UNVERIFIED:
        return Decoded(values)
    restored = (values & ~_SCALE_BITS) | (values >> 31 & _SCALE_BITS)
    return Decoded(restored, None, int((restored != values).sum()))
