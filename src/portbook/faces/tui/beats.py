"""The beats of an announcement as a line of marks on which a missed one is seen.

One mark is one period: heard, missed, nobody listened, or due any moment. Marks differ in shape,
never in colour alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

HEARD, MISSED, UNHEARD, DUE = "▮", "x", "?", "▯"
LEGEND = f"{HEARD} heard  {MISSED} missed  {UNHEARD} nobody listened  {DUE} due"
MOST = 1000  # marks
GRACE = 0.5  # of a period: later than that is missed
Pause = tuple[int, int]  # from when until when nobody listened, Unix nanoseconds


def line(
    beats_ns: Sequence[int],
    period_s: float,
    until_ns: int,
    room: int,
    pauses: Iterable[Pause] = (),
) -> str:
    """Return the latest marks, the oldest first, at most `room` of them.

    beats_ns: when rounds were heard, in order; until_ns: until when silence counts as silence
    pauses: when nobody listened, so that nothing that was due then was missed
    """
    period_ns = int(period_s * 1e9)
    if not beats_ns or period_ns <= 0 or room <= 0:
        return ""
    most = min(room, MOST)
    known = tuple(pauses)
    marks = [*_open_end(beats_ns[-1], period_ns, until_ns, most, known)]
    for earlier, later in reversed(list(pairwise(beats_ns))):
        if len(marks) >= most:
            break
        marks.append(HEARD)
        skipped = min(round((later - earlier) / period_ns) - 1, most)
        marks += (_absent(later - at * period_ns, known) for at in range(1, skipped + 1))
    marks.append(HEARD)
    return "".join(reversed(marks[:most]))


def missed(
    beats_ns: Sequence[int], period_s: float, until_ns: int, pauses: Iterable[Pause] = ()
) -> int:
    """Return how many of the latest rounds were due and did not come, `MOST` at most."""
    period_ns = int(period_s * 1e9)
    if not beats_ns or period_ns <= 0:
        return 0
    marks = _open_end(beats_ns[-1], period_ns, until_ns, MOST, tuple(pauses))
    return sum(mark == MISSED for mark in marks)


def _open_end(
    last_ns: int, period_ns: int, until_ns: int, most: int, pauses: Sequence[Pause]
) -> Iterator[str]:
    """Give the marks behind the last beat, the newest first."""
    late = max(0, int((until_ns - last_ns) / period_ns - GRACE))
    yield DUE
    for at in range(late, max(0, late - most), -1):
        yield _absent(last_ns + at * period_ns, pauses)


def _absent(due_ns: int, pauses: Sequence[Pause]) -> str:
    return UNHEARD if any(begin <= due_ns <= end for begin, end in pauses) else MISSED
