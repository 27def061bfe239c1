"""Records as the output contract writes them (docs/output.md): JSON documents and JSON lines.

Times become RFC 3339 UTC with nanoseconds, `first_ns` becomes `first`; nothing else is renamed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import groupby, islice
from typing import Any, NamedTuple

import msgspec

from portbook.evidence.folding import Short
from portbook.records import Claim, Listener, Owner


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):  # msgspec writes dict, but not every other mapping
        return dict(value)
    raise NotImplementedError(f"no JSON for {type(value).__name__}")


_encoder = msgspec.json.Encoder(enc_hook=_plain)
_TOGETHER = 512  # listeners that are written at once


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
    owners: tuple[Owner, ...] | msgspec.Raw
    owners_hidden: bool
    uid: int | None
    interface: str | None
    namespace: str | None
    peer: str | None
    inode: int | None
    backlog: int | None
    note: str | None
    site: str
    source: str
    seen: str


class _Owners(NamedTuple):
    """What listeners of the same owners have in common, worked out once."""

    pid: int | None
    program: str | None
    user: str | None
    unit: str | None
    container: str | None
    written: msgspec.Raw


@lru_cache(maxsize=4096)
def _owners(owners: tuple[Owner, ...]) -> _Owners:
    written = msgspec.Raw(_encoder.encode(owners))
    if not owners:
        return _Owners(None, None, None, None, None, written)
    first = owners[0]
    return _Owners(first.pid, first.program, first.user, first.unit, first.container, written)


def _listener(one: Listener, seen: str) -> _ListenerLine:
    pid, program, user, unit, container, written = _owners(one.owners)
    return _ListenerLine(
        one.transport,
        one.address,
        one.port,
        one.scope,
        pid,
        program,
        user or one.user,
        unit or one.unit,
        container or one.container,
        one.state,
        one.family,
        one.claims,
        written,
        one.owners_hidden,
        one.uid,
        one.interface,
        one.namespace,
        one.peer,
        one.inode,
        one.backlog,
        one.note,
        one.site,
        one.source,
        seen,
    )


def document(record: msgspec.Struct) -> dict[str, Any]:
    """Return one record as a JSON-ready object with its `kind` first."""
    if isinstance(record, Listener):
        seen = rfc3339(record.seen_ns)
        unwritten = msgspec.structs.replace(_listener(record, seen), owners=record.owners)
        built: dict[str, Any] = msgspec.to_builtins(unwritten)
        return built
    fields: dict[str, Any] = msgspec.to_builtins(record, enc_hook=_plain)
    if isinstance(record, Claim):
        return _claim(fields)
    for reason in fields.get("reasons", ()):  # of a plan
        if reason["claim"] is not None:
            reason["claim"] = _claim(reason["claim"])
    if "instances" in fields:  # of a device
        fields["instances"] = [_timed(one) for one in fields["instances"]]
    return _timed(fields)


class _Shape(NamedTuple):
    """How records of a type are written that hold nothing with times or names of its own."""

    names: tuple[str, ...]
    times: tuple[int, ...]  # which of the fields are times


@cache
def _shape(kind: type[msgspec.Struct]) -> _Shape | None:
    fields = kind.__struct_fields__
    if kind is Claim or not {"reasons", "instances"}.isdisjoint(fields):
        return None
    names = ("kind", *map(_name, fields))
    return _Shape(names, tuple(at for at, name in enumerate(fields) if name.endswith("_ns")))


def _written(record: msgspec.Struct) -> dict[str, Any]:
    """Return what `document` does, but leave to the encoder what it writes by itself."""
    shape = _shape(type(record))
    if shape is None:
        return document(record)
    values = list(msgspec.structs.astuple(record))
    for at in shape.times:
        values[at] = _value("_ns", values[at])
    return dict(zip(shape.names, (record.__struct_config__.tag, *values), strict=True))


def _timed(fields: dict[str, Any]) -> dict[str, Any]:
    return {_name(key): _value(key, value) for key, value in fields.items()}


def _claim(fields: dict[str, Any]) -> dict[str, Any]:
    first, last = fields.pop("ports")
    kind = fields.pop("kind")
    return {"kind": kind, "first": first, "last": last, **fields}


def _name(key: str) -> str:
    return key[:-3] if key.endswith("_ns") else key


def _value(key: str, value: Any) -> Any:
    if not key.endswith("_ns"):
        return value
    if isinstance(value, (list, tuple)):
        return [rfc3339(one) for one in value]
    return rfc3339(value) if isinstance(value, int) else value


def line(record: msgspec.Struct) -> bytes:
    """Return one record as a line of JSON, line feed included."""
    if isinstance(record, Listener):
        return _encoder.encode(_listener(record, rfc3339(record.seen_ns))) + b"\n"
    return _encoder.encode(_written(record)) + b"\n"


def lines(records: Iterable[msgspec.Struct]) -> Iterator[bytes]:
    """Give records as lines of JSON, many lines at a time where they are listeners."""
    for kind, alike in groupby(records, type):
        if kind is Listener:
            yield from _listener_lines(alike)  # type: ignore[arg-type]
        else:
            yield from map(line, alike)


def _listener_lines(listeners: Iterator[Listener]) -> Iterator[bytes]:
    while some := list(islice(listeners, _TOGETHER)):
        times = {seen_ns: rfc3339(seen_ns) for seen_ns in {one.seen_ns for one in some}}
        yield _encoder.encode_lines([_listener(one, times[one.seen_ns]) for one in some])


def short_lines(source: str, site: str, told: Iterable[Short]) -> bytes:
    """Return conversations as short lines: who, how much, when and in which protocol."""
    tail = _encoder.encode({"site": site, "source": source})[1:-1].decode()
    found = []
    for one in told:
        vlan = "null" if one.vlan is None else one.vlan
        tunnel = f'"{one.tunnel}"' if one.tunnel else "null"
        protocol = f'"{one.protocol}"' if one.protocol else "null"
        sure = f'"{one.confidence.value}"' if one.confidence else "null"
        found.append(
            f'{{"kind":"conversation","transport":"{one.transport.value}",'
            f'"client":"{one.client}","client_port":{one.client_port},'
            f'"server":"{one.server}","server_port":{one.server_port},{tail},'
            f'"vlan":{vlan},"tunnel":{tunnel},"packets":{one.packets},"octets":{one.octets},'
            f'"payload_octets":{one.payload_octets},"first":"{rfc3339(one.first_ns)}",'
            f'"last":"{rfc3339(one.last_ns)}","protocol":{protocol},"confidence":{sure}}}\n'
        )
    return "".join(found).encode()


def one_document(records: Iterable[msgspec.Struct]) -> bytes:
    """Return all records as one JSON object, `{kind: [records]}`, indented for people."""
    return b"".join(in_pieces(records))


def in_pieces(records: Iterable[msgspec.Struct]) -> Iterator[bytes]:
    """Give the object of `one_document` record by record, since there may be a million."""
    kinds: dict[str, list[msgspec.Struct]] = {}
    for record in records:
        kinds.setdefault(str(record.__struct_config__.tag), []).append(record)
    before = b"{"
    for kind, alike in kinds.items():
        yield before + b'\n  "%s": [' % kind.encode()
        between = b"\n    "
        for record in alike:
            written = msgspec.json.format(_encoder.encode(_written(record)), indent=2)
            yield between + written.replace(b"\n", b"\n    ")
            between = b",\n    "
        yield b"\n  ]"
        before = b","
    yield b"\n}\n" if kinds else b"{}\n"
