"""The reference of the receiver's settings, made of the types that hold them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from portbook.daemons.configuration.settings import (
    Changes,
    DataLink,
    Settings,
    Table,
    Unit,
    Upstream,
)

WIDTH = 100
HEAD = """Settings of `portbook rtpd`, the REF TEK receiver: every key, with its default.

Units stand in brackets. What has a [reload] mark takes effect on SIGHUP, the rest when the
receiver starts again; under `portbook rtpid` that loses no packet either."""
EXAMPLES: Mapping[str, tuple[str, type[Table]]] = {  # commented out: by default there is none
    "upstream": ("[[upstream]]", Upstream),
    "unit": ("[unit.AE4C]", Unit),
    "datalink": ("[[datalink]]", DataLink),
}


class Key(NamedTuple):
    """What a key is: its name with its tables, shape in words, unit, meaning and default."""

    name: str
    shape: str
    unit: str
    meaning: str
    default: Any
    reload: bool
    example: str
    below: Mapping[str, Key]


def keys() -> Iterator[Key]:
    """Give every key of the file, `archive.keep_days` as one is called."""
    return _leaves(keys_of(Settings))


@lru_cache(maxsize=16)
def keys_of(kind: type[Table], path: str = "") -> Mapping[str, Key]:
    """Return the keys of a table by their names in it."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return {field.name: _key(field, f"{path}{field.name}") for field in info.fields}


def text() -> str:
    """Return a settings file with every key; read as it is, it says the defaults."""
    lines = [*_comment(HEAD), ""]
    tables: list[str] = []
    for name, key in keys_of(Settings).items():
        if not key.below:
            lines += _shown(name, key)
        else:
            tables += _table(name, key)
    return "\n".join([*lines, *tables]) + "\n"


def changes(old: Settings, new: Settings) -> Changes:
    """Return the keys that differ: those that take effect on reload, and the others."""
    now: list[str] = []
    restart: list[str] = []
    for name, key in keys_of(Settings).items():
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        if name == "unit":
            now += sorted(
                f"unit.{unit}"
                for unit in before.keys() | after.keys()
                if before.get(unit) != after.get(unit)
            )
        elif isinstance(before, tuple) or not key.below:
            fresh = all(one.reload for one in key.below.values()) if key.below else key.reload
            (now if fresh else restart).append(name)
        else:
            for one in key.below.values():
                part = one.name.rpartition(".")[2]
                if getattr(before, part) != getattr(after, part):
                    (now if one.reload else restart).append(one.name)
    return Changes(tuple(now), tuple(restart))


def _leaves(those: Mapping[str, Key]) -> Iterator[Key]:
    for key in those.values():
        if key.below:
            yield from _leaves(key.below)
        else:
            yield key


def _key(field: inspect.Field, name: str) -> Key:
    kind, about, meaning = field.type, {}, ""
    if isinstance(kind, inspect.Metadata):
        about = kind.extra or {}
        meaning = str((kind.extra_json_schema or {}).get("description", ""))
        kind = kind.type
    default = field.default
    if default is msgspec.NODEFAULT:
        factory = field.default_factory
        default = factory() if factory is not msgspec.NODEFAULT else None
    table = _table_of(kind)
    return Key(
        name,
        _shape(kind, about.get("unit", "")),
        about.get("unit", ""),
        meaning,
        default,
        about.get("reload", False),
        about.get("example", ""),
        keys_of(table, f"{name}.") if table else {},
    )


def _table_of(kind: inspect.Type) -> type[Table] | None:
    if isinstance(kind, inspect.VarTupleType):
        kind = kind.item_type
    if isinstance(kind, inspect.DictType):
        kind = kind.value_type
    if isinstance(kind, inspect.StructType) and issubclass(kind.cls, Table):
        return kind.cls
    return None


def _shape(kind: inspect.Type, unit: str) -> str:
    """Return a type in words: `a number from 1 to 10 (s)`."""
    words = {
        inspect.StrType: "a text",
        inspect.BoolType: "true or false",
        inspect.StructType: "a table",
    }
    if isinstance(kind, inspect.VarTupleType):
        inner = _shape(kind.item_type, "").removeprefix("a ")
        said = "tables [[...]]" if inner == "table" else f"a list of {inner}s"
    elif isinstance(kind, inspect.DictType):
        said = f"a table of numbered keys, each {_shape(kind.value_type, '')}"
    elif isinstance(kind, inspect.IntType | inspect.FloatType):
        said = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
        if kind.ge is not None:
            said += f" from {_plain(kind.ge)}" + (f" to {_plain(kind.le)}" if kind.le else " up")
    else:
        said = words.get(type(kind), "something else")
    return f"{said} ({unit})" if unit else said


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)


def _comment(words: str) -> list[str]:
    lines: list[str] = []
    for part in words.split("\n\n"):
        folded = textwrap.wrap(" ".join(part.split()), WIDTH - 2, break_on_hyphens=False)
        lines += [*(["#"] if lines else []), *(f"# {line}" for line in folded)]
    return lines


def _table(name: str, key: Key) -> list[str]:
    head, kind = EXAMPLES.get(name, (f"[{name}]", type(key.default)))
    off = "# " if name in EXAMPLES else ""
    lines = ["", *_comment(kind.__doc__ or ""), f"{off}{head}"]
    for below in key.below.values():
        lines += _shown(below.name.rpartition(".")[2], below, off)
    return lines


def _shown(name: str, key: Key, off: str = "") -> list[str]:
    """Return a key's lines: what it means, then its default or, in an example, a good value."""
    value = _toml(key.default)
    if off and key.example:
        value = key.example
    if isinstance(key.default, dict):  # of a unit: by stream
        name = f"{name}.1"
    unit = f" [{key.unit}]" if key.unit else ""
    example = f"; for example {key.example}" if key.example and not off else ""
    mark = " [reload]" if key.reload else ""
    return [*_comment(f"{key.meaning}{unit}{example}{mark}"), f"{off}{name} = {value}"]


def _toml(value: Any) -> str:
    """Return a value as TOML; ours are as JSON is, but for numbers such as 2.0."""
    return msgspec.json.encode(value).decode()
