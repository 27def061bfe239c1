"""Times as REF TEK packets tell them: year of two digits, DDDHHMMSSTTT, to the millisecond."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

NANO, MILLI = 1_000_000_000, 1_000_000


class Tag(NamedTuple):
    """A time tag; digits: DDDHHMMSSTTT."""

    year: int
    digits: str

    @property
    def text(self) -> str:
        """Return it as EH and ET tell times: YYYYDDDHHMMSSTTT."""
        return f"{self.year:04}{self.digits}"

    @property
    def clock(self) -> str:
        """Return it as state-of-health lines do: DDD:HH:MM:SS."""
        digits = self.digits
        return f"{digits[:3]}:{digits[3:5]}:{digits[5:7]}:{digits[7:9]}"


def tag(time_ns: int, leap: bool = False) -> Tag:
    """Return a Unix time as a tag, cut to the millisecond; leap: in second 60 of the minute."""
    year, digits = _second(time_ns // NANO - leap)
    if leap:
        digits = digits[:7] + "60"
    return Tag(year, f"{digits}{time_ns // MILLI % 1000:03}")


@lru_cache(maxsize=4096)
def _second(seconds: int) -> tuple[int, str]:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.year, f"{moment:%j%H%M%S}"
