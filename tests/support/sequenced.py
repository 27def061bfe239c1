"""REF TEK packets for tests of order: right headers, hardly any content, made by the thousand."""

from __future__ import annotations

import random
from collections.abc import Sequence

SIZE = 1024


def packet(
    kind: str = "DT",
    *,
    unit: int = 0x9D20,
    stream: int = 0,
    event: int = 1,
    sequence: int = 0,
    at: int = 0,
    text: bytes = b"",
) -> bytes:
    """Return a packet without samples; at: its time, milliseconds of the year 2026."""
    seconds, ms = divmod(at, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    clock = f"{day + 1:03}{hour:02}{minute:02}{second:02}{ms:03}"
    head = kind.encode() + b"\x00\x26" + unit.to_bytes(2, "big") + bytes.fromhex(clock)
    head += bytes.fromhex(f"0024{sequence % 10_000:04}")
    if kind in ("DT", "EH", "ET"):
        head += bytes.fromhex(f"{event % 10_000:04}{stream:02}0000000016")
    return (head + text).ljust(SIZE, b"\0")


def event(
    length: int,
    *,
    first: int = 0,
    number: int = 1,
    unit: int = 0x9D20,
    stream: int = 0,
    at: int = 0,
) -> list[bytes]:
    """Return EH, data, ET; first: of its sequences, another than 0 leaves the EH out."""
    made = []
    for place in range(length):
        kind = "EH" if place == 0 and first == 0 else "ET" if place == length - 1 else "DT"
        made.append(
            packet(
                kind,
                unit=unit,
                stream=stream,
                event=number,
                sequence=first + place,
                at=at + place * 10,
            )
        )
    return made


def disturbed(
    every: Sequence[bytes], chance: random.Random, *, loss: float, repeats: float, reach: float
) -> list[bytes]:
    """Return packets as a bad link brings them: lost, twice, out of order within `reach`."""
    kept = [one for one in every if chance.random() >= loss]
    places = [(at + chance.uniform(0, reach), one) for at, one in enumerate(kept)]
    places += [
        (at + chance.uniform(0, 3 * reach + 1), one)
        for at, one in places
        if chance.random() < repeats
    ]
    return [one for _, one in sorted(places, key=lambda place: place[0])]
