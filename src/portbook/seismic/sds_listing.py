"""What an SDS tree holds: the day files whose names fit their folders, and nothing else.

ROOT/YEAR/NET/STA/CHAN.D/NET.STA.LOC.CHAN.D.YEAR.DAY. Source: SeisComP, SDS.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from portbook.seismic.names import DAY_NS, day_ns

_YEAR = re.compile(r"\d{4}\Z", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9]{1,5}\Z")
_CHANNEL = re.compile(r"[A-Za-z0-9]{3}\.D\Z")
_LEVELS = (_YEAR, _CODE, _CODE, _CHANNEL)


def folders(root: Path) -> Iterator[str]:
    """Give the folders of channels, YEAR/NET/STA/CHAN.D, in order of the years."""
    yield from _below(root, "", _LEVELS)


def files(root: Path, where: str) -> Iterator[tuple[int, str, os.stat_result]]:
    """Give the day files of a channel's folder: day since 1970, path, size and time."""
    year, network, station, channel = where.split("/")
    begin, end = f"{network}.{station}.", f".{channel}.{year}."
    with os.scandir(root / where) as entries:
        for entry in entries:
            name = entry.name
            middle = name[len(begin) : -len(end) - 3]
            if name != f"{begin}{middle}{end}{name[-3:]}" or (middle and not _CODE.match(middle)):
                continue
            begins_ns = day_ns(year + name[-3:])
            if begins_ns is not None and entry.is_file(follow_symlinks=False):
                yield begins_ns // DAY_NS, f"{where}/{name}", entry.stat()


def _below(root: Path, where: str, levels: tuple[re.Pattern[str], ...]) -> Iterator[str]:
    if not levels:
        yield where.lstrip("/")
        return
    with os.scandir(f"{root}{where}") as entries:
        names = sorted(one.name for one in entries if levels[0].match(one.name) and one.is_dir())
    for name in names:
        yield from _below(root, f"{where}/{name}", levels[1:])
