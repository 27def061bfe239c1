"""How many conversations of captures fit the moulds of their protocols, and what naming costs.

    python benchmarks/moulds.py CAPTURE... [--protocol NAME] [--misfits]

A row a protocol: conversations that its recogniser confirms and that were seen whole from their
beginning, in both directions; how many of them fit one of its moulds; and microseconds for one of
them, by its moulds (with the cost of calling them from Python) and by `identify()`. A line with
`WIDER` is a mistake: a conversation fits the mould of a protocol that it is not confirmed as.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import perf_counter
from typing import NamedTuple

from portbook.errors import SourceError
from portbook.evidence import captures, readers
from portbook.evidence.conversations import Observed, records
from portbook.evidence.judging import Judge, judge
from portbook.ports import Transport
from portbook.protocols import Cast, Payload, Side, identify, protocols
from portbook.protocols.moulds import Mould
from portbook.protocols.prefilter import prefilter
from portbook.records import Confidence

TURNS = 20


class Tally(NamedTuple):
    """The conversations of one protocol: those that fit a mould, and those that do not."""

    fitting: list[Observed]
    others: list[Observed]


class Set(NamedTuple):
    """The moulds of one protocol, and who judges by them."""

    moulds: tuple[Mould, ...]
    judge: Judge

    def fits(self, payload: Payload) -> bool:
        """Tell whether a conversation fits one of them."""
        stream = payload.transport is Transport.TCP
        asked, told = (_pieces(side, stream) for side in (payload.to_server, payload.to_client))
        return any(
            one.transport is payload.transport and self.judge.fits(number, stream, asked, told)
            for number, one in enumerate(self.moulds)
        )


def main() -> None:
    """Print a row for each protocol that has moulds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("capture", nargs="+", help="files and folders")
    parser.add_argument("--protocol", action="append", help="only these")
    parser.add_argument("--misfits", action="store_true", help="show what does not fit")
    told = parser.parse_args()
    known = _sets(set(told.protocol or ()))
    found = _tally(told.capture, known)
    print(
        f"{'protocol':<14}{'confirmed':>10}{'fit':>8}{'share':>8}{'mould us':>10}{'named us':>10}"
    )
    for name, tally in sorted(found.items()):
        _row(name, tally, known[name])
        for one in tally.others if told.misfits else ():
            _show(one)


def _sets(wanted: set[str]) -> dict[str, Set]:
    found = {}
    for one in protocols().values():
        if one.moulds and (not wanted or one.name in wanted):
            by = judge(one.moulds)
            if by is None:
                raise SystemExit("the compiled modules are not built: moulds are not used")
            found[one.name] = Set(one.moulds, by)
    return found


def _tally(wanted: list[str], known: dict[str, Set]) -> dict[str, Tally]:
    found: dict[str, Tally] = defaultdict(lambda: Tally([], []))
    for one in _observed(wanted):
        told = identify(one.payload, roles_known=one.roles_known)
        sure = told is not None and told.confidence is Confidence.CONFIRMED and not told.swapped
        name = told.protocol if told and sure else None
        for other, by in known.items():
            if other != name and by.fits(one.payload):
                _show(one, f"WIDER: {other} is {told}")
        if name in known:
            tally = found[name]
            fit = known[name].fits(one.payload)
            (tally.fitting if fit else tally.others).append(one)
    return found


def _observed(wanted: list[str]) -> Iterator[Observed]:
    """Give the conversations that were seen in both directions, each from its beginning."""
    for capture in captures.find(wanted).captures:
        table = readers.table(prefilter().rows, seed=1)
        with suppress(SourceError):  # a cut capture keeps what was read before
            captures.read(capture, table, full=lambda: None, starved=table.release)
        for one in records(table.rows(), capture.name):
            sides = one.payload.to_server, one.payload.to_client
            if one.payload.cast is Cast.UNICAST and all(
                side.octets and side.started for side in sides
            ):
                yield one


def _pieces(side: Side, stream: bool) -> list[tuple[bytes, int]]:
    if stream:
        return [(side.octets, side.total)]
    return [(piece.octets, piece.length) for piece in side]


def _row(name: str, tally: Tally, by: Set) -> None:
    fit, others = len(tally.fitting), len(tally.others)
    payloads = [one.payload for one in tally.fitting][:200]
    costs = [_microseconds(do, payloads) for do in (by.fits, identify)]
    share = f"{fit / (fit + others):.0%}"
    row = f"{name:<14}{fit + others:>10}{fit:>8}{share:>8}"
    print(row + "".join(f"{cost:>10.1f}" if payloads else f"{'-':>10}" for cost in costs))


def _microseconds(do: Callable[[Payload], object], payloads: list[Payload]) -> float:
    """Return what one costs, in the best of some turns."""
    best = float("inf")
    for _ in range(TURNS):
        began = perf_counter()
        for payload in payloads:
            do(payload)
        best = min(best, perf_counter() - began)
    return 1e6 * best / max(1, len(payloads))


def _show(one: Observed, why: str = "misfit") -> None:
    told = one.conversation
    ends = f"{told.client} {told.client_port} > {told.server} {told.server_port}"
    print(f"  {why}: {told.source} {told.transport} {ends}")
    for word, side in (("asked", one.payload.to_server), ("told", one.payload.to_client)):
        for piece in list(side)[:6]:
            print(f"    {word:<6}{piece.length:>6} {piece.octets.hex()}")


if __name__ == "__main__":
    main()
