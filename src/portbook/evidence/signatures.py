"""Which protocols the first octets may be: the prefilter's rows, looked up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from portbook.protocols.prefilter import Row


class Signatures:
    """Prefilter rows, grouped so that one look tells all that share a place."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._many = 0
        groups: dict[int, dict[tuple[int, int, int], dict[int, int]]] = defaultdict(dict)
        for row in rows:
            self._many |= row.many << row.bit
            values = groups[row.transport].setdefault((row.at, row.length, row.mask), {})
            values[row.value] = values.get(row.value, 0) | 1 << row.bit
        self._groups = {
            transport: tuple((*key, values) for key, values in tests.items())
            for transport, tests in groups.items()
        }

    def bits(self, transport: int, octets: bytes) -> int:
        """Return a bit for each protocol whose signature stands in `octets`."""
        found = 0
        size = len(octets)
        for at, length, mask, values in self._groups.get(transport, ()):
            if at + length <= size:
                found |= values.get(int.from_bytes(octets[at : at + length], "big") & mask, 0)
        return found

    def many(self, bits: int) -> bool:
        """Tell whether one of the protocols asks for more datagrams than the first few."""
        return bool(bits & self._many)
