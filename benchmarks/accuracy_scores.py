"""What is true of a conversation, and how many of them each program names so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from accuracy_corpus import Asked, Place
from accuracy_names import PLANT, fits, of_ndpi, of_tshark
from accuracy_rulings import NOTHING, ruling

from portbook.records import Confidence

Labels = Mapping[str, int] | None  # None: the witness was not asked, or could not read the file


class Verdict(StrEnum):
    """How a name stands to the truth."""

    RIGHT = "right"
    WRONG = "wrong"
    SILENT = "silent"
    ALONE = "alone"  # named, and nobody knows what is true
    QUIET = "quiet"  # neither named nor known


class Judged(NamedTuple):
    """A conversation, what is true of it, and what everybody says."""

    asked: Asked
    truth: str | None  # None: unknown; NOTHING: no protocol that could be named
    by: str | None  # who knows: "ruling", "tshark", "readme"
    tshark: str | None
    ndpi: str | None
    ndpi_asked: bool
    guessed: bool  # nDPI found no content and took the port's name
    tuned: bool

    @property
    def ours(self) -> Verdict:
        return verdict(self.asked.protocol, self.truth, exact=True)

    @property
    def confirmed(self) -> bool:
        return self.asked.confidence is Confidence.CONFIRMED


def verdict(name: str | None, truth: str | None, *, exact: bool = False) -> Verdict:
    """Judge a name by what is true.

    exact: ours must say it itself; a witness is right as well when it says a part of it
    """
    if name is None:
        return Verdict.QUIET if truth in (None, NOTHING) else Verdict.SILENT
    if truth is None:
        return Verdict.ALONE
    agrees = name == truth if exact else truth != NOTHING and fits(truth, name)
    return Verdict.RIGHT if agrees else Verdict.WRONG


def judged(
    one: Asked, tshark: Labels, ndpi: Labels, row: Mapping[Place, Mapping[str, int]], tuned: bool
) -> Judged:
    """Say what is true: what was ruled by hand, else what tshark names, else the README."""
    named = said_by_tshark(tshark or {})
    guess = next(iter(ndpi or {}), None)
    truth, by = ruling(one.capture, one.key), "ruling"
    if truth is None:
        truth, by = _finer(named, one.protocol), "tshark"
    if truth is None:
        truth, by = _written(row, one), "readme"
    return Judged(
        one,
        truth,
        by if truth is not None else None,
        named,
        of_ndpi(guess) if guess else None,
        ndpi is not None,
        bool(guess and guess.startswith("?")),
        tuned,
    )


def said_by_tshark(labels: Mapping[str, int]) -> str | None:
    """Return the first name of a conversation's frames, and of carriers what they carry."""
    named = [name for path in labels if (name := of_tshark(path))]
    if not named:
        return None
    better = (name for name in named if name != named[0] and fits(name, named[0]))
    return next(better, named[0])


def _finer(named: str | None, ours: str | None) -> str | None:
    """Return what tshark names; of names that say the same, and more, ours."""
    return ours if named and ours and fits(ours, named) else named


def _written(row: Mapping[Place, Mapping[str, int]], one: Asked) -> str | None:
    """Return what the README says of a port, where it has one label only."""
    for port in (one.server_port, *sorted(one.key.ports)):
        labels = row.get((one.key.transport, port), {})
        if len(labels) == 1:
            (label,) = labels
            return None if label == "unlabelled" else of_tshark(label)
    return None


class Score(NamedTuple):
    """How one program does on one protocol."""

    right: int = 0
    wrong: int = 0  # truly this protocol, and called another
    silent: int = 0
    false: int = 0  # called this protocol, and truly another or none

    @property
    def recall(self) -> float | None:
        return _ratio(self.right, self.right + self.wrong + self.silent)

    @property
    def precision(self) -> float | None:
        return _ratio(self.right, self.right + self.false)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


class Line(NamedTuple):
    """One protocol's line of the table."""

    protocol: str
    truly: int
    confirmed: Score  # of ours, CONFIRMED only: what is PLAUSIBLE counts as silent
    ours: Score
    tshark: Score
    ndpi: Score
    alone: int  # named by us, and nobody knows


def lines(seen: Iterable[Judged]) -> list[Line]:
    """Return a line a protocol that is true of something, or that was named."""
    held = list(seen)
    names = {one.truth for one in held if one.truth not in (None, NOTHING)}
    names |= {one.asked.protocol for one in held if one.asked.protocol}
    return [_line(name, held) for name in sorted(filter(None, names))]


def _line(name: str, held: list[Judged]) -> Line:
    asked = [one for one in held if one.ndpi_asked]
    sure = [(one.asked.protocol if one.confirmed else None, one.truth) for one in held]
    return Line(
        name,
        sum(one.truth == name for one in held),
        score(name, sure, exact=True),
        score(name, [(one.asked.protocol, one.truth) for one in held], exact=True),
        score(name, [(one.tshark, one.truth) for one in held]),
        score(name, [(one.ndpi, one.truth) for one in asked]),
        sum(one.asked.protocol == name and one.ours is Verdict.ALONE for one in held),
    )


def score(
    name: str, said: Iterable[tuple[str | None, str | None]], *, exact: bool = False
) -> Score:
    """Count for one protocol; said: (name, truth) of every conversation."""
    found: Counter[str] = Counter()
    for told, truth in said:
        told_as = verdict(told, truth, exact=exact)
        if truth == name:
            found[told_as.value] += 1
        elif told == name and told_as is Verdict.WRONG:
            found["false"] += 1
    return Score(found["right"], found["wrong"], found["silent"], found["false"])


def total(found: Iterable[Line]) -> Line:
    """Add lines up."""
    held = list(found)

    def added(column: str) -> Score:
        scores: list[Score] = [getattr(one, column) for one in held]
        return Score(*(sum(parts) for parts in zip(*scores, strict=True))) if scores else Score()

    truly, alone = sum(one.truly for one in held), sum(one.alone for one in held)
    columns = (added(column) for column in ("confirmed", "ours", "tshark", "ndpi"))
    return Line("all", truly, *columns, alone)


def plant(found: Iterable[Line]) -> list[Line]:
    """Return the lines of protocols that control a plant."""
    return [one for one in found if one.protocol in PLANT]
