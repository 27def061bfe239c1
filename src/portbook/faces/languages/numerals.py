"""Numbers, sizes and shares as a language writes them.

By CLDR's symbols and patterns, as Babel has them; put together here, since a page writes
thousands of numbers, and since Babel cannot write one of more than 28 digits.
"""

from __future__ import annotations

import math
import re

from babel import Locale

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
        symbols = {key: str(sign) for key, sign in locale.number_symbols["latn"].items()}
        self._decimal, self._group = symbols["decimal"], symbols["group"]
        self._minus, self._infinity = symbols["minusSign"], symbols["infinity"]
        self._nan = symbols["nan"]
        self._grouping: tuple[int, int] = locale.decimal_formats[None].grouping
        percents = locale.percent_formats[None]
        affixes = (percents.prefix[0], percents.suffix[0])
        self._percent = [sign.replace("%", symbols["percentSign"]) for sign in affixes]
        # Symbols do not bend; CLDR's German "1 kbyte" beside "2 kB" is no model.
        self._sizes = [unit_pattern(locale, f"digital-{size}", "short", 2) for size in _SIZES]

    def number(self, value: float) -> str:
        """Write a number, with at most three decimals."""
        if type(value) is int and self._grouped_from > value >= 0:
            return str(value)
        return self._written(value, 3)

    def brief(self, value: float) -> str:
        """Write a number from 0 to below 1000 by the three digits that count: `1.23`, `123`."""
        return self._written(value, 2 if value < 9.995 else 1 if value < 99.95 else 0)

    def octets(self, count: int) -> str:
        """Write a size by steps of 1000, as disks and lines count."""
        if count < 0:
            return self._minus + self.octets(-count)
        if count < 1000:  # by the whole name: English has no plural of the short one
            return unit_pattern(self._locale, "digital-byte", "long", count).format(count)
        step = 0
        while step < len(_SIZES) - 1 and count * 2 >= 1999 * 1000 ** (step + 1):
            step += 1
        size = 1000 ** (step + 1)
        told = self.brief(count / size) if count * 2 < 1999 * size else self.number(count // size)
        return self._sizes[step].format(told)

    def percent(self, share: float) -> str:
        """Write a share of 1, with one decimal at most.

        What is more than nothing is never rounded to 0%, what is less than all never to 100%.
        """
        if 0 < share < 1:
            share = min(max(share, 0.001), 0.999)
        before, after = self._percent
        return f"{before}{self._written(share * 100, 1)}{after}"

    def _written(self, value: float, decimals: int) -> str:
        """Write a number with so many decimals, without noughts at its end."""
        if isinstance(value, float) and not math.isfinite(value):
            return self._beyond(value)
        text = str(abs(value)) if isinstance(value, int) else f"{abs(value):.{decimals}f}"
        whole, _, fraction = text.partition(".")
        fraction = fraction.rstrip("0")
        if abs(value) >= self._grouped_from:
            whole = self._in_groups(whole)
        sign = self._minus if value < 0 and (whole != "0" or fraction) else ""
        return f"{sign}{whole}{self._decimal}{fraction}" if fraction else sign + whole

    def _in_groups(self, digits: str) -> str:
        if self._grouping == _THOUSANDS:
            return f"{int(digits):,}".replace(",", self._group)
        last, others = self._grouping
        groups = re.findall(rf"\d{{1,{others}}}", digits[:-last][::-1])
        return self._group.join([*(group[::-1] for group in reversed(groups)), digits[-last:]])

    def _beyond(self, value: float) -> str:
        if math.isnan(value):
            return self._nan
        return (self._minus if value < 0 else "") + self._infinity
