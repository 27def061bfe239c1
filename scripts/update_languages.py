#!/usr/bin/env python3
"""Bring the catalogues of the web interface up to date with its templates and modules.

Each message that was added stands in each catalogue, empty; each that is gone is dropped. No line
numbers and no dates are written, so that a change shows in a few lines.

    update_languages.py           write all catalogues, tell what is missing
    update_languages.py pt-BR     begin one more language
    update_languages.py --check   write nothing, end with 1 when one is not up to date
"""

import argparse
import sys
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Entry
from babel.messages.pofile import write_po

from portbook.errors import SourceError
from portbook.faces.languages.catalogues import FOLDER, extra_headers, read
from portbook.faces.languages.checking import missing, problems
from portbook.faces.languages.extraction import Message, messages
from portbook.faces.languages.plurals import plural_forms

WIDTH = 98
MOST_SHOWN = 20


def updated(path: Path, source: Sequence[Message]) -> str:
    """Return a catalogue as it should read; path: the file as it is, which need not exist."""
    locale = Locale.parse(path.stem, sep="-")
    plurals = plural_forms(locale)
    before = read(path) if path.exists() else Catalog(locale)
    catalog = Catalog(locale, charset="utf-8", header_comment="")
    catalog.mime_headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Plural-Forms", plurals.header),
    ]
    for one in source:
        old = before.get(one.singular, one.context)
        catalog[one.sources if one.plural else one.singular] = Entry(
            one.sources if one.plural else one.singular,
            translation(one, old, len(plurals.names)),
            locations=[(name, 0) for name in one.files],
            auto_comments=one.comments,
            user_comments=old.user_comments if old else (),
            context=one.context,
        )
    written = BytesIO()
    write_po(written, catalog, width=WIDTH, omit_header=True, include_lineno=False)
    return head(path, plurals.header) + written.getvalue().decode()


def translation(one: Message, old: Entry | None, plurals: int) -> str | tuple[str, ...]:
    """Return what the catalogue had, when it still answers the message; else nothing."""
    if one.plural is None:
        return old.string if old and isinstance(old.string, str) and old.id == one.singular else ""
    if old and not isinstance(old.string, str) and tuple(old.id) == one.sources:
        return (*(old.string or ()), *[""] * plurals)[:plurals]
    return ("",) * plurals


def head(path: Path, plural_header: str) -> str:
    """Return the head of a catalogue: its remarks and own lines as they are, the rest anew."""
    remarks, extra = [], {}
    if path.exists():
        for line in path.read_text().splitlines():
            if not line.startswith("#"):
                break
            remarks.append(line)
        extra = extra_headers(path)
    lines = {
        "Language": path.stem,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": plural_header,
        **extra,
    }
    told = [f'"{key}: {value}\\n"' for key, value in lines.items()]
    return "\n".join([*remarks, 'msgid ""', 'msgstr ""', *told]) + "\n\n"


def tell(path: Path, source: Sequence[Message]) -> None:
    """Print what a catalogue lacks and what is wrong in it."""
    catalog = read(path)
    lacking, wrong = missing(catalog, source), problems(path.stem, catalog, source)
    print(f"{path.stem}: {len(lacking)} of {len(source)} messages missing, {len(wrong)} problems")
    for one in lacking[:MOST_SHOWN]:
        print(f"  missing ({one.files[0]}): {one.singular!r}")
    if len(lacking) > MOST_SHOWN:
        print(f"  and {len(lacking) - MOST_SHOWN} more missing")
    for sentence in wrong:
        print(f"  {sentence}")


def main(arguments: Sequence[str] | None = None, folder: Path = FOLDER) -> int:
    """Do what the arguments ask; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("new", nargs="*", metavar="TAG", help="languages to begin")
    parser.add_argument("--check", action="store_true", help="write nothing")
    asked = parser.parse_args(arguments)
    try:
        for tag in asked.new:
            Locale.parse(tag, sep="-")
        paths = {path.stem: path for path in folder.glob("*.po")}
        paths |= {tag: folder / f"{tag}.po" for tag in asked.new}
        return bring(sorted(paths.values()), write=not asked.check)
    except (SourceError, UnknownLocaleError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2


def bring(paths: Sequence[Path], *, write: bool) -> int:
    """Write or compare the catalogues; 1 when one was not up to date and was not written."""
    source, old = messages(), []
    for path in paths:
        text = updated(path, source)
        if path.exists() and path.read_text() == text:
            pass
        elif write:
            path.write_text(text)
        else:
            old.append(path.stem)
        if path.exists():
            tell(path, source)
    if old:
        print(f"not up to date: {', '.join(old)}; run scripts/update_languages.py")
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
