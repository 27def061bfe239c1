"""Records as daemons write them, in the words of the output contract (docs/output.md)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any

import msgspec

NANO = 1_000_000_000


def document(record: Any) -> Any:
    """Return a record as plain values: times as RFC 3339 UTC, `first_ns` as `first`."""
    if isinstance(record, msgspec.Struct):
        tag = record.__struct_config__.tag
        fields = {name: getattr(record, name) for name in record.__struct_fields__}
        return {**({"kind": tag} if tag else {}), **document(fields)}
    if isinstance(record, Mapping):
        return dict(_named(str(key), value) for key, value in record.items())
    if isinstance(record, list | tuple):
        return [document(one) for one in record]
    return record.value if isinstance(record, Enum) else record


def line(record: Any) -> bytes:
    """Return a record as one line of JSON."""
    return msgspec.json.encode(document(record)) + b"\n"


def rfc3339(time_ns: int) -> str:
    """Return a Unix time in nanoseconds as RFC 3339 UTC with nine decimals."""
    seconds, nanoseconds = divmod(time_ns, NANO)
    return f"{_second(seconds)}.{nanoseconds:09d}Z"


def _named(name: str, value: Any) -> tuple[str, Any]:
    if name.endswith("_ns") and (value is None or isinstance(value, int)):
        return name.removesuffix("_ns"), None if value is None else rfc3339(value)
    return name, document(value)


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return f"@{seconds}"  # a recorder may claim a time that no calendar has
