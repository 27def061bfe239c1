"""Steim frames become checked samples: by the compiled decoder, or else by libmseed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pymseed.clib import clibmseed

from portbook.protocols.reftek.layouts import SIZE
from portbook.seismic import libmseed_frames
from portbook.seismic.unpacked import Joined, Numbers, Octets, Unpacked

try:
    from portbook.seismic import _steim
except ImportError:
    COMPILED = False
else:
    COMPILED = True
    _SOUND, _COUNTED, _AGREE, _TOLD = _steim.HOLDS
    _LEVELS = {clibmseed.DE_STEIM1: 1, clibmseed.DE_STEIM2: 2}


def joined(
    octets: Octets, samples: Numbers, encoding: int, values: NDArray[np.int32] | None = None
) -> Joined:
    """Decode Steim packets of one level, and tell what stood before each.

    octets: shape (n, 1024), whole packets; samples: of each, above 0; encoding: libmseed's
    number; values: where to write, as many as all samples
    """
    if not COMPILED:
        done = libmseed_frames.unpack(octets, samples, encoding, values)
        return Joined(done, *libmseed_frames.befores(octets, encoding))
    ends = np.cumsum(samples)
    if values is None:
        values = np.empty(int(ends[-1]), np.int32)
    holds = np.empty(len(octets), np.uint8)
    befores = np.empty(len(octets), np.int32)
    words = octets.view(np.uint32)
    _steim.unpack(_LEVELS[encoding], words, samples, values, holds, befores)
    sound, counted, agree, told = (
        (holds & bit).astype(bool) for bit in (_SOUND, _COUNTED, _AGREE, _TOLD)
    )
    return Joined(Unpacked(values, ends, sound, counted, agree), befores, told)


def unpack(octets: Octets, samples: Numbers, encoding: int) -> Unpacked:
    """Decode Steim packets of one level, as `joined` does."""
    if COMPILED:
        return joined(octets, samples, encoding).unpacked
    return libmseed_frames.unpack(octets, samples, encoding)


def unpack_few(packets: Sequence[bytes], samples: Sequence[int], encoding: int) -> Unpacked:
    """Decode a few packets, whole ones, as `unpack` does: their arrays would cost more."""
    if not COMPILED:
        return libmseed_frames.unpack_few(packets, samples, encoding)
    octets = np.frombuffer(b"".join(packets), np.uint8).reshape(-1, SIZE)
    return unpack(octets, np.array(samples, np.int64), encoding)
