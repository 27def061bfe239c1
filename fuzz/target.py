"""What a target is, and what every one of them is held to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

LARGEST = 4096  # octets of an input, unless the target says otherwise
LONGEST_S = 10  # for one input; quadratic time shows in far less octets than a peer may send


class Target(NamedTuple):
    """One thing to fuzz.

    check: raises when something is wrong with these octets; seeds: inputs to begin with, made by
    our own code; largest: octets of an input
    """

    name: str
    check: Callable[[bytes], object]
    seeds: Callable[[], Iterable[bytes]]
    largest: int = LARGEST


def agree(expected: object, actual: object, what: str) -> None:
    """Raise AssertionError when two ways to the same end differ."""
    if expected != actual:
        one, other = repr(expected), repr(actual)
        pairs = zip(one, other, strict=False)
        at = max(0, next((at for at, (a, b) in enumerate(pairs) if a != b), 0) - 80)
        end = at + 400
        raise AssertionError(f"{what}, from {at} on:\n  {one[at:end]}\n  {other[at:end]}")


def must(fine: bool, what: str) -> None:
    """Raise AssertionError with a reason; unlike `assert` it is never compiled away."""
    if not fine:
        raise AssertionError(what)
