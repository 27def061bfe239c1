"""REF TEK packets for tests: events of any unit and stream, and an archive read back."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from portbook.emulators import plant, recorder
from portbook.protocols.reftek import packets
from portbook.seismic.names import read_name

SIZE = 1024
START_NS = plant.START_NS


def event(
    unit: str = "9D20", *, stream: int = 0, number: int = 1, seconds: int = 30, at_s: float = 0
) -> list[bytes]:
    """Return the packets of an event of a wire stream; 30 s are 38 packets."""
    made = recorder.event(unit, START_NS + int(at_s * 1e9), seconds, number)
    return [one[:18] + bytes((stream // 10 << 4 | stream % 10,)) + one[19:] for one in made]


def state_of_health(unit: str, sequence: int, text: str, at_s: float = 0) -> bytes:
    """Return an SH packet."""
    like = bytearray(recorder.event(unit, START_NS + int(at_s * 1e9), 1)[0])
    like[:2], like[12:16] = b"SH", bytes.fromhex(f"{24 + len(text):04}{sequence:04}")
    like[16:] = b" " * 8 + text.encode().ljust(1000)
    return bytes(like)


def files(root: Path) -> dict[str, bytes]:
    """Return the files of a raw archive by their path; asserts that nothing else is there."""
    found = {}
    for path in sorted(root.rglob("*")):
        below = path.relative_to(root)
        if path.is_dir() or below.parts[0] in (".portbook", "archive.sta"):
            continue
        assert read_name(below.parts[0], "/".join(below.parts[1:3]), below.name), below
        found[str(below)] = path.read_bytes()
    return found


def held(root: Path) -> Counter[bytes]:
    """Return every packet of a raw archive with how often it is there; asserts whole, in order."""
    every: Counter[bytes] = Counter()
    for path, octets in files(root).items():
        assert len(octets) % SIZE == 0, path
        each = [octets[at : at + SIZE] for at in range(0, len(octets), SIZE)]
        numbers = [one.sequence for octet in each if (one := packets.read(octet))]
        assert [(numbers[0] + n) % 10_000 for n in range(len(each))] == numbers, path
        every.update(each)
    return every


def day_records(root: Path) -> dict[str, list[bytes]]:
    """Return the records of an SDS tree by file; asserts whole, in order of time, each once."""
    found = {}
    for path in sorted(root.rglob("*.D.*")):
        octets = path.read_bytes()
        assert len(octets) % SIZE == 0, path
        records = [octets[at : at + SIZE] for at in range(0, len(octets), SIZE)]
        assert records == sorted(records, key=lambda one: one[20:30]), path
        assert len(records) == len({one[6:] for one in records}), path
        found[str(path.relative_to(root))] = records
    return found
