"""A process that writes archives until it is killed: says after each sync how far it is safe.

Arguments: folder, unit, seed of the disorder. The test that starts it kills it.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from portbook.seismic import stations
from portbook.seismic.intake import Intake
from portbook.seismic.raw_archive import RawArchive
from portbook.seismic.sds import Sds
from support.reftek import event

CHECKPOINT = 96 << 10


def sent(unit: str, seed: int) -> list[bytes]:
    """Return packets of two streams, out of order within 64, some twice."""
    lanes = [event(unit, seconds=250), event(unit, stream=1, seconds=250)]
    every = [octets for round_ in zip(*lanes, strict=True) for octets in round_]
    chance = random.Random(seed)
    places = sorted(range(len(every)), key=lambda at: at + chance.uniform(0, 40))
    twice = [at for at in places if chance.random() < 0.05]
    return [every[at] for at in places] + [every[at] for at in twice]


def codes(unit: str) -> stations.Stations:
    """Return a map for both streams of a unit."""
    lines = "\n".join(
        f'stream.{number} = ["{band}HZ", "{band}HN", "{band}HE"]'
        for number, band in ((1, "H"), (2, "B"))
    )
    head = f'[unit.{unit}]\nnetwork = "XX"\nstation = "S{unit}"\n'
    return stations.read(head + lines, "test")


def opened(root: Path, unit: str) -> Intake:
    """Return an intake into both archives below a folder, with what a sudden end left."""
    raw = RawArchive(root / "raw", checkpoint_octets=CHECKPOINT)
    try:
        sds = Sds(root / "sds", checkpoint_octets=CHECKPOINT)
    except BaseException:
        raw.abandon()
        raise
    intake = Intake(raw, 2026, sds=sds, stations=codes(unit))
    try:
        intake.recover()
    except BaseException:
        intake.abandon()
        raise
    return intake


def main() -> None:
    """Write until the end, in batches of a few packets."""
    root, unit, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    intake = opened(root, unit)
    for number, octets in enumerate(sent(unit, seed), 1):
        intake.take(octets, f"packet {number}")
        if number % 5 == 0:
            intake.sync()
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
