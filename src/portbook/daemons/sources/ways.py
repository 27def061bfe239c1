"""Tells one recorder whose packets come here by two ways from two recorders with one id. Pure.

A recorder has up to two RTP paths, and sends the same packets by both: octet for octet equal.
Two recorders may count alike, but do not send the same samples.
"""

from __future__ import annotations

from enum import Enum

RUN = 32  # packets after which something has to be known
SURE = 4  # copies that make sure that it is one recorder
_REMEMBERED = 128
_CONFLICTS = 2  # packets of one number with other data, that show two recorders
_NUMBERED = frozenset((b"DT", b"EH", b"ET"))


class Likeness(Enum):
    """What two senders are: not known yet, one recorder, or two."""

    OPEN = "open"
    ONE = "one"
    TWO = "two"


class Ways:
    """What came last from all addresses of one unit id, and what that shows."""

    def __init__(self) -> None:
        self.likeness = Likeness.OPEN
        self._last: dict[int, tuple[str, str]] = {}  # sum of a packet: its address and lane
        self._numbered: dict[bytes, int] = {}  # its number, and its sum
        self._begin()

    def took(self, octets: bytes, address: str, common: str, own: str) -> str:
        """Take note of a packet; return the lane that it goes to.

        common: of the unit, for all as long as nothing speaks against it; own: of the address. A
        copy goes where its first one went: there it is known to have been here, and goes no
        further. What contradicts another packet of that number must not pass for its copy.
        """
        mark = hash(octets)
        first = self._last.get(mark)
        self._packets += 1
        self._speakers.add(address)
        if first is not None:
            self._equal += first[0] != address
            lane = first[1]
        else:
            contradicts = self._contradicts(octets, mark, address)
            self._conflicts += contradicts
            lane = own if contradicts or self.likeness is Likeness.TWO else common
            self._last[mark] = address, lane
            if len(self._last) > _REMEMBERED:
                del self._last[next(iter(self._last))]
        self._judge()
        return lane

    def _contradicts(self, octets: bytes, mark: int, address: str) -> bool:
        """Tell whether another address sent other data under this number of late."""
        if octets[:2] not in _NUMBERED:
            return False
        number = octets[:2] + octets[14:19]
        before = self._last.get(self._numbered.pop(number, mark))
        self._numbered[number] = mark
        if len(self._numbered) > _REMEMBERED:
            del self._numbered[next(iter(self._numbered))]
        return before is not None and before[0] != address

    def _judge(self) -> None:
        """Decide as soon as it is sure. One recorder stays one until its numbers contradict:
        what waited for long in one way is new here, and no copy of anything that is remembered."""
        equal, conflicts = self._equal, self._conflicts
        if equal >= SURE and equal > SURE * conflicts:
            self.likeness = Likeness.ONE
        elif conflicts >= _CONFLICTS and conflicts > equal:
            self.likeness = Likeness.TWO
        elif self._packets >= RUN and self.likeness is Likeness.OPEN and equal <= 1:
            self.likeness = Likeness.TWO if len(self._speakers) > 1 else Likeness.OPEN
        if self._packets >= RUN:
            self._begin()

    def _begin(self) -> None:
        self._packets = self._equal = self._conflicts = 0
        self._speakers: set[str] = set()
