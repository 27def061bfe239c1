"""All targets, in families: what one word of the command line stands for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module

from fuzz.target import Target

FAMILIES = (  # modules of this folder
    "containers",
    "headers",
    "recognisers",
    "answers",
    "sessions",
    "recordings",
)


@cache
def families() -> Mapping[str, tuple[Target, ...]]:
    """Return the targets of each family."""
    return {name: import_module(f"fuzz.{name}").TARGETS for name in FAMILIES}


def every() -> Mapping[str, Target]:
    """Return all targets by name."""
    return {one.name: one for several in families().values() for one in several}


def chosen(words: list[str]) -> list[Target]:
    """Return the targets that words name, families or targets; no word means all.

    Raises LookupError with the words that are neither.
    """
    strange = [word for word in words if word not in families() and word not in every()]
    if strange:
        raise LookupError(f"no target or family: {', '.join(strange)}")
    found: dict[str, Target] = {}
    for word in words or FAMILIES:
        for one in families()[word] if word in families() else (every()[word],):
            found[one.name] = one
    return list(found.values())
