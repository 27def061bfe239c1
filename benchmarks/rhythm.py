"""How many announcements are found at one false alarm in a hundred, beside other scores of rhythm.

    python benchmarks/rhythm.py [--series 100] [--seed 1743] [--json]

Makes series of sightings with and without a rhythm, from a seed, and asks every method about each.
Ours are `rhythm.announcements` as the program calls it: with the protocol's period known ("known")
or not ("unknown"; of those "confirmed"). It decides by itself: what it errs is measured, and a
rhythm counts as found only with its right period, within 5 %. The others (`rhythm_peers.py`) give
only a score: for each, and by number of sightings, the limit is set where one irregular series in
a hundred is above it.

Of the irregular ones twice as many are made, so that one in a hundred is not told by chance.
Exit code 0 when all goals are met, else 1.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from rhythm_peers import PEERS
from rhythm_series import (
    COUNTS,
    GAPS,
    NONE,
    OTHERS,
    PERIOD,
    SCENES,
    SHAPES,
    SILENT,
    Scene,
    Seen,
    Shape,
    Times,
    irregular,
    rhythmic,
    seen,
)

from portbook.evidence.rhythm import announcements
from portbook.records import Announcement, Confidence

NAMED, PERIODS = "announcer", {"announcer": PERIOD}
BUDGET = 0.01  # false alarms
NEAR = 0.05  # of the period: how well it has to be found
KNOWN, UNKNOWN, CONFIRMED = OURS = ("ours, known", "ours, unknown", "confirmed")


class Verdict(NamedTuple):
    """What ours said of one thing."""

    told: bool
    confirmed: bool


def judged(conversations: Iterable[Seen], wanted: Sequence[float] = ()) -> Verdict:
    """Tell whether ours calls it an announcement, of all the wanted periods where there are any."""
    found = announcements(conversations, PERIODS)
    sure = [one for one in found if one.confidence is Confidence.CONFIRMED]
    return Verdict(right(found, wanted), right(sure, wanted))


def right(found: Sequence[Announcement], wanted: Sequence[float]) -> bool:
    """Tell whether something was found, and all the wanted periods among it."""
    return bool(found) and all(
        any(abs(one.period_s - period) <= NEAR * period for one in found) for period in wanted
    )


def asked(times: Sequence[Times], wanted: Sequence[float] = ()) -> dict[str, float]:
    """Return the shares of what ours says of plain series."""
    known = [judged([seen(one, protocol=NAMED)], wanted) for one in times]
    return {KNOWN: share(one.told for one in known)} | parted(
        [judged([seen(one)], wanted) for one in times]
    )


def parted(verdicts: Sequence[Verdict]) -> dict[str, float]:
    return {
        UNKNOWN: share(one.told for one in verdicts),
        CONFIRMED: share(one.confirmed for one in verdicts),
    }


class Row(NamedTuple):
    """One line of the table: shares of the series that each method calls an announcement."""

    part: str
    title: str
    shares: dict[str, float]


class Goal(NamedTuple):
    """What has to be reached."""

    title: str
    reached: float
    wanted: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        """Tell whether it is."""
        return self.reached <= self.wanted if self.at_most else self.reached >= self.wanted


def thresholds(negatives: Sequence[Times]) -> dict[str, float]:
    """Return the score of each method that one irregular series in a hundred is above."""
    allowed = int(BUDGET * len(negatives))
    return {
        name: sorted((score(one) for one in negatives), reverse=True)[allowed]
        for name, score in PEERS.items()
    }


def share(hits: Iterable[bool]) -> float:
    told = list(hits)
    return sum(told) / len(told)


def measure(series: int, seed: int) -> list[Row]:
    """Ask every method about everything."""
    rows: list[Row] = []
    limits: dict[int, dict[str, float]] = {}

    def above(count: int, times: Sequence[Times]) -> dict[str, float]:
        return {
            name: share(score(one) > limits[count][name] for one in times)
            for name, score in PEERS.items()
        }

    for count in COUNTS:
        chance = random.Random(f"{seed} none {count}")
        none = [irregular(chance, kind, count) for kind in GAPS for _ in range(2 * series)]
        limits[count] = thresholds(none)
        rows.append(Row("false", f"{count:2}", asked(none) | above(count, none)))
    for shape in SHAPES:
        chance = random.Random(f"{seed} {shape}")
        some = [rhythmic(chance, shape) for _ in range(series)]
        rows.append(
            Row("recall", titled(shape), asked(some, [PERIOD]) | above(shape.sightings, some))
        )
    for title, (count, wanted, make) in SCENES.items():
        chance = random.Random(f"{seed} {title}")
        scenes: list[Scene] = [make(chance) for _ in range(series if wanted else 5 * series)]
        ours = parted([judged(one.conversations, wanted) for one in scenes])
        rows.append(Row("group", title, ours | above(count, [one.times for one in scenes])))
    for title, make_other in OTHERS.items():
        chance = random.Random(f"{seed} {title}")
        rounds = [rhythmic(chance, Shape(15, 0.05, 0.02)) for _ in range(series)]
        ours = parted([judged(make_other(chance, one)) for one in rounds])
        rows.append(Row("other", title, ours | above(15, rounds)))
    return rows


def titled(shape: Shape) -> str:
    told = f"{shape.sightings:2}, {shape.loss:3.0%}, {shape.jitter:3.0%}, {shape.clock}"
    return f"{told}, {shape.kind}" if shape.kind else told


def goals(rows: Iterable[Row]) -> list[Goal]:
    """Return what is asked of ours, and what was reached."""
    at = {(row.part, row.title): row.shares for row in rows}
    recall = {title: told for (part, title), told in at.items() if part == "recall"}
    five = recall[titled(Shape(5, 0.3, 0.05))][KNOWN]
    fifteen = min(
        recall[titled(Shape(15, 0.3, 0.10, clock))][UNKNOWN] for clock in ("anchored", "each sleep")
    )
    restarts = min(told[UNKNOWN] for title, told in recall.items() if title.endswith("restart"))
    false = [told for (part, title), told in at.items() if part == "false" or title == NONE]
    most = max(told[name] for told in false for name in (KNOWN, UNKNOWN) if name in told)
    others = {title: told for (part, title), told in at.items() if part == "other"}
    answered = max(told[UNKNOWN] for title, told in others.items() if title != SILENT)
    return [
        Goal("false alarms, the most of any length", most, BUDGET, True),
        Goal("known period, 5 sightings, 30 % loss, 5 % jitter", five, 1.0),
        Goal("unknown, 15 sightings, 30 % loss, 10 % jitter", fifteen, 0.95),
        Goal("unknown, a restart in the middle", restarts, 0.95),
        Goal("polls and keep-alives called announcements", answered, 0.0, True),
        Goal("polls of a silent host confirmed as such", others[SILENT][CONFIRMED], 0.0, True),
    ]


HEADS = {
    "false": "False alarms, by number of sightings",
    "recall": "Recall, by sightings, loss, jitter and clock",
    "group": "Recall, several series in one place (the last line: false alarms)",
    "other": "Called an announcement and is none: 15 rounds, 5 % loss, 2 % jitter",
}


def shown(rows: Sequence[Row]) -> str:
    """Return the table for people."""
    columns = [*OURS, *PEERS]
    lines: list[str] = []
    for part, head in HEADS.items():
        lines += ["", head, " " * 38 + "".join(f"{name:>15}" for name in columns)]
        for row in (one for one in rows if one.part == part):
            cells = (f"{row.shares[name]:.3f}" if name in row.shares else "-" for name in columns)
            lines.append(f"{row.title:<38}" + "".join(f"{cell:>15}" for cell in cells))
    return "\n".join(lines[1:])


def main() -> int:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument(
        "--series", type=int, default=100, help="of each kind; irregular ones, twice as many"
    )
    arguments.add_argument("--seed", type=int, default=1743)
    arguments.add_argument("--json", action="store_true", help="one document")
    told = arguments.parse_args()
    if told.series < 15:
        arguments.error("--series must be 15 or more: of fewer, one in a hundred cannot be told")
    began = time.perf_counter()
    rows = measure(told.series, told.seed)
    reached = goals(rows)
    seconds = time.perf_counter() - began
    if told.json:
        document: dict[str, Any] = {
            "series": told.series,
            "seed": told.seed,
            "seconds": round(seconds, 1),
            "rows": [row._asdict() for row in rows],
            "goals": [one._asdict() | {"met": one.met} for one in reached],
        }
        print(json.dumps(document, indent=1))
    else:
        print(shown(rows))
        print()
        for one in reached:
            sign = "<=" if one.at_most else ">="
            verdict = "met" if one.met else "MISSED"
            print(f"{one.title:<58} {one.reached:.3f} {sign} {one.wanted:.2f}  {verdict}")
        print(f"{told.series} series of each kind, seed {told.seed}, {seconds:.0f} s")
    return 0 if all(one.met for one in reached) else 1


if __name__ == "__main__":
    sys.exit(main())
