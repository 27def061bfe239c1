"""Records as the output contract writes them (docs/output.md): JSON documents and JSON lines.

Times become RFC 3339 UTC with nanoseconds, `first_ns` becomes `first`; nothing else is renamed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from portbook.records import Claim, Listener


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):  # msgspec writes dict, but not every other mapping
        return dict(value)
    raise NotImplementedError(f"no JSON for {type(value).__name__}")


_encoder = msgspec.json.Encoder(enc_hook=_plain)


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return f"@{seconds}"  # a capture may claim a time that no calendar has


def rfc3339(time_ns: int) -> str:
    """Return a Unix time in nanoseconds as RFC 3339 UTC with nine decimals."""
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    return f"{_second(seconds)}.{nanoseconds:09d}Z"


class _ListenerLine(msgspec.Struct, tag="listener", tag_field="kind"):
    """A listener in the contract's words; a struct, since a host may have 20,000."""

    transport: str
    address: str
    port: int
    scope: str
    pid: int | None
    program: str | None
    user: str | None
    unit: str | None
    container: str | None
    state: str
    family: str
    claims: tuple[str, ...]
    owners: tuple[Any, ...]
    owners_hidden: bool
    uid: int | None
    interface: str | None
    namespace: str | None
    peer: str | None
    inode: int | None
    site: str
    source: str
    seen: str


def _listener(one: Listener) -> _ListenerLine:
    owner = one.owners[0] if one.owners else None
    return _ListenerLine(
        one.transport.value,
        one.address,
        one.port,
        one.scope.value,
        owner.pid if owner else None,
        owner.program if owner else None,
        (owner.user if owner else None) or one.user,
        (owner.unit if owner else None) or one.unit,
        (owner.container if owner else None) or one.container,
        one.state,
        one.family,
        one.claims,
        one.owners,
        one.owners_hidden,
        one.uid,
        one.interface,
        one.namespace,
        one.peer,
        one.inode,
        one.site,
        one.source,
        rfc3339(one.seen_ns),
    )


def document(record: msgspec.Struct) -> dict[str, Any]:
    """Return one record as a JSON-ready object with its `kind` first."""
    if isinstance(record, Listener):
        built: dict[str, Any] = msgspec.to_builtins(_listener(record))
        return built
    fields: dict[str, Any] = msgspec.to_builtins(record, enc_hook=_plain)
    if isinstance(record, Claim):
        return _claim(fields)
    return {_name(key): _value(key, value) for key, value in fields.items()}


def _claim(fields: dict[str, Any]) -> dict[str, Any]:
    first, last = fields.pop("ports")
    kind = fields.pop("kind")
    return {"kind": kind, "first": first, "last": last, **fields}


def _name(key: str) -> str:
    return key[:-3] if key.endswith("_ns") else key


def _value(key: str, value: Any) -> Any:
    return rfc3339(value) if key.endswith("_ns") and isinstance(value, int) else value


def line(record: msgspec.Struct) -> bytes:
    """Return one record as a line of JSON, line feed included."""
    if isinstance(record, Listener):
        return _encoder.encode(_listener(record)) + b"\n"
    return _encoder.encode(document(record)) + b"\n"


def one_document(records: Iterable[msgspec.Struct]) -> bytes:
    """Return all records as one JSON object, `{kind: [records]}`, indented for people."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        written = document(record)
        kinds.setdefault(written["kind"], []).append(written)
    return msgspec.json.format(_encoder.encode(kinds), indent=2) + b"\n"
