"""Which languages there are: English, and one for each catalogue in this folder."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from portbook.faces.languages.catalogues import FOLDER, SOURCE
from portbook.faces.languages.language import Language


@cache
def languages(folder: Path = FOLDER) -> Mapping[str, Language]:
    """Return all languages by tag, in the order of their tags; none of them is loaded by this.

    Raises SourceError for a catalogue whose name is no tag of a language that CLDR knows.
    """
    found = {path.stem: Language(path.stem, path) for path in folder.glob("*.po")}
    found.setdefault(SOURCE, Language(SOURCE))
    return MappingProxyType({tag: found[tag] for tag in sorted(found)})
