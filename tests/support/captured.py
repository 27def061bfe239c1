"""Captures of our own making on their way through the whole path."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from portbook.emulators import plant
from portbook.emulators.frames import Frame, Host, pcap
from portbook.survey import traffic
from portbook.survey.story import Story
from support.knowing import NOW_NS, knowledge

ONE = Host("10.30.0.1", "02:00:00:00:30:01")
TWO = Host("10.30.0.2", "02:00:00:00:30:02")
THREE = Host("10.30.0.3", "02:00:00:00:30:03")


def told(path: Path, frames: Iterable[Frame] | bytes, name: str = "own.pcap", **more: Any) -> Story:
    """Write frames, or the octets of a capture, to a file of that name and read it."""
    octets = frames if isinstance(frames, bytes) else pcap(ordered(frames))
    (path / name).write_bytes(octets)
    return read(path / name, **more)


def read(*names: object, **more: Any) -> Story:
    """Read captures with the shipped knowledge."""
    known = more.pop("knowledge", None) or knowledge()
    return traffic.read(map(str, names), known, now_ns=NOW_NS, **more)


def ordered(frames: Iterable[Frame]) -> list[Frame]:
    """Return frames in the order of their times."""
    return sorted(frames, key=lambda frame: frame.time_ns)


@cache
def demo() -> bytes:
    """Return the demo's capture."""
    return plant.capture()
