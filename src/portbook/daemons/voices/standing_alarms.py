"""The alarms that stand, in a file, so that a restart neither tells them anew nor forgets them.

What still has to be told is in it too, written before it is told: an end in between tells an
alarm twice rather than never.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from portbook.seismic.alarms import MOST, Alarm

LARGEST_OCTETS = 32 << 20


class Untold(msgspec.Struct, frozen=True):
    """An alarm that waits to be told, and what happened to it: set, cleared or happened."""

    state: str
    alarm: Alarm


class Kept(msgspec.Struct, frozen=True):
    """What the file holds."""

    standing: tuple[Alarm, ...] = ()
    untold: tuple[Untold, ...] = ()


def read(path: Path) -> tuple[Kept, str | None]:
    """Return what a file holds, and what is wrong with it; a wrong one is set aside."""
    try:
        with path.open("rb") as stream:
            octets = stream.read(LARGEST_OCTETS)
        kept = msgspec.json.decode(octets, type=Kept)
    except FileNotFoundError:
        return Kept(), None
    except OSError as error:
        return Kept(), f"{path}: {error.strerror}; alarms that stood are not known"
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        with contextlib.suppress(OSError):
            path.replace(path.with_suffix(".damaged"))
        return Kept(), f"{path}: {error}; it was set aside, alarms that stood are not known"
    return Kept(kept.standing[:MOST], kept.untold[: 2 * MOST]), None


def write(path: Path, standing: Iterable[Alarm], untold: Iterable[Untold]) -> str | None:
    """Replace the file as a whole, safely on disk; return why that failed."""
    octets = msgspec.json.encode(Kept(tuple(standing), tuple(untold)))
    new = path.with_suffix(".new")
    try:
        with new.open("wb") as stream:
            stream.write(octets)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None
