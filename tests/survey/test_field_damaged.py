"""Real captures cut anywhere, damaged anywhere, and those that were published as malformed.

Nothing of it may raise, run away or be silent: what stands before the damage is told, and the
damage is told in one line.
"""

from __future__ import annotations

import gzip
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import CAPTURES, field, needs_captures
from support.field import DAMAGED
from support.knowing import NOW_NS, knowledge
from support.moving import frames
from support.program import portbook

from portbook.survey import traffic
from portbook.survey.story import Story

pytestmark = [pytest.mark.shared, needs_captures]

SMALL = 4096
PREFIXES = 32  # of one capture, beside the ends of its records
PLAIN = (  # pcap of version 2.4: before it the two lengths of a record stood the other way round
    b"\xd4\xc3\xb2\xa1\2\0\4\0",
    b"\x4d\x3c\xb2\xa1\2\0\4\0",
    b"\xa1\xb2\xc3\xd4\0\2\0\4",
    b"\xa1\xb2\x3c\x4d\0\2\0\4",
)


def _small() -> list[str]:
    return [name for name in field.rows() if (CAPTURES / name).stat().st_size <= SMALL]


def _read(path: Path) -> Story:
    return traffic.read([str(path)], knowledge(), now_ns=NOW_NS)


def _lengths(octets: bytes) -> list[int]:
    """Return where to cut: at the ends of records and beside them, and evenly in between."""
    ends = [at + size for at, size, _ in frames(octets)][:12]
    near = {end + step for end in ends for step in (-1, 0, 1)}
    even = range(0, len(octets), max(1, len(octets) // PREFIXES))
    return sorted({*near, *even, *range(30), len(octets)} & {*range(len(octets) + 1)})


@pytest.mark.parametrize("name", _small())
def test_every_prefix_tells_what_stands_before_the_cut(name: str, tmp_path: Path) -> None:
    octets = (CAPTURES / name).read_bytes()
    path = tmp_path / "prefix"
    path.write_bytes(octets)
    ends = [at + size for at, size, _ in frames(octets)] if octets[:8] in PLAIN else None
    later = field.story(name)

    for length in reversed(_lengths(octets)):
        os.truncate(path, length)
        told = _read(path)
        assert told.summary.packets <= later.summary.packets
        assert told.summary.octets <= later.summary.octets
        assert len(told.conversations) <= len(later.conversations)
        _one_clear_line(told, path)
        if ends is not None and name not in DAMAGED:
            whole = sum(end <= length for end in ends)
            assert whole == told.summary.packets
            assert (length not in (24, *ends)) == bool(told.problems)
        assert (length == 0) <= bool(told.problems)
        later = told


@pytest.mark.parametrize("name", _small())
def test_damage_anywhere_raises_nothing_and_keeps_what_stands_before(
    name: str, tmp_path: Path
) -> None:
    octets = (CAPTURES / name).read_bytes()
    chance = random.Random(name)
    path = tmp_path / "damaged"
    ends = [at + size for at, size, _ in frames(octets)] if octets[:8] in PLAIN else []

    for changed, at in _changes(octets, chance):
        path.write_bytes(changed)
        told = _read(path)
        _one_clear_line(told, path)
        if name not in DAMAGED:
            assert sum(end <= at for end in ends) <= told.summary.packets


def _changes(octets: bytes, chance: random.Random) -> Iterator[tuple[bytes, int]]:
    """Give copies with some octets changed, and where the first of them stands."""
    for value in (0x00, 0xFF, 0x7F, 0x80):
        at = chance.randrange(len(octets))
        yield octets[:at] + bytes((value,)) + octets[at + 1 :], at
        at = chance.randrange(len(octets))
        yield octets[:at] + bytes((value,)) * 4 + octets[at + 4 :], at
    for _ in range(4):
        at = chance.randrange(len(octets))
        yield octets[:at] + chance.randbytes(chance.randrange(1, 40)) + octets[at:], at


def _one_clear_line(told: Story, path: Path) -> None:
    assert len(told.problems) <= 1
    for problem in told.problems:
        assert problem.message.startswith(f"{path}: ")
        assert len(problem.message) > len(str(path)) + 20
        assert problem.message.isprintable()
        assert problem.offset is not None
        assert 0 <= problem.offset <= path.stat().st_size or b"\x1f\x8b" == path.read_bytes()[:2]


@pytest.mark.skipif(sys.platform != "linux", reason="bounds the memory of a process")
def test_all_malformed_files_are_read_in_little_memory(tmp_path: Path) -> None:
    """One process reads them all, and again packed, with an address space of 1 GiB."""
    packed = tmp_path / "packed"
    packed.mkdir()
    for path in sorted((CAPTURES / "malformed").iterdir()):
        (packed / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 1))
    ended = portbook(
        tmp_path, "read", CAPTURES / "malformed", packed, "--jsonl", memory_octets=1 << 30
    )

    assert 3 == ended.code
    assert "Traceback" not in ended.err
    malformed = [name for name in DAMAGED if name.startswith("malformed/")]
    assert 2 * len(malformed) == len(ended.err.splitlines())
    assert 2 * len(malformed) == len(ended.lines("error"))
    (summary,) = ended.lines("summary")
    rows = [row for name, row in field.rows().items() if name.startswith("malformed/")]
    assert 2 * len(rows) == summary["sources"]
