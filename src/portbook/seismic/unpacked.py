"""What comes of Steim frames, whoever decodes them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Octets = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Unpacked(NamedTuple):
    """The samples of many packets.

    values: int32, all packets' one behind the other; ends: where each packet's end there; sound:
    whether its control words can be; counted: its differences are as many as its samples; agree:
    its last sample is the one that it tells. Values of a packet that fails one are not set.
    """

    values: NDArray[np.int32]
    ends: Numbers
    sound: Flags
    counted: Flags
    agree: Flags


class Joined(NamedTuple):
    """The same, and what stood before each packet.

    befores: the value before the first sample: the packet's first difference is the step from the
    last sample of the one before; told: whether it has any difference
    """

    unpacked: Unpacked
    befores: NDArray[np.int32]
    told: Flags
