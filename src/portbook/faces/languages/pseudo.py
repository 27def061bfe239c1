"""A language that nobody speaks: English in disguise, to find what is not said through it.

Each letter gets an accent and each message brackets: a plain word on a page is one that was never
given to gettext, and a bracket in the middle of a sentence is a sentence glued from parts. Vowels
are doubled, as other languages need a third more room than English.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from markupsafe import Markup, escape

from portbook.faces.languages.catalogues import SOURCE
from portbook.faces.languages.language import Language

PSEUDO = "en-XA"  # CLDR's own tag for accented English
OPENING, CLOSING = "⟦", "⟧"
_PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ACCENTED = "àƀćđéƒğĥíĵķĺɱñóƥʠŕšţúṽŵẋýžÀƁĆĐÉƑĞĤÍĴĶĹṀÑÓƤɊŔŠŢÚṼŴẊÝŽ"
_LETTERS = {
    ord(plain): accented * (2 if plain in "aeiouAEIOU" else 1)
    for plain, accented in zip(_PLAIN, _ACCENTED, strict=True)
}
_KEPT = re.compile(
    r"%\(\w+\)[a-z]|%%|%[a-z]|\{\w*\}"  # placeholders
    r"|<(?:code|kbd|samp)\b[^>]*>.*?</(?:code|kbd|samp)>"  # what is typed or read as it stands
    r"|</?[A-Za-z][^<>]*>|&#?\w+;",  # markup
    re.DOTALL,
)


def pseudo(of: Language | None = None) -> Language:
    """Return the pseudo-language.

    of: None: every message is disguised; a language: only those that its catalogue has, so that
    one which was never extracted, or not translated, stays plain
    """
    return _Pseudo(of)


def disguised(text: str) -> str:
    """Return a text in disguise; placeholders, markup, and what stands in code are kept."""
    pieces, end = [], 0
    for kept in _KEPT.finditer(text):
        pieces += [text[end : kept.start()].translate(_LETTERS), kept[0]]
        end = kept.end()
    pieces.append(text[end:].translate(_LETTERS))
    changed = "".join(pieces)
    return f"{OPENING}{changed}{CLOSING}" if changed != text else text


class _Pseudo(Language):
    def __init__(self, of: Language | None) -> None:
        super().__init__(SOURCE)
        self.tag = PSEUDO
        self._of = of

    @property
    def name(self) -> str:
        return disguised("Pseudo")

    def knows(self, message: str, context: str | None = None) -> bool:
        return self._of is None or self._of.knows(message, context)

    def gettext(self, message: str) -> str:
        return disguised(message) if self.knows(message) else message

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        message = singular if n == 1 else plural
        return disguised(message) if self.knows(singular) else message

    def pgettext(self, context: str, message: str) -> str:
        return disguised(message) if self.knows(message, context) else message

    def npgettext(self, context: str, singular: str, plural: str, n: int) -> str:
        message = singular if n == 1 else plural
        return disguised(message) if self.knows(singular, context) else message

    def number(self, value: float) -> str:
        return disguised(super().number(value))

    def octets(self, count: int) -> str:
        return disguised(super().octets(count))

    def percent(self, share: float) -> str:
        return disguised(super().percent(share))

    def moment(self, time_ns: int) -> str:
        return disguised(super().moment(time_ns))

    def short(self, time_ns: int) -> str:
        return disguised(super().short(time_ns))

    def day(self, time_ns: int) -> str:
        return disguised(super().day(time_ns))

    def clock(self, time_ns: int) -> str:
        return disguised(super().clock(time_ns))

    def ago(self, time_ns: int, now_ns: int) -> str:
        return disguised(super().ago(time_ns, now_ns))

    def duration(self, seconds: float) -> str:
        return disguised(super().duration(seconds))

    def list(self, items: Iterable[object]) -> str:
        """Join with the signs of a list alone: what is listed stays as it is."""
        texts = [*items]
        if any(hasattr(one, "__html__") for one in texts):
            return Markup(", ").join(map(escape, texts))
        return ", ".join(map(str, texts))
