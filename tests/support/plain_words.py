"""Words of a page that were not said through gettext, found on a page in the pseudo-language."""

from __future__ import annotations

import re
from html.parser import HTMLParser

SAID_OF_ITSELF = {"aria-label", "aria-description", "alt", "placeholder", "title"}
VERBATIM = {"code", "kbd", "pre", "samp", "script", "style", "textarea", "var"}
VOID = {
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"
}  # fmt: skip
_WORD = re.compile(r"[A-Za-z]{2,}")


def plain_words(html: str, known: frozenset[str] = frozenset()) -> list[str]:
    """Return each piece of text with a plain word, as a reader meets it on the page.

    Not looked at: what stands in code, in an element of another language (`lang`), and what is
    marked as a name by `translate="no"`; `known` are further words that may stand anywhere.
    """
    reader = _Reader(known)
    reader.feed(html)
    reader.close()
    return reader.found


class _Reader(HTMLParser):
    def __init__(self, known: frozenset[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._known = known
        self._open: list[tuple[str, bool]] = []  # element, and whether it is passed over

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        lang = told.get("lang", "")
        passed = (
            tag in VERBATIM
            or (tag != "html" and bool(lang))
            or told.get("translate") == "no"
            or (bool(self._open) and self._open[-1][1])
        )
        if not passed or tag == "textarea":
            for name in SAID_OF_ITSELF & told.keys():
                self._look(told[name])
            if tag == "input" and told.get("type") in ("submit", "button", "reset"):
                self._look(told.get("value", ""))
        if tag not in VOID:
            self._open.append((tag, passed))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and any(name == tag for name, _ in self._open):
            if self._open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        if not (self._open and self._open[-1][1]):
            self._look(data)

    def _look(self, text: str) -> None:
        if any(word not in self._known for word in _WORD.findall(text)):
            self.found.append(" ".join(text.split()))
