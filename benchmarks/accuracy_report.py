"""The evaluation as text for people and as JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from accuracy_names import PLANT, TUNNELS
from accuracy_rulings import NOTHING
from accuracy_scores import Judged, Line, Score, Verdict, lines, plant, total, verdict

from portbook.protocols import protocols

HEAD = (
    "protocol          true  conf plaus  none wrong false alone | conf.P      P      R "
    "| tshark P      R | nDPI P      R"
)  # fmt: skip
RECALL_GOAL = 0.99


class Goal(NamedTuple):
    """Something that was promised, and what came of it."""

    what: str
    met: bool | None  # None: not measured
    shown: str


class Reading(NamedTuple):
    """All that one run found."""

    seen: list[Judged]
    captures: int
    silent: int  # conversations without payload
    witnesses: dict[str, str | None]  # witness -> version; None: not measured
    told: dict[str, bool]  # our name where tshark is silent -> tshark agrees when told the port

    @property
    def ndpi_asked(self) -> bool:
        return any(one.ndpi_asked for one in self.seen)


def text(found: Reading) -> Iterator[str]:
    """Give the lines of the whole report."""
    yield f"{found.captures} captures, {len(found.seen)} conversations with payload"
    yield f"({found.silent} more carry none, and are not judged)"
    for name, version in found.witnesses.items():
        yield f"{name}: {version or 'not measured'}"
    groups = (
        ("all captures", found.seen),
        ("captures that a test or recogniser names", [one for one in found.seen if one.tuned]),
        ("captures that none names", [one for one in found.seen if not one.tuned]),
    )
    for title, seen in groups:
        yield from ("", f"== {title}: {len(seen)} conversations", HEAD, "-" * len(HEAD))
        yield from table(seen, found.ndpi_asked)
    yield from ("", "== confusion: what it is -> what portbook says", *_pairs(found.seen))
    yield from ("", "== goals", *(_goal(one) for one in goals(found)))


def table(seen: Iterable[Judged], ndpi: bool = True) -> Iterator[str]:
    """Give a line a protocol that portbook knows, then those that it does not, and the sums."""
    known, others = parted(lines(seen))
    yield from (_row(one, ndpi) for one in known)
    yield _row(total(known)._replace(protocol="all of these"), ndpi)
    yield _row(total(plant(known))._replace(protocol="plant"), ndpi)
    for one in others:
        yield _row(one, ndpi)
    if others:
        yield _row(total(others)._replace(protocol="not known here"), ndpi)


def parted(found: Iterable[Line]) -> tuple[list[Line], list[Line]]:
    """Return the lines of protocols with a recogniser, and of those without one."""
    held = list(found)
    mine = [one for one in held if one.protocol in protocols()]
    return mine, [one for one in held if one.protocol not in protocols()]


def _row(one: Line, ndpi: bool) -> str:
    ours = one.ours
    counts = (
        one.truly,
        one.confirmed.right,
        ours.right - one.confirmed.right,
        ours.silent,
        ours.wrong,
        ours.false,
        one.alone,
    )
    cells = "".join(f"{count:6}" for count in counts)
    parts = (_number(one.confirmed.precision), _number(ours.precision), _number(ours.recall))
    nothing = f"{'-':>6} {'-':>6}"
    other = _both(one.ndpi) if ndpi else nothing
    return f"{one.protocol:16}{cells} | {' '.join(parts)} |   {_both(one.tshark)} | {other}"


def _both(one: Score) -> str:
    return f"{_number(one.precision)} {_number(one.recall)}"


def _number(ratio: float | None) -> str:
    # never rounded up to what it is not
    return f"{'-':>6}" if ratio is None else f"{int(ratio * 1000) / 1000:6.3f}"


def markdown(found: Reading) -> Iterator[str]:
    """Give the table of docs/accuracy.md, of the protocols that portbook knows."""
    groups = (
        found.seen,
        [one for one in found.seen if one.tuned],
        [one for one in found.seen if not one.tuned],
    )
    whole, tuned, unseen = ({one.protocol: one for one in _summed(seen)} for seen in groups)
    columns = "true|CONFIRMED|PLAUSIBLE|silent|wrong|false|recall|tshark|nDPI|named|unseen"
    yield f"| protocol | {columns.replace('|', ' | ')} |"
    yield "| --- |" + " ---: |" * (columns.count("|") + 1)
    for name, one in whole.items():
        ours, sure = one.ours, one.confirmed
        counts = (one.truly, sure.right, ours.right - sure.right, ours.silent, ours.wrong)
        ratios = [_number(score.recall).strip() for score in (ours, one.tshark, one.ndpi)]
        apart = (_share(tuned.get(name)), _share(unseen.get(name)))
        cells = (*map(str, counts), str(ours.false), *ratios, *apart)
        yield f"| `{name}` | {' | '.join(cells)} |"


def _summed(seen: Iterable[Judged]) -> list[Line]:
    known, _ = parted(lines(seen))
    return [*known, total(plant(known))._replace(protocol="plant"), total(known)]


def _share(one: Line | None) -> str:
    return f"{one.ours.right}/{one.truly}" if one and one.truly else "-"


def _pairs(seen: Iterable[Judged]) -> Iterator[str]:
    found = confusion(seen)
    for (truth, name, sure), many in sorted(found.items(), key=lambda entry: -entry[1]):
        yield f"{many:6}  {truth or 'nothing'} -> {name or 'unnamed'}{f', {sure}' if sure else ''}"
    if not found:
        yield "none"


def confusion(seen: Iterable[Judged]) -> Counter[tuple[str, str, str]]:
    """Count what is true and was said otherwise: (truth, our name or "", how sure)."""
    return Counter(
        (one.truth or "", one.asked.protocol or "", one.asked.confidence or "")
        for one in seen
        if one.ours in (Verdict.WRONG, Verdict.SILENT)
    )


def goals(found: Reading) -> list[Goal]:
    """Say which goals are met."""
    seen = found.seen
    sure = total(lines(seen)).confirmed
    alone = sum(one.ours is Verdict.ALONE for one in seen)
    lost = sum(not one.asked.through_prefilter for one in seen)
    rivals = [one for one in seen if one.asked.rivals]
    return [
        Goal(
            "precision of CONFIRMED is 1.000",
            sure.precision == 1 and not sure.false,
            f"{sure.right} right, {sure.false} wrong",
        ),
        Goal("every name was judged by a witness or by hand", not alone, f"{alone} were not"),
        *_recall_goals(seen, found.witnesses["tshark"] is not None),
        *_ndpi_goals(found),
        Goal("the prefilter loses nothing", not lost, f"{lost} conversations differ"),
        Goal(
            "no other recogniser calls the same octets CONFIRMED",
            not rivals,
            ", ".join(sorted({_rival(one) for one in rivals})) or "none does",
        ),
    ]


def _rival(one: Judged) -> str:
    return f"{one.asked.protocol or 'unnamed'}: {' '.join(one.asked.rivals)}"


def _recall_goals(seen: list[Judged], measured: bool) -> Iterator[Goal]:
    """Judge what tshark names correctly, by ports or not."""
    right = [one for one in seen if one.tshark and verdict(one.tshark, one.truth) is Verdict.RIGHT]
    known = [one for one in right if one.truth in protocols()]
    carried = [one for one in right if one.truth not in TUNNELS]
    for what, asked in (
        ("all that tshark names correctly", right),
        ("the same without tunnels, which are opened", carried),
        ("the same of protocols that portbook knows", known),
        ("the same of plant protocols", [one for one in known if one.truth in PLANT]),
    ):
        named = sum(one.ours is Verdict.RIGHT for one in asked)
        share = named / len(asked) if asked else 0.0
        yield Goal(
            f"recall of {what} is at least {RECALL_GOAL}",
            share >= RECALL_GOAL if measured and asked else None,
            f"{named} of {len(asked)}, {_number(share).strip()}",
        )


def _ndpi_goals(found: Reading) -> Iterator[Goal]:
    asked = [one for one in found.seen if one.ndpi_asked]
    held = [one for one in plant(lines(asked)) if one.truly]
    groups: dict[str, list[str]] = {"higher": [], "equal, both all": [], "not higher": []}
    for one in held:
        ours, other = one.ours.recall or 0, one.ndpi.recall or 0
        kind = "higher" if ours > other else "equal, both all" if ours == other == 1 else None
        groups[kind or "not higher"].append(one.protocol)
    shown = "; ".join(f"{kind}: {', '.join(names) or '-'}" for kind, names in groups.items())
    met = not groups["not higher"] if found.ndpi_asked else None
    yield Goal(
        "recall is higher than nDPI's on every plant protocol (or both name all)", met, shown
    )


def _goal(one: Goal) -> str:
    word = {True: "met", False: "MISSED", None: "not measured"}[one.met]
    return f"{word:13} {one.what}: {one.shown}"


def document(found: Reading) -> dict[str, Any]:
    """Return the report as one JSON document, with every disagreement by itself."""
    groups = {
        "all": found.seen,
        "tuned": [one for one in found.seen if one.tuned],
        "unseen": [one for one in found.seen if not one.tuned],
    }
    return {
        "captures": found.captures,
        "conversations": len(found.seen),
        "without_payload": found.silent,
        "witnesses": found.witnesses,
        "protocols": {name: [_line(one) for one in lines(seen)] for name, seen in groups.items()},
        "confusion": [
            {
                "truth": truth or None,
                "ours": name or None,
                "confidence": sure or None,
                "times": many,
            }
            for (truth, name, sure), many in sorted(confusion(found.seen).items())
        ],
        "goals": [one._asdict() for one in goals(found)],
        "disagreements": [_each(one, found.told) for one in found.seen if disagrees(one)],
    }


def _line(one: Line) -> dict[str, Any]:
    scores = {name: getattr(one, name) for name in ("confirmed", "ours", "tshark", "ndpi")}
    return {
        "protocol": one.protocol,
        "truly": one.truly,
        "alone": one.alone,
        **{
            name: {**score._asdict(), "precision": score.precision, "recall": score.recall}
            for name, score in scores.items()
        },
    }


def disagrees(one: Judged) -> bool:
    """Tell whether tshark and portbook name a conversation differently."""
    if one.tshark is None or one.asked.protocol is None:
        return one.tshark is not one.asked.protocol
    return verdict(one.tshark, one.asked.protocol) is not Verdict.RIGHT


def _each(one: Judged, told: dict[str, bool]) -> dict[str, Any]:
    asked = one.asked
    return {
        "capture": asked.capture,
        "conversation": str(asked.key),
        "truth": None if one.truth == NOTHING else one.truth,
        "by": one.by,
        "ours": asked.protocol,
        "confidence": asked.confidence,
        "tshark": one.tshark,
        "tshark_when_told": told.get(f"{asked.capture} {asked.key}"),
        "ndpi": one.ndpi,
        "ndpi_guessed": one.guessed,
    }
