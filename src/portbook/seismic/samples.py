"""The samples of REF TEK data packets: 16, 32, 33 plain, C0 to C3 by libmseed, each one checked.

libmseed decodes as many samples as it is asked for and forgives what does not add up. So the
differences are counted beside it (frames.py), and the last sample is held against the one that
the packet tells: both hold in every real packet. 33, C1 and C3 are read by the format paper
alone: unverified. Sources: 130 Recording Format 3.4.5; SEED manual 2.4, appendix B.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pymseed.clib import clibmseed

from portbook.protocols.reftek.layouts import SIZE
from portbook.protocols.reftek.packets import RAW_FROM, STEIM_FROM, Packet
from portbook.seismic.frames import unpack, unpack_few
from portbook.seismic.tags import unfit

UNVERIFIED = frozenset(("33", "C1", "C3"))
STEIM: dict[str, int] = {
    "C0": clibmseed.DE_STEIM1,
    "C1": clibmseed.DE_STEIM1,
    "C2": clibmseed.DE_STEIM2,
    "C3": clibmseed.DE_STEIM2,
}
_BATCH = 256  # packets at a time: their frames and samples stay in the processor's cache
_FEW = 4
_PLAIN = {"16": ">i2", "32": ">i4", "33": ">i4"}
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
    found = [Decoded(np.empty(0, np.int32))] * len(packets)
    steim: dict[int, list[int]] = {}
    for index, packet in enumerate(packets):
        refusal = _refusal(packet)
        coding = str(packet.format)
        if refusal:
            found[index] = Decoded(None, refusal)
        elif coding in _PLAIN:
            found[index] = _plain(packet, coding)
        elif packet.samples:
            steim.setdefault(STEIM[coding], []).append(index)
    for encoding, indexes in steim.items():
        for start in range(0, len(indexes), _BATCH):
            part = indexes[start : start + _BATCH]
            made = _steim([packets[index] for index in part], encoding)
            for index, one in zip(part, made, strict=True):
                found[index] = one
    return found


def _refusal(packet: Packet) -> tuple[str, str] | None:
    if packet.type != "DT":
        return "no-data-packet", f"type {packet.type} carries no samples"
    return unfit(packet)


def _plain(packet: Packet, coding: str) -> Decoded:
    values = np.frombuffer(packet.octets, _PLAIN[coding], packet.samples or 0, RAW_FROM)
    return _scaled(coding, values.astype(np.int32))


def _steim(packets: list[Packet], encoding: int) -> list[Decoded]:
    """Decode packets of one Steim level, at most a batch."""
    raw, samples = [one.octets for one in packets], [one.samples or 0 for one in packets]
    if len(packets) <= _FEW:
        done = unpack_few(raw, samples, encoding)
    else:
        octets = np.frombuffer(b"".join(raw), np.uint8).reshape(-1, SIZE)
        done = unpack(octets, np.array(samples, np.int64), encoding)
    values, ends, sound, counted, agree = done
    fine = sound & counted & agree
    found, begin = [], 0
    for packet, end, good, possible, whole in zip(
        packets, ends.tolist(), fine.tolist(), sound.tolist(), counted.tolist(), strict=True
    ):
        if good:
            found.append(_scaled(str(packet.format), values[begin:end]))
        else:
            found.append(Decoded(None, _wrong(packet, possible, whole)))
        begin = end
    return found


def _wrong(packet: Packet, possible: bool, whole: bool) -> tuple[str, str]:
    if not possible:
        return "corrupt-frames", "a control word of the frames cannot be"
    if not whole:
        return "impossible-count", f"the frames do not hold the {packet.samples} samples told"
    told = int.from_bytes(packet.octets[STEIM_FROM + 8 : STEIM_FROM + 12], signed=True)
    return "last-sample-mismatch", f"the last sample is not {told}, as the packet tells"


def _scaled(coding: str, values: NDArray[np.int32]) -> Decoded:
    """Restore samples that carry the overscale flag: bits 29 to 31 then differ from the sign."""
    if coding not in UNVERIFIED:
        return Decoded(values)
    restored = (values & ~_SCALE_BITS) | (values >> 31 & _SCALE_BITS)
    return Decoded(restored, None, int((restored != values).sum()))
