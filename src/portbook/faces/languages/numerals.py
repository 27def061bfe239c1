"""Numbers, sizes and shares as a language writes them."""

from __future__ import annotations

import math

from babel import Locale
from babel.numbers import format_decimal, format_percent

from portbook.faces.languages.units import unit_pattern

_THOUSANDS = (3, 3)  # CLDR's grouping of nearly every language; Hindi's is (3, 2)
_SIZES = ("kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte")


class Numerals:
    """Writes numbers.

    minimum_grouping: how many digits must stand before the first separator of thousands
    """

    def __init__(self, locale: Locale, minimum_grouping: int = 1) -> None:
        self._locale = locale
        self._grouped_from = 10 ** (2 + minimum_grouping)
        symbols = locale.number_symbols["latn"]
        self._decimal, self._minus = str(symbols["decimal"]), str(symbols["minusSign"])
        self._infinity, self._nan = str(symbols["infinity"]), str(symbols["nan"])
        in_thousands = locale.decimal_formats[None].grouping == _THOUSANDS
        self._group: str | None = str(symbols["group"]) if in_thousands else None
        whole = locale.percent_formats[None].pattern
        self._percent = whole.replace("0", "0.#", 1)
        # Symbols do not bend; CLDR's German "1 kbyte" beside "2 kB" is no model.
        self._sizes = [unit_pattern(locale, f"digital-{size}", "short", 2) for size in _SIZES]

    def number(self, value: float) -> str:
        """Write a number, with at most three decimals."""
        if type(value) is int:
            if self._grouped_from > value >= 0:
                return str(value)
            if self._group is not None:
                written = f"{abs(value):,}" if abs(value) >= self._grouped_from else str(abs(value))
                sign = self._minus if value < 0 else ""
                return sign + written.replace(",", self._group)
        if not math.isfinite(value):
            return self._beyond(value)
        grouped = abs(value) >= self._grouped_from
        return format_decimal(value, locale=self._locale, group_separator=grouped)

    def brief(self, value: float) -> str:
        """Write a number from 0 to below 1000 by the three digits that count: `1.23`, `123`."""
        decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
        written = f"{value:.{decimals}f}"
        if decimals:
            written = written.rstrip("0").rstrip(".")
        return written.replace(".", self._decimal)

    def octets(self, count: int) -> str:
        """Write a size by steps of 1000, as disks and lines count."""
        if count < 0:
            return self._minus + self.octets(-count)
        if count < 1000:  # by the whole name: English has no plural of the short one
            return unit_pattern(self._locale, "digital-byte", "long", count).format(count)
        value, step = count / 1000, 0
        while value >= 999.5 and step < len(_SIZES) - 1:
            value, step = value / 1000, step + 1
        told = self.brief(value) if value < 999.5 else self.number(round(value))
        return self._sizes[step].format(told)

    def percent(self, share: float) -> str:
        """Write a share of 1, with one decimal at most.

        What is more than nothing is never rounded to 0%, what is less than all never to 100%.
        """
        if not math.isfinite(share):
            return self._beyond(share)
        if 0 < share < 1:
            share = min(max(share, 0.001), 0.999)
        return format_percent(share, self._percent, locale=self._locale)

    def _beyond(self, value: float) -> str:
        if math.isnan(value):
            return self._nan
        return (self._minus if value < 0 else "") + self._infinity
