"""What foreign or refused octets came from whom: counted by peer and name, never without bound."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from ipaddress import ip_address

OTHERS = "(others)"


class Peers:
    """Counts by peer and by name; more peers than `most` share one row.

    Names come from the program, not from a peer, so that a row cannot grow.
    """

    def __init__(self, most: int = 1024) -> None:
        self._most = most
        self._rows: dict[str, Counter[str]] = {}
        self.totals: Counter[str] = Counter()

    def count(self, peer: str, name: str, times: int = 1) -> int:
        """Count what a peer did and return how often it has by now; 1: told for the first time."""
        self.totals[name] += times
        row = self._rows.get(peer)
        if row is None:
            if len(self._rows) >= self._most:
                peer = OTHERS
            row = self._rows.setdefault(peer, Counter())
        row[name] += times
        return row[name]

    def rows(self) -> dict[str, dict[str, int]]:
        """Return what was counted, by peer."""
        return {peer: dict(row) for peer, row in self._rows.items()}


@lru_cache(maxsize=8192)
def plain(address: str) -> str:
    """Return an address as rules and records write it: no zone, no IPv4 in IPv6."""
    address = address.split("%", 1)[0]
    if ":" not in address:
        return address
    mapped = getattr(ip_address(address), "ipv4_mapped", None)
    return str(mapped or address)
