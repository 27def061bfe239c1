"""How many packets a second came, over the last minutes, as numbers and as a line of bars."""

from __future__ import annotations

from collections import deque

MOST = 240  # looks
BARS = "▁▂▃▄▅▆▇█"  # the lowest is nothing at all


class Rates:
    """Packets a second between looks, the latest of them."""

    def __init__(self) -> None:
        self._before: tuple[float, int] | None = None
        self._rates: deque[float] = deque(maxlen=MOST)

    def add(self, at_s: float, packets: int) -> None:
        """Take a look into account: seconds on any clock, packets counted since the beginning."""
        if self._before is not None and at_s > self._before[0]:
            came = max(0, packets - self._before[1])
            self._rates.append(came / (at_s - self._before[0]))
        if self._before is None or at_s > self._before[0]:
            self._before = at_s, packets

    @property
    def rates(self) -> tuple[float, ...]:
        """Return packets a second, the oldest first."""
        return tuple(self._rates)


def bars(rates: tuple[float, ...], room: int) -> str:
    """Return the latest rates as bars against the highest of them; what came at all shows."""
    shown = rates[-room:] if room > 0 else ()
    highest = max(shown, default=0.0)
    top = len(BARS) - 1
    return "".join(BARS[max(1, round(rate / highest * top)) if rate else 0] for rate in shown)


def many(count: float) -> str:
    """Return a count for people: `7`, `1,204`, `2.31 million`."""
    if count >= 999_500:
        return f"{count / 1e6:,.2f} million"
    if count >= 10 or count == int(count):
        return f"{round(count):,}"
    return f"{count:.1f}"
