"""Plural forms of catalogues, from CLDR's rules for whole numbers.

gettext wants an expression in C. It is made from the rules here, so that a new language needs
none: CLDR's forms for fractions only (Czech "many") fall away, those for millions (Spanish
"many": 1 000 000 de puertos) stay.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from babel import Locale

ORDER = ("zero", "one", "two", "few", "many", "other")
_RELATION = re.compile(r"([nivwftce])(?: mod (\d+))?( not)? in ([\d.,]+)")
_COUNT = "ni"  # the other operands tell of decimals and exponents, which a whole number lacks


class PluralForms(NamedTuple):
    """Which forms a language has for whole numbers, and the line that says so in a catalogue.

    names: CLDR's names, in the order of `msgstr[0]`, `msgstr[1]` ...
    """

    names: tuple[str, ...]
    header: str


def plural_forms(locale: Locale) -> PluralForms:
    """Return the plural forms of a language."""
    rules = locale.plural_form.rules
    tests = {name: _either(rules[name]) for name in ORDER if name in rules}
    used = {name: test for name, test in tests.items() if test != "0"}
    names = (*used, "other") if _leaves_some(locale) else tuple(used)
    expression = "".join(f"{used[name]} ? {at} : " for at, name in enumerate(names[:-1]))
    header = f"nplurals={len(names)}; plural=({expression}{len(names) - 1});"
    return PluralForms(names, header)


def _leaves_some(locale: Locale) -> bool:
    """Tell whether any whole number is left for "other"; in Polish none is."""
    form = locale.plural_form  # CLDR's rules look at the last three digits, and at millions
    return any(form(n) == "other" for n in (*range(1001), 10**6, 10**6 + 1))


def _either(rule: str) -> str:
    """Turn one rule into C; `0` when no whole number can meet it."""
    parts = [part for one in rule.split(" or ") if (part := _all(one)) != "0"]
    if "1" in parts:
        return "1"
    if len(parts) < 2:
        return parts[0] if parts else "0"
    return " || ".join(f"({part})" if "&&" in part else part for part in parts)


def _all(conjunction: str) -> str:
    parts = [part for one in conjunction.split(" and ") if (part := _relation(one)) != "1"]
    if "0" in parts:
        return "0"
    return " && ".join(part if len(parts) == 1 else _bound(part) for part in parts) or "1"


def _relation(text: str) -> str:
    match = _RELATION.fullmatch(text)
    if match is None:
        raise ValueError(f"not a plural rule as CLDR writes them: {text!r}")
    operand, modulus, negated, ranges = match.groups()
    pairs = [tuple(map(int, f"{one}..{one}".split("..")[:2])) for one in ranges.split(",")]
    if operand not in _COUNT:
        return str(int(any(low <= 0 <= high for low, high in pairs) != bool(negated)))
    left = f"n%{modulus}" if modulus else "n"
    if negated:
        return " && ".join(_bound(_outside(left, low, high)) for low, high in pairs)
    return " || ".join(_inside(left, low, high) for low, high in pairs)


def _inside(left: str, low: int, high: int) -> str:
    return f"{left}=={low}" if low == high else f"{left}>={low} && {left}<={high}"


def _outside(left: str, low: int, high: int) -> str:
    return f"{left}!={low}" if low == high else f"{left}<{low} || {left}>{high}"


def _bound(part: str) -> str:
    """Keep an `||` together among `&&`."""
    return f"({part})" if "||" in part else part
