"""Moments as a language writes them: the day by CLDR, the clock by 24 hours, in UTC."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, tokenize_pattern

from portbook.faces.times import NANO

_DAY_S = 86400
_EPOCH = date(1970, 1, 1).toordinal()
_CLOCK = {"H": "0", "m": "1", "s": "2"}  # CLDR's field: which argument of the template
_DAYS_KEPT = 4096


class Moments:
    """Writes moments. A day is written once and kept; the clock's pattern is compiled."""

    def __init__(self, locale: Locale) -> None:
        glue = str(locale.datetime_formats["medium"])
        self._glue = glue.replace("'", "").replace("{1}", "%s").replace("{0}", "%s")
        self._day_first = glue.index("{1}") < glue.index("{0}")
        self._to_the_second = _template(locale, "Hmsv")
        self._to_the_minute = _template(locale, "Hmv")

        @lru_cache(maxsize=_DAYS_KEPT)
        def written(day: int) -> str:
            return format_date(date.fromordinal(_EPOCH + day), "medium", locale=locale)

        self._written = written

    def moment(self, time_ns: int) -> str:
        """Write a moment to the second; one that no calendar has as `@` and Unix seconds."""
        return self._whole(time_ns, self._to_the_second)

    def short(self, time_ns: int) -> str:
        """Write a moment to the minute."""
        return self._whole(time_ns, self._to_the_minute)

    def day(self, time_ns: int) -> str:
        """Write the day of a moment."""
        try:
            return self._written(time_ns // NANO // _DAY_S)
        except (ValueError, OverflowError):
            return _outside(time_ns)

    def clock(self, time_ns: int) -> str:
        """Write the time of day of a moment."""
        minutes, second = divmod(time_ns // NANO % _DAY_S, 60)
        return self._to_the_second.format(minutes // 60, minutes % 60, second)

    def _whole(self, time_ns: int, template: str) -> str:
        days, second = divmod(time_ns // NANO, _DAY_S)
        try:
            day = self._written(days)
        except (ValueError, OverflowError):
            return _outside(time_ns)
        clock = template.format(second // 3600, second // 60 % 60, second % 60)
        return self._glue % ((day, clock) if self._day_first else (clock, day))


def _outside(time_ns: int) -> str:
    return f"@{time_ns // NANO}"


def _template(locale: Locale, skeleton: str) -> str:
    """Compile CLDR's pattern of a clock, such as `HH:mm:ss v`, for str.format."""
    pieces = []
    for kind, token in tokenize_pattern(locale.datetime_skeletons[skeleton].pattern):
        if kind == "chars":
            pieces.append(str(token).replace("{", "{{").replace("}", "}}"))
        elif token[0] == "v":
            pieces.append("UTC")
        else:
            pieces.append(f"{{{_CLOCK[token[0]]}:0{token[1]}d}}")
    return "".join(pieces)
