"""Spans of time, and lists, as a language writes them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

from babel import Locale
from markupsafe import Markup

from portbook.faces.languages.numerals import Numerals
from portbook.faces.languages.units import relative_pattern, unit_pattern
from portbook.faces.times import NANO

# unit, its seconds, and from how many seconds on the next one is used
_AGO: tuple[tuple[str, int, float], ...] = (
    ("second", 1, 60),
    ("minute", 60, 3600),
    ("hour", 3600, 2 * 86400),
    ("day", 86400, 60 * 86400),
    ("month", 2_629_746, 2 * 31_556_952),  # a twelfth of the mean Gregorian year
    ("year", 31_556_952, math.inf),
)
_PAIRS = (("day", 86400, "hour", 3600), ("hour", 3600, "minute", 60), ("minute", 60, "second", 1))
_KEPT = 4096


class Spans:
    """Writes how long ago something was, how long it lasted, and what belongs together."""

    def __init__(self, locale: Locale, numerals: Numerals) -> None:
        self._locale, self._numerals = locale, numerals
        self._pair = _of_two(locale)
        standard = locale.list_patterns["standard"]
        self._list = {place: standard[place] for place in ("2", "start", "middle", "end")}

        @lru_cache(maxsize=_KEPT)
        def relative(unit: str, direction: str, count: int) -> str:
            return relative_pattern(locale, unit, direction, count).format(numerals.number(count))

        @lru_cache(maxsize=_KEPT)
        def counted(unit: str, count: int) -> str:
            pattern = unit_pattern(locale, f"duration-{unit}", "short", count)
            return pattern.format(numerals.number(count))

        self._relative, self._counted = relative, counted

    def ago(self, time_ns: int, now_ns: int) -> str:
        """Write how long before or after now a moment is, by its largest unit, rounded down."""
        seconds = max(abs(now_ns - time_ns) // NANO, 1)  # nobody says "0 seconds ago"
        unit, size = next((unit, size) for unit, size, below in _AGO if seconds < below)
        direction = "future" if time_ns > now_ns else "past"
        return self._relative(unit, direction, int(seconds // size))

    def duration(self, seconds: float) -> str:
        """Write a duration by its two largest units; a dash when it is no number."""
        if not math.isfinite(seconds):
            return "–"
        sign = self._numerals.number(-1).rstrip("1") if seconds < 0 else ""
        return sign + self._lasting(abs(seconds))

    def listed(self, items: Iterable[object]) -> str:
        """Write items as a sentence lists them; Markup, the others escaped, when any of them is."""
        texts = list(items)
        if any(hasattr(one, "__html__") for one in texts):
            return _joined(texts, {place: Markup(text) for place, text in self._list.items()})
        return _joined(texts, self._list)

    def _lasting(self, seconds: float) -> str:
        if seconds < 0.9995:
            return self._fraction(seconds * 1000, "millisecond")
        if seconds < 59.95:
            return self._fraction(seconds, "second")
        whole = round(seconds)
        unit, size, smaller, part = next(
            pair for pair in _PAIRS if whole >= pair[1] or pair[0] == "minute"
        )
        count, rest = divmod(whole, size)
        large, small = self._counted(unit, count), rest // part
        return self._pair.format(large, self._counted(smaller, small)) if small else large

    def _fraction(self, value: float, unit: str) -> str:
        pattern = unit_pattern(self._locale, f"duration-{unit}", "short", value)
        return pattern.format(self._numerals.brief(value))


def _of_two(locale: Locale) -> str:
    """Return how two units of one duration stand together: `{0}, {1}`."""
    patterns = locale.list_patterns  # what a style lacks is, by CLDR, as in the plainer one
    styles = (patterns.get("unit-short") or {}, patterns.get("unit") or {}, patterns["standard"])
    return next(str(style["2"]) for style in styles if "2" in style)


def _joined(texts: list[object], patterns: dict[str, str]) -> str:
    """Join by CLDR's patterns of a list's start, middle and end."""
    if len(texts) < 2:
        only = type(patterns["2"])("{0}")  # str or Markup, as the patterns are
        return only.format(texts[0] if texts else "")
    if len(texts) == 2:
        return patterns["2"].format(*texts)
    joined = patterns["start"].format(texts[0], texts[1])
    for one in texts[2:-1]:
        joined = patterns["middle"].format(joined, one)
    return patterns["end"].format(joined, texts[-1])
