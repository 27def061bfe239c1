"""Findings on files as SARIF 2.1.0, which editors and code hosts show beside the line.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0, sections 3.13 log,
3.14 run, 3.18 tool, 3.19 tool component, 3.27 result, 3.28 location, 3.49 reporting descriptor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from portbook import __version__
from portbook.records import Level

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


class Rule(msgspec.Struct, frozen=True):
    """What a code means, for whoever reads it beside a line."""

    code: str
    short: str
    full: str


class Result(msgspec.Struct, frozen=True):
    """One thing that is said of a place in a file."""

    code: str
    level: Level
    message: str
    file: str | None  # as it was named; "-" is standard input; None: it is about no file
    line: int | None = None  # from 1
    facts: Mapping[str, Any] = {}
    accepted: str | None = None  # why it is known and left standing


def sarif(results: Sequence[Result], rules: Iterable[Rule]) -> bytes:
    """Return one log with one run; rules that no result names are left out."""
    told = {one.code: one for one in rules}
    used = sorted({one.code for one in results})
    index = {code: at for at, code in enumerate(used)}
    driver = {
        "name": "portbook",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_descriptor(told.get(code) or Rule(code, code, code), results) for code in used],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True}],
        "artifacts": [{"location": {"uri": uri(file)}} for file in _files(results)],
        "results": [_result(one, index) for one in results],
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(log), indent=2) + b"\n"


def uri(file: str) -> str:
    """Return a file's name as a URI reference (RFC 3986); standard input is `stdin`."""
    if file == "-":
        return "stdin"
    plain = file.replace("\\", "/").encode("utf-8", "surrogateescape")
    told = quote(plain, safe="/~!$&'()*+,;=@:")
    if told[1:3] == ":/":  # a drive of Windows
        return f"file:///{told}"
    if told.startswith("/"):
        return f"file://{told}"
    # A colon in the first part would make it a scheme (section 4.2).
    return f"./{told}" if ":" in told.split("/", 1)[0] else told


def _files(results: Iterable[Result]) -> list[str]:
    return list(dict.fromkeys(one.file for one in results if one.file is not None))


def _descriptor(rule: Rule, results: Iterable[Result]) -> dict[str, Any]:
    worst = max(
        (one.level for one in results if one.code == rule.code),
        key=lambda level: level.rank,
        default=Level.WARNING,
    )
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.code.replace("-", "_").split("_")),
        "shortDescription": {"text": rule.short},
        "fullDescription": {"text": rule.full},
        "help": {"text": rule.full},
        "defaultConfiguration": {"level": worst.value},
    }


def _result(one: Result, index: Mapping[str, int]) -> dict[str, Any]:
    # Stable while the plan only moves: the line is no part of it (section 3.27.17).
    same = "\n".join((one.code, one.file or "", *map(str, one.facts.values())))
    told: dict[str, Any] = {
        "ruleId": one.code,
        "ruleIndex": index[one.code],
        "level": one.level.value,
        "message": {"text": one.message},
        "partialFingerprints": {"portbook/v1": hashlib.sha256(same.encode()).hexdigest()[:32]},
        "properties": {key: value for key, value in one.facts.items() if value is not None},
    }
    if one.file is not None:
        told["locations"] = [{"physicalLocation": _place(one.file, one.line)}]
    if one.accepted is not None:
        told["suppressions"] = [{"kind": "external", "justification": one.accepted}]
    return told


def _place(file: str, line: int | None) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": uri(file)}}
    if line is not None:
        place["region"] = {"startLine": max(1, line)}
    return place
