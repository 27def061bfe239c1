"""What stands in a recorder's packets where nothing should: pieces of its memory.

The forty octets before the frames are specified as spaces; in all real packets they hold pieces
of state-of-health text, of old heads and coefficients, and a count of seconds. Behind the last
sample stale words stay under control codes of 0. A reader that heeds either is wrong.
"""

from __future__ import annotations

import random

from portbook.emulators.reftek.dates import NANO

_OLD = (
    b"282:10:15:38 RTP: STOPPED BY EVENT OPEN\r",
    b"VOLTAGE = 12.9V, TEMPERATURE = 25C, BACK",
    b"EH\0\x15\xae\x4c\x28\x22\x25\x05\x10\0\x04\x16\0\0\x04\x27\0\0\0\0\0\xc0Trigger Time = 2",
    bytes.fromhex(
        "ffffffe620b686e7fffffccafffffaaefffffcb9000003f400000895000000d4fffff28dfffff3fb"
    ),
    b" " * 40,
)
_STALE = bytes.fromhex("fa3d1afcd0db141d")


class Filler:
    """Old memory, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._since = self._random.getrandbits(24)

    def before(self, now_ns: int) -> bytes:
        """Return the forty octets before the frames."""
        old = _OLD[self._random.randrange(len(_OLD))]
        return old[:4] + (self._since + now_ns // NANO).to_bytes(4) + old[8:]

    def behind(self, frames: bytes) -> bytes:
        """Return frames whose unused words are not empty; whole frames cost the least to find."""
        used = len(frames)
        while used and frames[used - 64 : used - 60] == bytes(4):
            used -= 64
        if not used:
            return frames
        codes = int.from_bytes(frames[used - 64 : used - 60])
        word = 16
        while word > 1 and not codes >> 30 - 2 * (word - 1) & 3:
            word -= 1
        if used == 64 and word < 3:
            word = 3  # first and last sample have codes of 0 and are none the less read
        end = used - 64 + 4 * word
        found = frames[:end] + (_STALE * 8)[: used - end]
        for at in range(used, len(frames), 64):
            found += bytes(4) + (_STALE * 8)[: min(60, len(frames) - at - 4)]
        return found
