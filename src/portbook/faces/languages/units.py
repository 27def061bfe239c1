"""CLDR's patterns of units: `{0} min`, in the form that a count asks for.

babel.units.format_unit writes "1 digital-byte" in Chinese and "1 horas" in Spanish, where CLDR
leaves a form or a length to be inherited; here it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from babel import Locale


def unit_pattern(locale: Locale, unit: str, length: str, count: float) -> str:
    """Return the pattern of a unit, with `{0}` where the number stands (it need not stand there).

    unit: CLDR's name, such as `duration-minute`, `digital-kilobyte`
    length: `long` or `short`; where the language has no long one, it is the short one
    Raises LookupError for a unit that CLDR does not have.
    """
    lengths = locale._data["unit_patterns"][unit]  # Babel has no public way to them
    form = locale.plural_form(count)
    for name in (length, "short"):
        patterns: Mapping[str, str] = lengths.get(name) or {}
        pattern = patterns.get(form) or patterns.get("other")
        if pattern:
            return pattern
    raise LookupError(f"CLDR has no pattern of {unit} in {locale}")
