"""CLDR's patterns of units: `{0} min`, `{0} min. ago`, in the form that a count asks for.

Where CLDR leaves a form or a length to be inherited, babel.units.format_unit writes
"1 digital-byte" in Chinese and "1 horas" in Spanish, and babel.dates.format_timedelta fails in
Malay; here it is inherited. Babel has no public way to these tables.
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
    lengths = locale._data["unit_patterns"][unit]
    found = _form(locale, count, *(lengths.get(name) for name in (length, "short")))
    if found is None:
        raise LookupError(f"CLDR has no pattern of {unit} in {locale}")
    return found


def relative_pattern(locale: Locale, unit: str, direction: str, count: int) -> str:
    """Return the pattern of a time before or after now, the short one where there is one.

    unit: `minute`; direction: `past` or `future`
    Raises LookupError for a unit that CLDR does not have.
    """
    fields = locale._data["date_fields"]
    found = _form(locale, count, fields[f"{unit}-short"].get(direction), fields[unit][direction])
    if found is None:
        raise LookupError(f"CLDR has no pattern of a {unit} {direction} in {locale}")
    return found


def _form(locale: Locale, count: float, *tables: Mapping[str, str] | None) -> str | None:
    """Return the pattern for a count from the first table that has one."""
    form = locale.plural_form(count)
    patterns = ((table or {}).get(form) or (table or {}).get("other") for table in tables)
    return next(filter(None, patterns), None)
