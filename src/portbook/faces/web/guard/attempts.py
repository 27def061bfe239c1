"""How often somebody may be wrong: a bounded table of addresses, each with a few tries."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_network

from portbook.addresses import parse

MOST_ADDRESSES = 4096


class Attempts:
    """Failed attempts by address: `tries` at once, one more each `every_s` after that.

    Networks of IPv6 count as one address (/64): their hosts have as many as they like.
    everybody: tries of all addresses together, over the same time, so that many addresses
    are no way round; this machine itself is not counted in there
    """

    def __init__(
        self,
        tries: int,
        every_s: float,
        everybody: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tries, self._every_s, self._everybody = tries, every_s, everybody
        self._clock = clock
        # by address: when all tries will be there again
        self._until: OrderedDict[str, float] = OrderedDict()
        self._all_until = 0.0

    def wait_s(self, address: str) -> int:
        """Return for how long an address has to wait, whole seconds; 0: it may try now."""
        who = network(address)
        now = self._clock()
        owed = self._owed(self._until.get(who, now), now, self._tries, self._every_s)
        if who != "loopback":
            every_s = self._every_s * self._tries / self._everybody
            owed = max(owed, self._owed(self._all_until, now, self._everybody, every_s))
        return math.ceil(owed)

    def failed(self, address: str) -> None:
        """Take notice of a failed attempt."""
        who, now = network(address), self._clock()
        self._until[who] = max(self._until.pop(who, now), now) + self._every_s
        if len(self._until) > MOST_ADDRESSES:
            self._until.popitem(last=False)
        if who != "loopback":
            every_s = self._every_s * self._tries / self._everybody
            self._all_until = max(self._all_until, now) + every_s

    def _owed(self, until: float, now: float, tries: int, every_s: float) -> float:
        """Return the time until a try is there: each one takes `every_s` to come back."""
        return max(0.0, until - now - (tries - 1) * every_s)


def network(address: str) -> str:
    """Return what an address counts as: itself, its /64, or "loopback"."""
    found = parse(address)
    if found is None:
        return "unknown"
    if found.is_loopback:
        return "loopback"
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False))
    return str(found)
