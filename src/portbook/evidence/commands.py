"""Command lines without the secrets that people put on them.

Anybody on a machine may read a command line, so a password does not belong there; but a report that
is passed on must not carry it further.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

HIDDEN = "***"
_SECRET = (
    r"pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|community|api[-_]?key|auth[-_]?key"
)
# `--password=x`, `DB_PASSWORD=x`, `token:x`, and `--password x`, `-password x`
_JOINED = re.compile(rf"(?i)(?P<name>[\w.-]*(?:{_SECRET})[\w.-]*[=:])(?P<value>.+)\Z", re.DOTALL)
_APART = re.compile(rf"(?i)--?[\w-]*(?:{_SECRET})\Z")
_IN_ADDRESS = re.compile(r"(?P<start>\b[a-z][\w+.-]*://[^\s/:@]*:)[^\s/@]+@", re.IGNORECASE)


def without_secrets(words: Iterable[str]) -> str:
    """Return a command line as one text, with `***` for what a telling option or name stands for.

    words: the arguments as the system keeps them, the program first. An option of one letter
    (`-p`) tells nothing: it may as well be a port.
    """
    return " ".join(_hidden(words)).strip()


def _hidden(words: Iterable[str]) -> Iterator[str]:
    apart = False
    for word in words:
        if apart and not word.startswith("-"):
            yield HIDDEN
        else:
            joined = _JOINED.search(word)
            bare = f"{word[: joined.end('name')]}{HIDDEN}" if joined else word
            yield _IN_ADDRESS.sub(rf"\g<start>{HIDDEN}@", bare)
        apart = bool(_APART.fullmatch(word))
