"""A site's own port policy as TOML; it becomes the same rows as the plain form. Pure.

policy = "plant"
title = "Ports of the plant"
prefer = "5000-5009"
otherwise = "no"                # what no row speaks of; level 1 of the plain form

[[row]]
ports = "5000-5099"
transport = "any"               # may be left out, as all but ports and allowed
allowed = "yes"
code = "OURS"
reason = "set aside for our own programs"
"""

from __future__ import annotations

from typing import Any

from portbook.claims.lines import Line
from portbook.claims.toml_text import read_toml, table_lines
from portbook.errors import UsageError

MOST_ROWS = 20_000
_HEAD = ("policy", "title", "vendor", "source", "prefer", "for")
_ROW = ("level", "ports", "transport", "allowed", "code", "owner", "what", "role", "reason")
_LOCAL = ("ports", "transport", "service", "note")
_ANSWERS = {"yes": "yes", "no": "no", "true": "yes", "false": "no"}


def toml_lines(text: str, where: str) -> list[Line]:
    """Return a policy's lines in the plain form; raises UsageError with file and line."""
    document = read_toml(text, where)
    found = [Line(1, key, _fields(document.pop(key))) for key in _HEAD if key in document]
    otherwise = document.pop("otherwise", None)
    level = 1 if otherwise is None else 2
    if otherwise is not None:
        answer = _answer(otherwise, where)
        code = "OK_OTHERWISE" if answer == "yes" else "NO_OTHERWISE"
        why = "no row of the policy speaks of it"
        rest = ("1", "0-65535", "any", answer, code, "", "", "", why)
        found.append(Line(1, "row", rest))
    places = table_lines(text)
    for name, keys in (("row", _ROW), ("local", _LOCAL)):
        tables = document.pop(name, [])
        if not isinstance(tables, list) or len(tables) > MOST_ROWS:
            raise UsageError(f"{where}: write at most {MOST_ROWS} tables [[{name}]]")
        for at, table in enumerate(tables):
            lines = places.get(name, ())
            number = lines[at] if at < len(lines) else 1
            found.append(_line(table, name, keys, number, level, f"{where}, line {number}"))
    if document:
        known = ", ".join((*_HEAD, "otherwise", "[[row]]", "[[local]]"))
        raise UsageError(f"{where}: no such key: {next(iter(document))!r}; known: {known}")
    return found


def _line(
    table: Any, name: str, keys: tuple[str, ...], number: int, level: int, place: str
) -> Line:
    if not isinstance(table, dict):
        raise UsageError(f"{place}: write a table [[{name}]]")
    odd = next((key for key in table if key not in keys), None)
    if odd is not None:
        raise UsageError(f"{place}: no such key: {odd!r}; known: {', '.join(keys)}")
    told = {"transport": "any", **table}
    if name == "row":
        answer = _answer(told.get("allowed", ""), place)
        usual = {"level": level, "code": "OURS" if answer == "yes" else "NOT_OURS"}
        told = {**usual, **told, "allowed": answer}
    return Line(number, name, tuple(", ".join(_fields(told.get(key, ""))) for key in keys))


def _answer(told: Any, place: str) -> str:
    answer = _ANSWERS.get(str(told).lower())
    if answer is None:
        raise UsageError(f'{place}: allowed is "yes" or "no", got {str(told)[:40]!r}')
    return answer


def _fields(value: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else (str(value),)
