"""One language: its messages, and how it writes times, numbers and lists."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from babel import Locale, UnknownLocaleError

from portbook.errors import SourceError
from portbook.faces.languages.catalogues import NOTHING, Spoken, spoken
from portbook.faces.languages.moments import Moments
from portbook.faces.languages.numerals import Numerals
from portbook.faces.languages.spans import Spans


class Language:
    """A language of the interface; its catalogue and its formats are loaded at their first use.

    tag: as in HTML and HTTP, `zh-Hant`
    catalogue: None: the messages stand for themselves
    Raises SourceError when CLDR has no such language.
    """

    def __init__(self, tag: str, catalogue: Path | None = None) -> None:
        self.tag = tag
        self._catalogue = catalogue
        try:
            self.locale = Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError) as error:
            raise SourceError(
                f"{catalogue or tag}: {tag} is not the tag of a language that CLDR knows; "
                "name the catalogue as browsers name the language, such as pt-BR.po"
            ) from error

    def __repr__(self) -> str:
        return f"Language({self.tag!r})"

    @cached_property
    def name(self) -> str:
        """What the language calls itself, for a list of languages: 繁體中文, Čeština."""
        own = self.locale.languages.get(str(self.locale)) or self.locale.get_display_name()
        own = own or self.tag
        return own[0].upper() + own[1:]

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return self.locale.text_direction

    def knows(self, message: str, context: str | None = None) -> bool:
        """Tell whether the catalogue has a translation of a message (of a plural: its singular)."""
        return (context, message) in self._spoken.known

    # Messages. One that is not translated is given back in English.

    def gettext(self, message: str) -> str:
        """Return a message in this language."""
        return self._spoken.translations.gettext(message) if message else ""

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        """Return the form of a message that a count asks for."""
        return self._spoken.translations.ngettext(singular, plural, n)

    def pgettext(self, context: str, message: str) -> str:
        """Return a message whose English alone could mean two things."""
        return self._spoken.translations.pgettext(context, message)

    def npgettext(self, context: str, singular: str, plural: str, n: int) -> str:
        """Return the form that a count asks for, of a message that could mean two things."""
        return self._spoken.translations.npgettext(context, singular, plural, n)

    # Formats. Times are Unix nanoseconds, told in UTC with the zone written.

    def number(self, value: float) -> str:
        """Write a number: `1,234,567`, `0.125`; at most three decimals."""
        return self._numerals.number(value)

    def octets(self, count: int) -> str:
        """Write a size in octets: `512 bytes`, `1.23 MB`; three digits that count."""
        return self._numerals.octets(count)

    def percent(self, share: float) -> str:
        """Write a share of 1: `12.5%`. Only nothing is 0%, and only the whole is 100%."""
        return self._numerals.percent(share)

    def moment(self, time_ns: int) -> str:
        """Write a moment to the second: `Nov 21, 2026, 08:00:05 UTC`."""
        return self._moments.moment(time_ns)

    def short(self, time_ns: int) -> str:
        """Write a moment to the minute: `Nov 21, 2026, 08:00 UTC`."""
        return self._moments.short(time_ns)

    def day(self, time_ns: int) -> str:
        """Write the day of a moment: `Nov 21, 2026`; say nearby that it is UTC's."""
        return self._moments.day(time_ns)

    def clock(self, time_ns: int) -> str:
        """Write the time of day of a moment: `08:00:05 UTC`."""
        return self._moments.clock(time_ns)

    def ago(self, time_ns: int, now_ns: int) -> str:
        """Write how long ago a moment was, or how soon it is: `3 min. ago`, `in 2 hr.`."""
        return self._spans.ago(time_ns, now_ns)

    def duration(self, seconds: float) -> str:
        """Write a duration by its two largest units: `400 ms`, `20 sec`, `3 min, 20 sec`."""
        return self._spans.duration(seconds)

    def list(self, items: Iterable[object]) -> str:
        """Write items as a sentence lists them: `a, b, and c`; Markup when any of them is."""
        return self._spans.listed(items)

    @cached_property
    def _spoken(self) -> Spoken:
        return spoken(self._catalogue) if self._catalogue else NOTHING

    @cached_property
    def _numerals(self) -> Numerals:
        return Numerals(self.locale, self._spoken.minimum_grouping)

    @cached_property
    def _moments(self) -> Moments:
        return Moments(self.locale)

    @cached_property
    def _spans(self) -> Spans:
        return Spans(self.locale, self._numerals)
