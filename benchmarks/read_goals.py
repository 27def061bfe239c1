"""What `read.py` measures portbook by: ratios to other programs in the same run, and memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from read_runs import Run

MET, MISSED, NOT_SHOWN = "met", "missed", "not measured"


class Goal(NamedTuple):
    """A program is to be so many times as fast as another, or to take at most so much memory."""

    program: str
    peer: str | None = None
    times: float = 0.0
    octets: int = 0

    def __str__(self) -> str:
        if self.peer:
            return f"{self.times:g}x {self.peer}"
        return f"{self.octets / 1e6:.0f} MB"

    def verdict(self, runs: Mapping[str, Run]) -> str:
        """Return met, missed, or not measured when a program of the goal did not run."""
        run = runs.get(self.program)
        if run is None or (self.peer and self.peer not in runs):
            return NOT_SHOWN
        if self.peer:
            return MET if run.rate / runs[self.peer].rate >= self.times else MISSED
        return MET if run.octets <= self.octets else MISSED


class Measured(NamedTuple):
    """One workload: what ran, what could not, and what was to be shown.

    missing: programs that did not run, with the reason; peers: whom ratios are told to;
    notes: what a reader of the rows has to know
    """

    title: str
    runs: Mapping[str, Run]
    missing: Mapping[str, str]
    peers: tuple[str, ...] = ()
    goals: tuple[Goal, ...] = ()
    notes: tuple[str, ...] = ()

    def verdicts(self) -> list[tuple[Goal, str]]:
        """Return every goal with its verdict."""
        return [(goal, goal.verdict(self.runs)) for goal in self.goals]


HEADS = ("program", "seconds", "CPU s", "packets/s", "peak MB", "ratio", "goal")


def text(measured: Measured) -> list[str]:
    """Return the lines of one workload's table."""
    rows = [HEADS, *_rows(measured)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADS))]
    lines = ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return [measured.title, *lines, *(f"  ({note})" for note in measured.notes), ""]


def markdown(measured: Measured) -> list[str]:
    """Return one workload as a heading with a table."""
    cells = [HEADS, ("---", "--:", "--:", "--:", "--:", "---", "---"), *_rows(measured)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    notes = [line for note in measured.notes for line in ("", f"Note: {note}.")]
    return [f"### {measured.title}", "", *lines, *notes, ""]


def document(measured: Measured) -> dict[str, Any]:
    """Return one workload for programs: seconds, octets, packets, and goals with verdicts."""
    return {
        "title": measured.title,
        "runs": {name: run._asdict() for name, run in measured.runs.items()},
        "missing": dict(measured.missing),
        "goals": [
            {"program": goal.program, "goal": str(goal), "verdict": verdict}
            for goal, verdict in measured.verdicts()
        ],
    }


def _rows(measured: Measured) -> list[tuple[str, ...]]:
    return [
        *(_row(measured, name, run) for name, run in measured.runs.items()),
        *(_missing(measured, name, why) for name, why in measured.missing.items()),
    ]


def _row(measured: Measured, name: str, run: Run) -> tuple[str, ...]:
    told = ", ".join(_ratios(measured, name)) if name not in measured.peers else ""
    rate = f"{run.rate:,.0f}" if run.packets else ""
    times = f"{run.seconds:.2f}", f"{run.cpu_seconds:.2f}"
    return name, *times, rate, f"{run.octets / 1e6:.0f}", told, _goals(measured, name)


def _ratios(measured: Measured, name: str) -> Iterator[str]:
    """Give how much faster a program was than its peers, and than those its goals speak of."""
    wanted = [goal.peer for goal in measured.goals if goal.program == name and goal.peer]
    for peer in dict.fromkeys((*measured.peers, *wanted)):
        if peer in measured.runs:
            times = measured.runs[name].rate / measured.runs[peer].rate
            yield f"{times:.1f}x {peer}" if times >= 10 else f"{times:.2f}x {peer}"


def _missing(measured: Measured, name: str, why: str) -> tuple[str, ...]:
    return name, why, "", "", "", "", _goals(measured, name)


def _goals(measured: Measured, name: str) -> str:
    return ", ".join(
        f"{goal}: {verdict}" for goal, verdict in measured.verdicts() if goal.program == name
    )
