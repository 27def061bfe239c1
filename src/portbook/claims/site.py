"""The site's own claims, in one TOML file that people may edit by hand too.

    [[claim]]
    ports = "5000-5010/tcp"        # or a list of such texts
    claimant = "press line"
    protocol = "modbus"            # these four may be left out
    title = "operator panels"
    note = "agreed with production"
    date = "2026-01-15"

Texts in, texts out; `load_site` and `change_site` touch the file. Comments and order survive.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from portbook.claims.profiles import profiles
from portbook.claims.whole import write_whole
from portbook.errors import SourceError, UsageError
from portbook.ports import PortRange, Transport, parse_range
from portbook.records import Claim, ClaimKind, Source

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

LARGEST_OCTETS = 4 << 20
_KEYS = ("ports", "claimant", "protocol", "title", "note", "date")
_TABLE = re.compile(r"^\s*\[\[\s*claim\s*\]\]", re.MULTILINE)


def parse_site(text: str, where: str = "site claims") -> tuple[Claim, ...]:
    """Read the claims; raises UsageError with file and line."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        last = text.count("\n") + 1
        told = str(error).replace("at end of document", f"at line {last}, the last")
        raise UsageError(f"{where}: {told}; it must be TOML") from error
    tables = document.pop("claim", [])
    if document or not isinstance(tables, list):
        odd = next(iter(document), "claim")
        raise UsageError(
            f"{where}, line {_line_of(text, odd)}: write [[claim]] tables, not {odd!r}"
        )
    lines = [text.count("\n", 0, match.end()) + 1 for match in _TABLE.finditer(text)]
    claims: list[Claim] = []
    for place, table in enumerate(tables):
        at = f", line {lines[place]}" if place < len(lines) else f", claim {place + 1}"
        claims += _read(table, where, f"{where}{at}")
    return tuple(claims)


def add_claim(
    text: str,
    ports: str,
    claimant: str,
    *,
    protocol: str | None = None,
    title: str | None = None,
    note: str | None = None,
    date: str | None = None,
    where: str = "site claims",
) -> str:
    """Return the text with one claim more; raises UsageError when it is there or cannot be."""
    import tomlkit

    before = parse_site(text, where)
    table = tomlkit.table()
    told = (ports.strip(), claimant.strip(), protocol, title, note, date)
    for key, value in zip(_KEYS, told, strict=True):
        if value:
            table.add(key, value)
    for claim in _read(table.unwrap(), where, f"{ports} for {claimant}"):
        if any(_alike(claim, other) for other in before):
            raise UsageError(f"{where}: {ports} is claimed for {claimant} already")
    document = _document(text)
    tables = document.get("claim")
    if tables is None:
        tables = tomlkit.aot()
        document.add("claim", tables)
    if before:
        tables[-1].add(tomlkit.nl())
    tables.append(table)
    return tomlkit.dumps(document)


def remove_claim(
    text: str, ports: str, claimant: str | None = None, *, where: str = "site claims"
) -> tuple[str, int]:
    """Return the text without the claims on exactly these ports, and how many went.

    ports: "1743", which stands for both transports, or "1743/udp"; claimant: None: whoever
    Raises UsageError when there is none.
    """
    import tomlkit

    numbers, transport = parse_range(ports)
    document = _document(text)
    parse_site(text, where)
    tables = document.get("claim") or []
    going = [
        place
        for place, table in enumerate(tables)
        if claimant in (None, table.get("claimant"))
        and any(_meant(written, numbers, transport) for written in _texts(table.unwrap()))
    ]
    if not going:
        whose = f" by {claimant}" if claimant else ""
        raise UsageError(f"{where}: no claim{whose} on {ports}; see: portbook claim list")
    whole = []
    for place in going:
        texts = _texts(tables[place].unwrap())
        left = [one for one in texts if not _meant(one, numbers, transport)]
        if left:
            tables[place]["ports"] = left if len(left) > 1 else left[0]
        else:
            whole.append(place)
    return _without(tomlkit.dumps(document), whole, where), len(going)


def load_site(path: str | os.PathLike[str]) -> tuple[Claim, ...]:
    """Read a site's file; no file is no claim. Raises SourceError or UsageError."""
    return parse_site(_read_text(os.fspath(path)), os.fspath(path))


def change_site(path: str | os.PathLike[str], change: Callable[[str], str]) -> None:
    """Read the file, change its text, write it whole; it is made when it is not there.

    Raises SourceError when it cannot be written; what stood there then stands there still.
    """
    where = os.fspath(path)
    text = change(_read_text(where))
    parse_site(text, where)
    try:
        write_whole(where, text.encode())
    except OSError as error:
        raise SourceError(f"{where}: {error.strerror or error}; nothing was changed") from error


def _read(table: Any, where: str, place: str) -> list[Claim]:
    if not isinstance(table, Mapping):
        raise UsageError(f"{place}: a claim is a table [[claim]]")
    for key, value in table.items():
        if key not in _KEYS:
            raise UsageError(f"{place}: no such key: {key!r}; known: {', '.join(_KEYS)}")
        if key not in ("ports", "date") and not isinstance(value, str):
            raise UsageError(f"{place}: {key} must be a text in quotes")
    claimant = table.get("claimant", "").strip()
    texts = _texts(table)
    if not claimant or not texts:
        raise UsageError(f'{place}: a claim needs ports = "1743/udp" and claimant = "..."')
    protocol = table.get("protocol")
    if protocol is not None and protocol not in profiles():
        raise UsageError(
            f"{place}: no such protocol: {protocol!r}; known: {', '.join(sorted(profiles()))}"
        )
    source = Source(f"the site's own claims, {where}", str(table.get("date") or "") or None)
    claims = []
    for text in texts:
        try:
            numbers, transport = parse_range(text)
        except UsageError as error:
            raise UsageError(f"{place}: {error}") from None
        claims.append(
            Claim(
                ports=numbers,
                transport=transport,
                claimant=claimant,
                claim=ClaimKind.SITE,
                source=source,
                confidence="one source",
                title=table.get("title"),
                note=table.get("note"),
                protocol=protocol,
            )
        )
    return claims


def _texts(table: Mapping[str, Any]) -> list[str]:
    told = table.get("ports", [])
    return [str(one) for one in (told if isinstance(told, list) else [told])]


def _meant(written: str, numbers: PortRange, transport: Transport | None) -> bool:
    there, spoken = parse_range(written)
    return there == numbers and transport in (None, spoken)


def _alike(one: Claim, other: Claim) -> bool:
    return (one.ports, one.transport, one.claimant) == (
        other.ports,
        other.transport,
        other.claimant,
    )


def _without(text: str, places: list[int], where: str) -> str:
    """Cut whole tables out, but no comment that stands above the next one."""
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if _TABLE.match(line)]
    remaining = len(tomllib.loads(text).get("claim", [])) - len(places)
    for place in reversed(places):
        if place >= len(starts):
            raise UsageError(f"{where}: its claims are no [[claim]] tables; edit it by hand")
        end = starts[place + 1] if place + 1 < len(starts) else len(lines)
        while lines[end - 1].strip() == "" or lines[end - 1].lstrip().startswith("#"):
            end -= 1
        del lines[starts[place] : end]
    shorter = "\n".join(lines)
    if len(tomllib.loads(shorter).get("claim", [])) != remaining:
        raise UsageError(f"{where}: written in a way that cannot be edited here; edit it by hand")
    return shorter


def _line_of(text: str, key: str) -> int:
    match = re.search(rf"^\s*\[*\s*[\"']?{re.escape(key)}", text, re.MULTILINE)
    return text.count("\n", 0, match.end() if match else 0) + 1


def _document(text: str) -> TOMLDocument:
    import tomlkit

    return tomlkit.parse(text)


def _read_text(where: str) -> str:
    try:
        with open(where, "rb") as stream:
            octets = stream.read(LARGEST_OCTETS + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise SourceError(f"{where}: {error.strerror}; the site's claims are not read") from error
    if len(octets) > LARGEST_OCTETS:
        raise SourceError(f"{where}: larger than a file of claims can be")
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{where}: not UTF-8 text at octet {error.start}") from error
