"""What is missing in a catalogue, and what is filled badly: for translators and the tests."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Entry

from portbook.errors import SourceError
from portbook.faces.languages.catalogues import FOLDER, filled
from portbook.faces.languages.extraction import Message
from portbook.faces.languages.plurals import plural_forms

SAME = FOLDER / "same.txt"
EVERY = "*"  # in same.txt: the message is the same in every language
Key = tuple[str | None, str]
_PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|&#?\w+;")
_VERBATIM = re.compile(r"<(code|kbd|samp)\b[^>]*>(.*?)</\1>", re.DOTALL)
_VOID = {"br", "wbr", "img", "hr", "input"}
_CLOSING = "\"'”’»“‘」』)）"  # what may follow the sign at a sentence's end
_ENDINGS = (".。", "?？", "!！", ":：", ";；", ",，、", "…⋯")


def missing(catalog: Catalog, source: Iterable[Message]) -> list[Message]:
    """Return the messages that a catalogue does not have, or has without a translation."""
    entries = _entries(catalog)
    return [one for one in source if one.key not in entries or not filled(entries[one.key].string)]


def problems(tag: str, catalog: Catalog, source: Iterable[Message]) -> list[str]:
    """Return what is wrong with the filled entries of a catalogue, a sentence each."""
    entries, known = _entries(catalog), {one.key: one for one in source}
    found = [f"{key[1]!r} is not said anywhere any more" for key in entries if key not in known]
    wanted = plural_forms(Locale.parse(tag, sep="-"))
    if catalog.plural_forms.strip(";") != wanted.header.strip(";"):
        found.append(f"the head says {catalog.plural_forms}; CLDR says {wanted.header}")
    for key, entry in entries.items():
        if key in known and filled(entry.string):
            told = _of_entry(known[key], entry, len(wanted.names))
            found += [f"{key[1]!r}: {what}" for what in told]
    return found


def unfit(source: Iterable[Message]) -> list[str]:
    """Return what is wrong with messages themselves, before anybody translates them."""
    return [
        f"{one.singular!r} ({one.files[0]}): {what}"
        for one in source
        for form in one.sources
        for what in (*_of_text(one.singular, form), *_glued(form))
    ]


def untouched(catalog: Catalog, source: Iterable[Message]) -> list[Message]:
    """Return the messages whose translation may be none: it is the English, or bare of its script.

    Those that are so on purpose stand in same.txt.
    """
    entries, foreign = _entries(catalog), _other_script(catalog)
    return [
        one
        for one in source
        if one.key in entries
        and any(
            text in one.sources or (foreign and _letters_are_english(text))
            for text in _strings(entries[one.key])
            if text
        )
    ]


def same(path: Path = SAME) -> Mapping[str, frozenset[str]]:
    """Return which messages may stay English, in which languages; `EVERY` means all.

    A line is `message | languages | why`; `#` begins a remark. Raises SourceError for others.
    """
    rows: dict[str, frozenset[str]] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.rsplit(" | ", 2)]
        if len(parts) != 3 or not all(parts) or parts[0] in rows:
            raise SourceError(
                f"{path} line {number}: write `message | languages | why`, each message once"
            )
        rows[parts[0].replace("\\n", "\n")] = frozenset(parts[1].split())
    return rows


def _entries(catalog: Catalog) -> dict[Key, Entry]:
    return {(one.context, _first(one.id)): one for one in catalog if one.id}


def _first(forms: str | tuple[str, ...] | list[str]) -> str:
    return forms if isinstance(forms, str) else forms[0]


def _strings(entry: Entry) -> tuple[str, ...]:
    string = entry.string or ""
    return (string,) if isinstance(string, str) else tuple(string)


def _of_entry(message: Message, entry: Entry, plurals: int) -> Iterator[str]:
    strings = _strings(entry)
    if (message.plural is not None) != (not isinstance(entry.string, str)):
        yield "the source has a plural and the catalogue none, or the other way round"
        return
    if entry.fuzzy:
        yield "it is marked as fuzzy, so it is not used"
    if message.plural is not None and len(strings) != plurals:
        yield f"it has {len(strings)} plural forms, the language {plurals}"
    for text in (*message.sources, *strings):
        yield from _of_text(message.singular, text)


def _of_text(source: str, text: str) -> Iterator[str]:
    """Tell where a form differs from its source in what every form must share."""
    if set(_PLACEHOLDER.findall(text)) != set(_PLACEHOLDER.findall(source)):
        yield f"other placeholders: {text!r}"
    if "%" in _PLACEHOLDER.sub("", text).replace("%%", ""):
        yield f"a % that is no placeholder, write %%: {text!r}"
    if Counter(_TAG.findall(text)) != Counter(_TAG.findall(source)):
        yield f"other markup: {text!r}"
    elif not _nested(text):
        yield f"markup that is not nested: {text!r}"
    if Counter(_VERBATIM.findall(text)) != Counter(_VERBATIM.findall(source)):
        yield f"other words in code, kbd or samp, which stay as they are: {text!r}"
    if _edges(text) != _edges(source):
        yield f"other spaces at an end: {text!r}"
    if _ending(text) != _ending(source):
        yield f"another sign at the end: {text!r}"


def _glued(text: str) -> Iterator[str]:
    if text != text.strip():
        yield "a space at an end; it is glued to something, write a whole sentence"


def _nested(text: str) -> bool:
    open_tags: list[str] = []
    for tag in _TAG.findall(text):
        name = tag.strip("</>").split()[0].lower()
        if tag.startswith("</"):
            if not open_tags or open_tags.pop() != name:
                return False
        elif not tag.startswith("&") and name not in _VOID:
            open_tags.append(name)
    return not open_tags


def _edges(text: str) -> tuple[str, str]:
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]


def _ending(text: str) -> str:
    """Return the class of the sign at a sentence's end: that of 。 is the full stop's."""
    plain = _TAG.sub("", text).rstrip().replace("...", "…").rstrip(_CLOSING)
    return next((signs[0] for signs in _ENDINGS if plain and plain[-1] in signs), "")


def _other_script(catalog: Catalog) -> bool:
    """Tell whether a language is written in other letters than English."""
    name = str(catalog.locale.languages.get(str(catalog.locale)) or "") if catalog.locale else ""
    return bool(name) and not any(letter.isascii() and letter.isalpha() for letter in name)


def _letters_are_english(text: str) -> bool:
    bare = _TAG.sub("", _VERBATIM.sub("", _PLACEHOLDER.sub("", text)))
    letters = [letter for letter in bare if letter.isalpha()]
    return bool(letters) and all(letter.isascii() for letter in letters)
