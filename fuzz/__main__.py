"""`scripts/fuzz [FAMILY|TARGET ...] --runs N | --seconds S`: see CONTRIBUTING.md."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from fuzz import guided, mutating

RUNS = 1000  # of each target, where nothing else is said


def main() -> int:
    """Run targets one after the other; return 1 when one fell."""
    asked = _asked()
    guide = guided.atheris is not None and not asked.plain and asked.input is None
    from fuzz.families import chosen, families

    if guide:
        with guided.instrumented():
            families()
    if asked.list:
        for family, targets in families().items():
            print(f"{family}: {' '.join(one.name for one in targets)}")
        return 0
    try:
        targets = chosen(asked.names)
    except LookupError as error:
        print(f"fuzz: {error}. See: scripts/fuzz --list", file=sys.stderr)
        return 2
    if guided.atheris is None and not asked.plain:
        print("fuzz: atheris is not installed here; the driver of our own runs, without coverage")
    share = asked.seconds / len(targets) if asked.seconds else None
    began, fallen, given = time.monotonic(), 0, 0
    for target in targets:
        try:
            if asked.input is not None:
                mutating.one(target, _octets(asked.input))
            elif guide:
                given += guided.run(target, runs=asked.runs, seconds=share, kept=asked.corpus)
            else:
                given += mutating.run(target, runs=asked.runs, seconds=share, number=asked.number)
        except mutating.Failure as failure:
            fallen += 1
            _tell(target.name, failure)
    took = time.monotonic() - began
    how = f"{asked.seconds:g} s" if asked.seconds else f"{asked.runs} inputs each"
    print(f"fuzz: {len(targets)} targets, {how}, {given} inputs: {fallen} fell; {took:.0f} s")
    return int(fallen > 0)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="FAMILY|TARGET", help="none: all of them")
    parser.add_argument("--runs", type=int, help=f"inputs of each target; {RUNS} unless told")
    parser.add_argument("--seconds", type=float, help="of all targets together, shared evenly")
    parser.add_argument("--corpus", type=Path, help="folder where inputs that lead further stay")
    parser.add_argument("--plain", action="store_true", help="the driver of our own, no atheris")
    parser.add_argument("--number", type=int, default=1, help="another one gives other inputs")
    parser.add_argument("--input", help="one input instead, as hex or as the name of a file")
    parser.add_argument("--list", action="store_true", help="name families and targets, and end")
    asked = parser.parse_args()
    if asked.runs is None and not asked.seconds:
        asked.runs = RUNS
    return asked


def _octets(text: str) -> bytes:
    path = Path(text)
    try:
        return path.read_bytes()
    except OSError:
        return bytes.fromhex(text)


def _tell(name: str, failure: mutating.Failure) -> None:
    print(f"fuzz: {name} fell: {failure}", file=sys.stderr)
    if failure.__cause__ and failure.__cause__.__traceback__:
        import traceback

        traceback.print_exception(failure.__cause__)
    shown = failure.octets.hex()
    print(f"fuzz: again with: scripts/fuzz {name} --input {shown}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
