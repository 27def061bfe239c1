"""What the web interface says: the messages of its templates and modules, for translators.

Nothing at run time needs this; scripts/update_languages.py and the tests of the catalogues do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from babel.messages.extract import extract, extract_python
from jinja2.ext import babel_extract

from portbook.errors import SourceError
from portbook.faces.languages.catalogues import FOLDER

WEB = FOLDER.parent / "web"
COMMENT_TAG = "Translators:"
_KEYWORDS: dict[str, Any] = {
    "_": None,
    "N_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
# As faces/web/rendering.py has them: they decide what a `{% trans %}` block's message is.
_TEMPLATES = {
    "extensions": "jinja2.ext.i18n",
    "newstyle_gettext": "true",
    "trimmed": "true",
    "trim_blocks": "true",
    "lstrip_blocks": "true",
    "silent": "false",
}
_READERS: dict[str, tuple[Callable[..., Any], dict[str, str]]] = {
    ".html": (babel_extract, _TEMPLATES),
    ".py": (extract_python, {}),
}


class Message(NamedTuple):
    """A message of the interface.

    context: what tells it from another that reads the same in English; None: there is none such
    plural: its plural; None: it has none
    files: where it stands, below faces/web, in the order of their names
    comments: what the author tells translators
    """

    context: str | None
    singular: str
    plural: str | None
    files: tuple[str, ...]
    comments: tuple[str, ...]

    @property
    def key(self) -> tuple[str | None, str]:
        """What a catalogue has it by."""
        return self.context, self.singular

    @property
    def sources(self) -> tuple[str, ...]:
        """The English forms, one or two."""
        return (self.singular,) if self.plural is None else (self.singular, self.plural)


def messages(folder: Path = WEB) -> tuple[Message, ...]:
    """Return all messages of the files below a folder, by first file, then message.

    Raises SourceError for a template that cannot be parsed, and for a message that is written
    with two different plurals: a catalogue can hold only one.
    """
    found: dict[tuple[str | None, str], Message] = {}
    for path in sorted(one for one in folder.rglob("*") if one.suffix in _READERS):
        name = path.relative_to(folder).as_posix()
        for one in _of(path, name):
            found[one.key] = _merged(found.get(one.key), one)
    return tuple(
        sorted(found.values(), key=lambda one: (one.files[0], one.singular, one.context or ""))
    )


def _of(path: Path, name: str) -> Iterator[Message]:
    method, options = _READERS[path.suffix]
    try:
        with path.open("rb") as stream:
            told = list(
                extract(method, stream, _KEYWORDS, (COMMENT_TAG,), options, strip_comment_tags=True)
            )
    except Exception as error:  # Jinja's and Python's own; each names the line
        line = getattr(error, "lineno", None)
        where = f"{path} line {line}" if line else f"{path}"
        raise SourceError(f"{where}: its messages cannot be read: {error}") from error
    for _, message, comments, context in told:
        forms = (message,) if isinstance(message, str) else tuple(message)
        plural = forms[1] if len(forms) > 1 else None
        said = tuple(text for one in comments if (text := one.strip()))
        yield Message(context, forms[0], plural, (name,), said)


def _merged(before: Message | None, one: Message) -> Message:
    if before is None:
        return one
    plurals = {form for form in (before.plural, one.plural) if form is not None}
    if len(plurals) > 1:
        raise SourceError(
            f"{before.files[0]} and {one.files[0]}: {one.singular!r} has two plurals, "
            f"{before.plural!r} and {one.plural!r}; write one, or give one of them a context"
        )
    files = (*before.files, *(name for name in one.files if name not in before.files))
    comments = (*before.comments, *(text for text in one.comments if text not in before.comments))
    return Message(one.context, one.singular, min(plurals, default=None), files, comments)
