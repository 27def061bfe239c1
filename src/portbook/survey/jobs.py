"""Which process reads what: captures dealt out to several jobs, whole ones and shares.

A share of a capture is a part of its conversations, not of its octets: who has one reads the
whole capture, and keeps what falls to it. Reading is quick beside naming, so this shares what
takes long, and what comes out is what one job alone would have found.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import NamedTuple

SMALL = 32 << 20  # octets in all that one job reads before others have even begun
MOST_SPLIT = 16  # captures that are thought of as split; behind them there is enough to deal out
SHARES = (1, 2, 3, 4, 6, 8, 12, 24)  # that have whole pots, and so tell the same (`pots`)
WORTH_IT = 8  # a capture is, that is more than an eighth of what one job has to do
READING = 0.2  # of the work on a capture: what every share does again


class Load(NamedTuple):
    """How much work a capture is."""

    octets: int | None  # None: nobody knows before its end
    splits: bool  # it can be read several times, and that costs little


class Task(NamedTuple):
    """A capture, or a share of it, for one job."""

    capture: int  # its place among the captures
    part: tuple[int, int] = (0, 1)  # which share, of how many


def tasks(loads: Sequence[Load], jobs: int) -> list[Task]:
    """Deal captures out to jobs: whole ones, and the largest in shares where that ends sooner.

    Returns the tasks in the order in which free jobs take them, none where one job alone does it
    as well: little to read, or nothing to share.
    """
    known = sum(load.octets or 0 for load in loads)
    if jobs < 2 or known < SMALL or not loads:
        return []
    # what nobody knows may be as much as all the rest, and is begun first
    work = [known if load.octets is None else load.octets for load in loads]
    largest = sorted(range(len(loads)), key=lambda at: (loads[at].octets is not None, -work[at]))
    worth = [at for at in largest if loads[at].splits and WORTH_IT * jobs * work[at] > known]
    shares = max(count for count in SHARES if count <= jobs)
    plans = [
        _plan(work, largest, frozenset(worth[:count]), shares)
        for count in range(min(len(worth), MOST_SPLIT) + 1)
    ]
    best = min(plans, key=lambda plan: _end([work for _, work in plan], jobs))
    return [task for task, _ in best] if len(best) > 1 else []


def _plan(
    work: Sequence[int], largest: Iterable[int], split: frozenset[int], shares: int
) -> list[tuple[Task, float]]:
    """Return all tasks with the work that each is, the most work first."""
    found: list[tuple[Task, float]] = []
    for at in largest:
        if at in split:
            share = work[at] * (READING + (1 - READING) / shares)
            found += ((Task(at, (number, shares)), share) for number in range(shares))
        else:
            found.append((Task(at), work[at]))
    return sorted(found, key=lambda one: -one[1])


def _end(work: Iterable[float], jobs: int) -> float:
    """Return when the last job is done, where each takes the next task once it is free."""
    free = [0.0] * jobs  # sorted: a heap
    for one in work:
        heapq.heapreplace(free, free[0] + one)
    return max(free)
