"""What the messages of several workers add up to: one look at each capture, as one job gives it.

Each share of a capture counts all packets, octets and oddities, so those of one share stand for
all; conversations, and how many were closed early, add up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from portbook.evidence.captures import Capture
from portbook.evidence.table import Counts
from portbook.records import Problem
from portbook.survey.jobs import Task
from portbook.survey.looking import End, Looked, Progress, settled
from portbook.survey.naming import Named
from portbook.survey.parcels import Unpacker
from portbook.survey.work import Kind, Message

_NOTHING = Counts(0, 0, 0, 0, 0, 0)


class Gathering:
    """What is known of each task so far."""

    def __init__(
        self,
        captures: Sequence[Capture],
        tasks: Sequence[Task],
        octets: int | None,
        progress: Progress | None,
    ) -> None:
        """Begin with nothing; octets: of all captures, None where that is not known."""
        self._captures, self._tasks = captures, tasks
        self._octets, self._progress = octets, progress
        self._found: defaultdict[int, list[Named]] = defaultdict(list)
        self._ends: dict[int, End] = {}
        self._lost: dict[int, str] = {}
        self._far: dict[int, int] = {}

    def take(self, message: Message, unpacker: Unpacker) -> None:
        """Take what a worker tells; unpacker: that of this worker.

        Raises RuntimeError with the worker's traceback when it met a fault of ours.
        """
        match message.kind:
            case Kind.FAR:
                self._far[message.task] = message.far
                self._tell()
            case Kind.PARCEL:
                self._found[message.task] += unpacker.unpack(message.octets)
            case Kind.END:
                self._ends[message.task] = message.end
            case Kind.BROKE:
                raise RuntimeError(f"a worker failed\n{message.octets.decode()}")

    def lose(self, task: int, why: str) -> None:
        """Take note that a worker ended in the middle of a task."""
        self._lost[task] = why

    def looked(self) -> list[Looked]:
        """Return what came of each capture, in their order."""
        of: defaultdict[int, list[int]] = defaultdict(list)
        for number, task in enumerate(self._tasks):
            of[task.capture].append(number)
        return [self._looked(capture, of[at]) for at, capture in enumerate(self._captures)]

    def _looked(self, capture: Capture, shares: Sequence[int]) -> Looked:
        ends = [self._ends[one] for one in shares if one in self._ends]
        seen = [named for one in shares if one in self._ends for named in self._found.pop(one, ())]
        problem = next((end.problem for end in ends if end.problem), None)
        if len(ends) < len(shares):
            problem = self._missing(capture, shares)
        if not ends:
            return Looked([], _NOTHING, (), problem)
        closed = sum(end.counts.closed for end in ends)
        return Looked(
            settled(seen),
            ends[0].counts._replace(closed=closed),
            ends[0].oddities,
            problem,
            sum(end.left_out for end in ends),
            sum(end.left_out_named for end in ends),
            tuple(total for end in ends for total in end.totals),
        )

    def _missing(self, capture: Capture, shares: Sequence[int]) -> Problem:
        missing = [one for one in shares if one not in self._ends]
        why = next((self._lost[one] for one in missing if one in self._lost), "was never begun")
        what = "it is not told"
        if len(missing) < len(shares):
            what = f"{len(missing)} of {len(shares)} shares of its conversations are not told"
        return Problem(
            capture.name,
            f"{capture.name}: a process that read it {why}; {what}. "
            "Read it in one process: --jobs 1",
        )

    def _tell(self) -> None:
        if self._progress is None:
            return
        done = sum(far / self._tasks[at].part[1] for at, far in self._far.items())
        several = len(self._captures)
        name = self._captures[0].name if several == 1 else f"{several} captures"
        self._progress(name, int(done), self._octets)
