"""Which ports operating systems lend to clients by default, each with its source.

The ranges that they refuse to bind are claims of the kind os-excluded (documented.txt): they
differ from machine to machine, so that only examples are known. Pure: `loading` reads the file.
"""

from __future__ import annotations

import msgspec

from portbook.claims.lines import lines, ranges
from portbook.errors import UsageError
from portbook.ports import PortRange
from portbook.records import Source


class System(msgspec.Struct, frozen=True):
    """An operating system and what it lends."""

    name: str  # "linux", "windows", "macos"
    title: str
    ephemeral: PortRange
    source: Source


def parse_systems(text: str, where: str = "systems") -> tuple[System, ...]:
    """Read the table; raises UsageError with file and line for a row without a source."""
    found = []
    for line in lines(text, where):
        place = f"{where}, line {line.number}"
        if line.key != "system" or len(line.fields) != 5 or not line.fields[3]:
            raise UsageError(f"{place}: write `system: NAME | title | ports | source | where`")
        name, title, ports, source, at = line.fields
        found += [
            System(name, title, span, Source(source, None, at or None))
            for span in ranges(ports, place)
        ]
    return tuple(found)
