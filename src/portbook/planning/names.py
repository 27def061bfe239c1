"""Whether the words of a use name a service: "Modbus to the boiler" names Modbus/TCP."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_WORD = re.compile(r"[a-z0-9]+")
# Words that name no service when they stand alone.
_GENERIC = frozenset(
    {
        "port", "ports", "server", "client", "host", "use", "service", "system", "data",
        "control", "controller", "plc", "tcp", "udp", "chart", "charts", "program", "own",
        "peer", "internal", "reserved", "future", "io", "unit", "module", "engineering",
        "network", "the", "for", "of", "and", "to", "a", "an", "in", "on", "at", "by", "with",
        "from", "plant", "line", "test", "web", "remote", "default", "protocol", "message",
        "messages", "dynamic", "registered", "nobody", "everybody",
    }
)  # fmt: skip
_SHORTEST = 3


def names_it(use: str, names: Iterable[str]) -> bool:
    """Tell whether a use names one of these services: by its whole name, or by a telling word."""
    said = _words(use)
    return bool(said) and any(_is_named(use, name) for name in names if name)


@lru_cache(maxsize=65_536)
def _is_named(use: str, name: str) -> bool:
    said, named = _words(use), _words(name)
    if not named:
        return False
    if "".join(named) in "".join(said) and len("".join(named)) >= _SHORTEST:
        return not _GENERIC.issuperset(named)
    telling = {word for word in named if len(word) >= _SHORTEST} - _GENERIC
    return bool(telling.intersection(said))


@lru_cache(maxsize=65_536)
def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.casefold()))
