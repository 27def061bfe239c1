"""Catalogues: what the messages of the interface are in one language, a gettext `.po` file each.

They are read as they stand, at run time: no compiled file is committed, and none must be built.
"""

from __future__ import annotations

import re
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

from portbook.errors import SourceError

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

FOLDER = Path(__file__).parent
SOURCE = "en"  # the language of the messages themselves: it needs no catalogue
LARGEST_OCTETS = 4 << 20
_EXTRA = re.compile(r'^"(X-[A-Za-z-]+): ([^"\\]*)\\n"$', re.MULTILINE)
_GROUPING = "X-Minimum-Grouping-Digits"


class Spoken(NamedTuple):
    """A catalogue as the interface uses it.

    known: context and message (the singular) of every entry that is translated
    minimum_grouping: how many digits must stand before the first separator of thousands;
        CLDR has this number for each language, Babel has not: 2 in Spanish (1000, 10.000)
    """

    translations: NullTranslations
    known: frozenset[tuple[str | None, str]]
    minimum_grouping: int


NOTHING = Spoken(NullTranslations(), frozenset(), 1)


def spoken(path: Path) -> Spoken:
    """Return the catalogue of a file for use; raises SourceError as `read` does."""
    catalog = read(path)
    packed = BytesIO()
    write_mo(packed, catalog)
    packed.seek(0)
    try:
        translations = GNUTranslations(packed)
    except ValueError as error:  # gettext's word for a Plural-Forms line that it cannot follow
        raise SourceError(f"{path}: its Plural-Forms cannot be used ({error}); {_NEXT}") from error
    known = frozenset(
        (one.context, singular(one.id)) for one in catalog if one.id and filled(one.string)
    )
    grouping = extra_headers(path).get(_GROUPING, "1")
    if grouping not in ("1", "2"):
        raise SourceError(f"{path}: {_GROUPING} must be 1 or 2, not {grouping}; {_NEXT}")
    return Spoken(translations, known, int(grouping))


_NEXT = "correct it, or have it written anew by scripts/update_languages.py"


def read(path: Path) -> Catalog:
    """Return a catalogue as Babel has it.

    Raises SourceError for a file that cannot be read, is no catalogue, or has a message twice.
    """
    octets = _octets(path)
    try:
        catalog = read_po(BytesIO(octets), locale=path.stem.replace("-", "_"), abort_invalid=True)
    except PoFileError as error:
        raise SourceError(f"{path} line {error.lineno + 1}: {error}; {_NEXT}") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        # Babel's reader meets text that is no catalogue with whatever it runs into.
        raise SourceError(f"{path} is no catalogue ({error}); {_NEXT}") from error
    begun = sum(line.startswith(b"msgid ") for line in octets.splitlines())
    if begun != len(catalog) + 1:  # the head is not counted
        raise SourceError(f"{path}: a message stands there twice, or the head is missing; {_NEXT}")
    return catalog


def extra_headers(path: Path) -> dict[str, str]:
    """Return the `X-...` lines of a catalogue's head, which Babel drops."""
    head = _octets(path).decode(errors="replace").split("\n\n", 1)[0]
    return dict(_EXTRA.findall(head))


def singular(message: str | tuple[str, ...] | list[str]) -> str:
    """Return what a message is looked up by: itself, or its singular."""
    return message if isinstance(message, str) else message[0]


def filled(string: str | tuple[str, ...] | list[str] | None) -> bool:
    """Tell whether a translation is there, in every plural form."""
    if string is None or isinstance(string, str):
        return bool(string)
    return bool(string) and all(string)


def _octets(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            octets = stream.read(LARGEST_OCTETS + 1)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    if len(octets) > LARGEST_OCTETS:
        raise SourceError(f"{path} is larger than {LARGEST_OCTETS >> 20} MiB, so no catalogue")
    return octets
