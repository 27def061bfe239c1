"""What the folders of a raw archive hold, found anew where archive.sta is absent or broken."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from portbook.protocols.reftek import packets
from portbook.protocols.reftek.layouts import SIZE
from portbook.seismic.archive_state import Stream
from portbook.seismic.names import Span, day_ns, read_name
from portbook.seismic.store import ArchiveError
from portbook.seismic.tags import told_rate

_LOOKED_AT = 64  # packets at the begin of a stream's last file: they tell rate and channels
_UNIT = frozenset("0123456789ABCDEF")


def listed(root: Path) -> dict[tuple[str, int], Stream]:
    """Return what each stream has, by names and sizes of its files; nothing of large files is read.

    Raises ArchiveError when a folder cannot be read.
    """
    found: dict[tuple[str, int], Stream] = {}
    latest: dict[tuple[str, int], Span] = {}
    try:
        for key, span, about in (one for day in days(root) for one in files(root, day)):
            one = found.setdefault(key, Stream(*key, span.first_ns, span.end_ns))
            one.earliest_ns = min(one.earliest_ns, span.first_ns)
            one.latest_ns = max(one.latest_ns, span.end_ns)
            one.octets += about.st_size
            latest[key] = max(latest.get(key, span), span)
        for key, span in latest.items():
            _look(root / span.path, found[key])
    except OSError as error:
        raise ArchiveError(
            f"{error.filename}: {error.strerror}; the archive is not read"
        ) from error
    return found


def days(root: Path) -> list[str]:
    """Return the folders of days, YYYYDDD, in order of time."""
    return [name for name in _folders(root) if day_ns(name) is not None]


def files(root: Path, day: str) -> Iterator[tuple[tuple[str, int], Span, os.stat_result]]:
    """Give a day's files that are named as they have to be: unit and place, span, size and time."""
    for unit in _folders(root / day):
        if len(unit) != 4 or not _UNIT.issuperset(unit):
            continue
        for place in _folders(root / day / unit):
            if not place.isdecimal() or int(place) > 100:
                continue
            with os.scandir(root / day / unit / place) as entries:
                for entry in entries:
                    span = read_name(day, f"{unit}/{place}", entry.name)
                    if span and entry.is_file(follow_symlinks=False):
                        yield (unit, int(place)), span, entry.stat()


def earliest(root: Path, day: str, unit: str, place: int) -> int | None:
    """Return when the first file of a stream on a day begins; None when it has none there."""
    below = f"{unit}/{place}"
    try:
        names = os.listdir(root / day / below)
    except (FileNotFoundError, NotADirectoryError):
        return None
    spans = (read_name(day, below, name) for name in sorted(names))  # they begin with their time
    return next((span.first_ns for span in spans if span), None)


def _folders(path: Path) -> list[str]:
    if not path.is_dir():
        return []
    with os.scandir(path) as entries:
        return sorted(one.name for one in entries if one.is_dir() and one.name.isalnum())


def _look(path: Path, stream: Stream) -> None:
    with path.open("rb") as file:
        octets = file.read(_LOOKED_AT * SIZE)
    for at in range(0, len(octets) - SIZE + 1, SIZE):
        packet = packets.read(octets, at)
        if packet is None:
            continue
        if packet.channel is not None:
            stream.channels |= 1 << packet.channel
        elif packet.type in ("EH", "ET"):
            stream.rate_hz = told_rate(packet) or stream.rate_hz
