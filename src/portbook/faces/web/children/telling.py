"""What children and the server say to each other: lines of JSON on the child's standard output."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from portbook.faces.web.children.bounds import ORPHAN
from portbook.records import LOCAL_SITE, Summary

READ, PARTLY, NOTHING_READ, TOO_LARGE = 0, 3, 4, 5  # exit codes
LONGEST_LINE = 64 << 10  # octets
_LONGEST_TEXT = 2_000


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line.

    step: what it is at: "reading", "naming", "writing", "listening"
    done: 0 to 1, of the whole work; changed: kinds of records of which there are new ones
    problem: what went wrong, in words that say what to do; summary: how much it is so far
    """

    step: str | None = None
    done: float | None = None
    changed: tuple[str, ...] = ()
    problem: str | None = None
    summary: Summary | None = None


def say(**told: Any) -> None:
    """Write a line; leave when nobody reads any more."""
    if told.get("problem"):
        told["problem"] = _text(told["problem"])
    try:
        sys.stdout.buffer.write(msgspec.json.encode(Said(**told)) + b"\n")
        sys.stdout.buffer.flush()
    except OSError:
        _alone()


def understood(line: bytes) -> Said | None:
    """Return what a line says, None when it is none of ours: the child may be out of its mind."""
    try:
        said = msgspec.json.decode(line, type=Said)
    except msgspec.MsgspecError:
        return None
    if said.done is not None and not 0 <= said.done <= 1:
        return None
    return said


def _text(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()[:_LONGEST_TEXT]


def _alone() -> NoReturn:
    os._exit(ORPHAN)


def arguments(name: str, what: str) -> argparse.ArgumentParser:
    """Return a parser of what all children are told."""
    parser = argparse.ArgumentParser(prog=name, description=what)
    parser.add_argument("--book", type=Path, help="whose accepted findings are marked")
    parser.add_argument("--keep", action="store_true", help="write in the book too")
    parser.add_argument("--site", default=LOCAL_SITE)
    parser.add_argument("--policy", help="that findings are judged by")
    parser.add_argument("--bounds", default="{}", help="JSON: memory, file, seconds")
    parser.add_argument("--parent", type=int, default=os.getppid(), help="end when it does")
    return parser
