"""Which protocols the first octets may be: the prefilter's rows, looked up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from portbook.protocols.prefilter import Row

Test = tuple[int, int, dict[int, int]]  # where the octets end; their mask; a value's bits
Place = tuple[int, tuple[tuple[Test, ...], ...]]  # where; by the octet there, what to look at


class Signatures:
    """Prefilter rows, grouped so that one look tells all that share a place."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._many = 0
        groups: dict[int, dict[tuple[int, int, int], dict[int, int]]] = defaultdict(dict)
        for row in rows:
            self._many |= row.many << row.bit
            values = groups[row.transport].setdefault((row.at, row.length, row.mask), {})
            values[row.value] = values.get(row.value, 0) | 1 << row.bit
        self._places = {transport: _places(tests) for transport, tests in groups.items()}

    def bits(self, transport: int, octets: bytes) -> int:
        """Return a bit for each protocol whose signature stands in `octets`."""
        found = 0
        size = len(octets)
        for at, by_octet in self._places.get(transport, ()):
            if at >= size:
                break
            for end, mask, values in by_octet[octets[at]]:
                if end <= size:
                    found |= values.get(int.from_bytes(octets[at:end], "big") & mask, 0)
        return found

    def many(self, bits: int) -> bool:
        """Tell whether one of the protocols asks for more datagrams than the first few."""
        return bool(bits & self._many)


def _places(tests: dict[tuple[int, int, int], dict[int, int]]) -> tuple[Place, ...]:
    """Sort tests by their place, and there by the octets that their values may begin with."""
    found: dict[int, list[list[Test]]] = {}
    for (at, length, mask), values in sorted(tests.items(), key=lambda one: one[0]):
        by_octet = found.setdefault(at, [[] for _ in range(256)])
        shift = 8 * (length - 1)
        firsts = {value >> shift for value in values}
        for octet in range(256):
            if octet & mask >> shift in firsts:
                by_octet[octet].append((at + length, mask, values))
    return tuple((at, tuple(map(tuple, by_octet))) for at, by_octet in found.items())
