"""Steim frames of many packets at a time: what they hold is counted here, decoded by libmseed.

Stands in where the compiled decoder is not built, and is its oracle in tests.

The counting looks at control words and two bits of each word, for all packets at once; it says
whether libmseed's answer is the whole of a packet. Source: SEED manual 2.4, appendix B.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pymseed.clib import clibmseed, ffi
from pymseed.logging import ensure_thread_logging

from portbook.protocols.reftek.layouts import SIZE
from portbook.protocols.reftek.packets import STEIM_FROM
from portbook.seismic.unpacked import Flags, Numbers, Octets, Unpacked

FRAME, FRAMES, WORDS = 64, 15, 16
_ROOM = SIZE - STEIM_FROM
_LAST = slice(STEIM_FROM + 8, STEIM_FROM + 12)
_SWAP = 0 if clibmseed.ms_bigendianhost() else 1
# The four codes of an octet, each times four, so that a word's top bits fit below.
_CODES = np.array(
    [[(octet >> shift & 3) << 2 for shift in (6, 4, 2, 0)] for octet in range(256)], np.uint8
).view(np.uint32)[:, 0]
_STEIM_1 = np.array(
    [sum((0, 4, 2, 1)[octet >> shift & 3] for shift in (6, 4, 2, 0)) for octet in range(256)],
    np.uint16,
)
# By code and the word's two top bits; libmseed refuses the combinations that Steim-2 lacks. All 256
# octets, for bytes.translate, which is a tenth of the cost of looking up in an array.
_STEIM_2 = bytes((*(0,) * 4, *(4,) * 4, 0, 1, 2, 3, 5, 6, 7, 0)) * 16

# Bits and place of a word's first difference: of Steim-1 by code, then of Steim-2 by code and top
# bits; one bit stands for none.
_BITS = np.array((1, 8, 16, 32, *(1,) * 4, *(8,) * 4, 1, 30, 15, 10, 6, 5, 4, 1), np.int64)
_SHIFT = np.array((0, 24, 16, 0, *(0,) * 4, *(24,) * 4, 0, 0, 15, 20, 24, 25, 24, 0), np.int64)


def unpack(
    octets: Octets, samples: Numbers, encoding: int, values: NDArray[np.int32] | None = None
) -> Unpacked:
    """Decode Steim packets of one level.

    octets: shape (n, 1024), whole packets; samples: of each, above 0; encoding: libmseed's
    number; values: where to write, as many as all samples
    """
    words = octets[:, STEIM_FROM:].reshape(len(octets), FRAMES, WORDS, 4)
    # A frame's first code is that of the control word itself, the first frame's next two are
    # those of the first and the last sample: all 0.
    sound = (words[:, :, 0, 0] < 0x40).all(axis=1) & (words[:, 0, 0, 0] < 0x04)
    counted = _differences(words, encoding) == samples
    ends = np.cumsum(samples)
    if values is None:
        values = np.empty(int(ends[-1]), np.int32)
    counted &= _decoded(octets, samples, encoding, values, sound & counted)
    last = octets[:, _LAST].copy().view(">i4")[:, 0]
    agree = values[ends - 1] == last
    return Unpacked(values, ends, sound, counted, agree)


def unpack_few(packets: Sequence[bytes], samples: Sequence[int], encoding: int) -> Unpacked:
    """Decode a few packets, whole ones, as `unpack` does: their arrays would cost more.

    Here libmseed is asked for one sample more too, which must fail.
    """
    ensure_thread_logging()
    values = np.empty(sum(samples) + 1, np.int32)
    target = ffi.cast("int32_t *", ffi.from_buffer(values))
    kind = ffi.new("char[1]")
    sound, counted, agree, ends = [], [], [], []
    at = 0
    for octets, many in zip(packets, samples, strict=True):
        source = ffi.cast("char *", ffi.from_buffer(octets)) + STEIM_FROM
        made = [
            clibmseed.ms_decode_data(
                source, _ROOM, encoding, count, target + at, 4 * count, kind, _SWAP, ffi.NULL, 0
            )
            for count in (many + 1, many)
        ]
        at += many
        sound.append(octets[STEIM_FROM] < 0x04 and max(octets[STEIM_FROM::FRAME]) < 0x40)
        counted.append(made[0] != many + 1 and made[1] == many)
        agree.append(int(values[at - 1]) == int.from_bytes(octets[_LAST], signed=True))
        ends.append(at)
    flags = (np.array(one, bool) for one in (sound, counted, agree))
    return Unpacked(values[:-1], np.array(ends, np.int64), *flags)


def befores(octets: Octets, encoding: int) -> tuple[NDArray[np.int32], Flags]:
    """Return the value before each packet's first sample, and whether it is told at all.

    The first difference of a packet is the step from the last sample of the one before.
    """
    control = octets[:, STEIM_FROM : STEIM_FROM + 4]
    codes = _CODES[control].view(np.uint8)[:, 3:] >> 2
    place = (codes != 0).argmax(axis=1)
    rows = np.arange(len(octets))
    words = octets[:, STEIM_FROM : STEIM_FROM + FRAME].copy().view(">u4").astype(np.int64)
    word, code = words[rows, place + 3], codes[rows, place]
    kind = code if encoding == clibmseed.DE_STEIM1 else 4 + (code << 2 | word >> 30)
    bits, shift = _BITS[kind], _SHIFT[kind]
    step = word >> shift & (1 << bits) - 1
    step -= (step >> bits - 1) << bits
    before = (words[:, 1] - step).astype(np.uint32).view(np.int32)
    told: Flags = bits > 1
    return before, told


def _differences(words: Octets, encoding: int) -> Numbers:
    """Return how many differences the frames of each packet hold; words: shape (n, 15, 16, 4)."""
    many = len(words)
    control = words[:, :, 0].reshape(many, -1)
    if encoding == clibmseed.DE_STEIM1:
        held: NDArray[np.unsignedinteger] = np.take(_STEIM_1, control)
    else:
        kinds = np.take(_CODES, control).view(np.uint8)
        kinds |= words[:, :, :, 0].reshape(many, -1) >> 6
        held = np.frombuffer(kinds.tobytes().translate(_STEIM_2), np.uint8).reshape(many, -1)
    counts: Numbers = held.sum(axis=1, dtype=np.uint16).astype(np.int64)
    return counts


def _decoded(
    octets: Octets, samples: Numbers, encoding: int, values: NDArray[np.int32], good: Flags
) -> Flags:
    """Let libmseed write the samples of the good packets; tell for which it could."""
    ensure_thread_logging()  # else libmseed writes its complaints to standard error
    decode, none, kind = clibmseed.ms_decode_data, ffi.NULL, ffi.new("char[1]")
    source = ffi.cast("char *", ffi.from_buffer(octets)) + STEIM_FROM
    target = ffi.cast("int32_t *", ffi.from_buffer(values))
    done = good.copy()
    at = 0
    for index, (many, fine) in enumerate(zip(samples.tolist(), good.tolist(), strict=True)):
        if fine:
            begin = source + index * SIZE
            made = decode(begin, _ROOM, encoding, many, target + at, 4 * many, kind, _SWAP, none, 0)
            if made != many:
                done[index] = False
        at += many
    return done
