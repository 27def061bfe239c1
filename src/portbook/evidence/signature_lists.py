"""The prefilter's index in flat arrays, as the compiled reader looks things up in it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import reduce
from operator import or_

from portbook.evidence.table import MORE_OCTETS
from portbook.protocols.prefilter import Group, Index, Row

# words of a group for the compiled reader: place and length, mask, where its values stand and how
# many they are, the first of them, bits in which all of them agree
GROUP = 5
COUNT, LENGTH = 32, 16  # shifts


class Packed:
    """Signatures by transport and first octet, in lists of words."""

    def __init__(self, rows: Iterable[Row]) -> None:
        known = tuple(rows)
        self._talkative = 0
        for row in known:
            self._talkative |= row.many << row.bit
        self.transports = [-1] * 256  # where the lists of a transport begin in `starts`
        self.starts: list[int] = []  # of 257 lists in `groups`, and where the last one ends
        self.groups: list[int] = []
        self.values: list[int] = []  # of each group in order
        self.answers: list[int] = []  # to each value: which of `bits`
        self.bits: list[int] = []  # protocols, a bit for each
        self.many: list[int] = []  # 1 where one of them asks for more datagrams
        self._known: dict[int, int] = {}
        for transport, lists in Index(known).groups.items():
            self.transports[transport] = len(self.starts)
            for groups in lists:
                self.starts.append(len(self.groups))
                for group in groups:
                    if group.at + group.length <= MORE_OCTETS:  # else no head is long enough
                        self._add(group)
            self.starts.append(len(self.groups))

    def words(self, name: str) -> memoryview:
        """Return one of the lists as words of 8 octets, one at the least."""
        octets = b"".join(
            (word & (1 << 64) - 1).to_bytes(8, sys.byteorder) for word in getattr(self, name)
        )
        return memoryview(octets or bytes(8)).cast("Q")

    def _add(self, group: Group) -> None:
        values = sorted(group.values)
        place = group.at | group.length << LENGTH
        differ = reduce(or_, (value ^ values[0] for value in values))
        where = len(self.values) | len(values) << COUNT
        self.groups += place, group.mask, where, values[0], group.mask & ~differ
        self.values += values
        for value in values:
            bits = group.values[value]
            if bits not in self._known:
                self._known[bits] = len(self.bits)
                self.bits.append(bits)
                self.many.append(bool(bits & self._talkative))
            self.answers.append(self._known[bits])
