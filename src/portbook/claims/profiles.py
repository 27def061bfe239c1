"""What protocols declare, without loading them: usual ports, notes, programs.

Loading some forty modules takes a third of the time in which `portbook 1743` answers. So their
profiles are kept beside their compiled files, as Python keeps those, and hold as long as every
file that they come from has the size and time that it had; else the modules are asked anew.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache

import msgspec

from portbook import protocols, records
from portbook.protocols import Profile

LARGEST_OCTETS = 4 << 20

Stamp = tuple[tuple[str, int, int], ...]  # file, size in octets, time of change in nanoseconds


class Kept(msgspec.Struct, frozen=True):
    """Profiles, and the files that they come from."""

    stamp: Stamp
    profiles: tuple[Profile, ...]


@cache
def profiles() -> Mapping[str, Profile]:
    """Return the profiles of all protocols by name, in the order of their names."""
    cached = protocols.__spec__.cached if protocols.__spec__ else None
    place = os.path.join(os.path.dirname(cached), _name()) if cached else None
    told = profiles_kept(place, sources())
    return {one.name: one for one in told}


def profiles_kept(place: str | None, stamp: Stamp) -> tuple[Profile, ...]:
    """Return what is kept in a file when it holds for the stamp; else ask, and keep the answer.

    place: None: nowhere; a file that cannot be read or written is no failure
    """
    kept = _read(place) if place and stamp else None
    if kept is not None and kept.stamp == stamp:
        return kept.profiles
    told = tuple(one.profile for one in protocols.protocols().values())
    if place and stamp and not sys.dont_write_bytecode:
        _write(place, Kept(stamp, told))
    return told


def sources() -> Stamp:
    """Return which files the profiles come from; none where the modules are no plain files."""
    home = os.path.dirname(protocols.__file__ or "")
    shared = (os.path.dirname(records.__file__), home)
    try:
        files = [entry for folder in shared for entry in _modules(folder, deep=folder == home)]
    except OSError:
        return ()
    return tuple(sorted(files))


def _modules(folder: str, *, deep: bool) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".py"):
                told = entry.stat()
                yield entry.path, told.st_size, told.st_mtime_ns
            elif deep and entry.name != "__pycache__" and entry.is_dir():
                yield from _modules(entry.path, deep=True)


def _name() -> str:
    return f"profiles.{sys.implementation.cache_tag}.json"


def _read(place: str) -> Kept | None:
    try:
        with open(place, "rb") as stream:
            return msgspec.json.decode(stream.read(LARGEST_OCTETS), type=Kept)
    except (OSError, msgspec.DecodeError):
        return None


def _write(place: str, kept: Kept) -> None:
    from portbook.claims.whole import write_whole

    with contextlib.suppress(OSError):  # a folder that is not ours to write
        write_whole(place, msgspec.json.encode(kept))
