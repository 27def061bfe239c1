"""Whether a series of sightings has a period, and which: three tests of intervals.

A known period is judged by the share of intervals that are whole multiples of it. An unknown one
is sought as a lattice: every interval a multiple of one period, jitter and outliers allowed, and
weighed against the best irregular explanation; short series may also pass by their plain spread.
Intervals are seconds; nothing here knows what was sighted.
Thresholds are measured, see `_LATTICE`; the methods are those of portbook's docs on rhythm.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from portbook.records import Confidence

FEWEST_KNOWN, FEWEST_UNKNOWN = 3, 5  # sightings
MOST_SIGHTINGS = 64  # the latest ones that count: more cost time and tell nothing new
_SURE_KNOWN, _SURE_UNKNOWN = 5, 8
_TOLERANCE = 0.1  # of the period: how far an interval may lie from a multiple of a known one
_FURTHEST_KNOWN, _FURTHEST = 12, 6  # multiples of the period that one interval may span
_CHANCE = 0.15  # of an irregular series' intervals lie near a multiple; 0.10 to 0.20 measured
# Most luck that is believed, by number of intervals: the more there are, the less of it a true
# rhythm needs, and the further irregular series stray from the share above.
_LUCK = ((10, 0.003), (6, 0.01), (0, 0.03))
_LEAST_SEEN = (1 / 4, 1 / 3)  # of the expected sightings: of five and more, of fewer

_NEAR = 0.2  # of the period: what belongs to a multiple while a lattice is fitted
_SINGLES = 0.3  # of the intervals must be the period itself, else half of it fits as well
_OUTLIERS = 0.08  # share of intervals that a lattice leaves to chance: restarts, pauses
_JITTER = (0.01, 0.15)  # least and most, of the period
_SPREAD = 0.35  # least logarithmic spread of the irregular explanation
_TRIED = 20  # intervals that a period is guessed from

# Least (score, 1 - MAD/median, 1 - deviation/mean) by number of sightings: at each, one in 300
# irregular series passes (plausible), one in 1000 (confirmed). Measured on 3000 series each of
# Poisson, log-normal, gamma, on/off, Pareto and uniform intervals; rounded towards caution.
_LATTICE: dict[Confidence, dict[int, tuple[float, float, float]]] = {
    Confidence.PLAUSIBLE: {
        5: (3.0, 0.980, 0.935),
        6: (2.8, 0.982, 0.900),
        8: (1.8, 0.960, 0.840),
        10: (1.3, 0.935, 0.790),
        15: (0.3, 0.890, 0.720),
        30: (0.0, 0.830, 0.620),
    },
    Confidence.CONFIRMED: {
        8: (5.0, 0.965, 0.870),
        10: (5.0, 0.945, 0.810),
        15: (5.0, 0.915, 0.745),
        30: (5.0, 0.850, 0.640),
    },
}


class Period(NamedTuple):
    """A period that a series has."""

    seconds: float
    jitter: float  # seconds: mean distance of its intervals from whole multiples
    confidence: Confidence
    because: str


def known(intervals: Sequence[float], period: float) -> Period | None:
    """Judge a series against a period that its protocol fixes; None when it does not fit.

    Three sightings of the right spacing are plausible; five are confirmed, if chance would not
    do as well once in a hundred series.
    """
    intervals = intervals[1 - MOST_SIGHTINGS :]
    steps = [(one, _multiple(one, period, _TOLERANCE, _FURTHEST_KNOWN)) for one in intervals]
    fitting = [(one, step) for one, step in steps if step]
    spanned = sum(step for _, step in fitting)
    many = len(fitting) >= _SURE_KNOWN - 1
    if len(fitting) < FEWEST_KNOWN - 1 or len(fitting) < _LEAST_SEEN[not many] * spanned:
        return None
    luck = _at_least(len(fitting), len(intervals), _CHANCE)
    if luck > next(most for least, most in _LUCK if len(intervals) >= least):
        return None
    sure = luck <= 0.01 and many
    seconds = sum(one for one, _ in fitting) / spanned
    return Period(
        seconds,
        _jitter(fitting, seconds),
        Confidence.CONFIRMED if sure else Confidence.PLAUSIBLE,
        f"{len(fitting)} of {len(intervals)} intervals fit the protocol's period of {period:g} s",
    )


def unknown(intervals: Sequence[float]) -> Period | None:
    """Find the period of a series that nobody has told of; None when it has none.

    Needs five sightings; fewer say nothing about an unknown period.
    """
    intervals = intervals[1 - MOST_SIGHTINGS :]
    sightings = len(intervals) + 1
    if sightings < FEWEST_UNKNOWN or min(intervals) <= 0:
        return None
    score, lattice = _fit(intervals)
    middle, mean = median(intervals), math.fsum(intervals) / len(intervals)
    narrow = 1 - median([abs(one - middle) for one in intervals]) / middle
    steady = (
        1 - math.sqrt(math.fsum((one - mean) ** 2 for one in intervals) / len(intervals)) / mean
    )
    marks = (score, narrow, steady)
    for confidence in (Confidence.CONFIRMED, Confidence.PLAUSIBLE):
        passed = [
            one >= least for one, least in zip(marks, _least(confidence, sightings), strict=True)
        ]
        if any(passed):
            # a wide jitter leaves many intervals out when it is refined: the mean has them all
            guess = lattice if passed[0] else middle if passed[1] else mean
            refined = _refined(intervals, guess) if passed[0] or passed[1] else None
            found = _found(intervals, refined or guess, confidence)
            wanted = expected(intervals, found.seconds)
            return found if sightings >= _seen_of(wanted, sightings) else None
    return None


def expected(intervals: Iterable[float], period: float) -> int:
    """Return how many sightings a period makes one expect in a series."""
    return 1 + sum(max(1, round(one / period)) for one in intervals)


def shown(seconds: float) -> float:
    """Return a period with three digits, as many as jitter leaves it."""
    return float(f"{seconds:.3g}")


def _seen_of(wanted: int, sightings: int) -> float:
    """Return the fewest sightings that make a rhythm where so many were to be expected.

    What comes in groups with long pauses, as questions that are asked again do, has a spacing
    but no rhythm; 30 % loss leaves more than half.
    """
    return wanted * (0.5 if sightings >= _SURE_UNKNOWN else 0.6)


def _found(intervals: Sequence[float], seconds: float, confidence: Confidence) -> Period:
    steps = [(one, _multiple(one, seconds, 0.5, _FURTHEST)) for one in intervals]
    fitting = [(one, step) for one, step in steps if step]
    why = f"{len(fitting)} of {len(intervals)} intervals are multiples of {shown(seconds):g} s"
    return Period(seconds, _jitter(fitting, seconds), confidence, why)


def _least(confidence: Confidence, sightings: int) -> tuple[float, float, float]:
    table = _LATTICE[confidence]
    rows = sorted(table)
    at = bisect_right(rows, sightings)
    # between two measured lengths the shorter one's thresholds stand: they are the stricter
    return table[rows[at - 1]] if at else (math.inf, math.inf, math.inf)


def _multiple(interval: float, period: float, tolerance: float, furthest: int) -> int:
    """Return which multiple of the period an interval is, 0 for none."""
    step = round(interval / period)
    near = abs(interval - step * period) <= tolerance * period
    return step if near and 1 <= step <= furthest else 0


def _jitter(fitting: Sequence[tuple[float, int]], period: float) -> float:
    return math.fsum(abs(one - step * period) for one, step in fitting) / (len(fitting) or 1)


def _at_least(hits: int, tries: int, chance: float) -> float:
    """Return the probability of at least so many hits."""
    return math.fsum(
        math.comb(tries, one) * chance**one * (1 - chance) ** (tries - one)
        for one in range(hits, tries + 1)
    )


def _fit(intervals: Sequence[float]) -> tuple[float, float]:
    """Return the best lattice's score against an irregular series, and its period."""
    irregular = _irregular(intervals)
    best, period = -math.inf, 0.0
    tried: list[float] = []
    for guess in _guesses(intervals):
        refined = _refined(intervals, guess)
        if refined is None or any(abs(refined - one) < 0.002 * refined for one in tried):
            continue
        tried.append(refined)
        weight = _weight(intervals, refined, irregular)
        if weight > best:
            best, period = weight, refined
    count = len(intervals)
    # what fitting three numbers, and trying many periods, wins by itself
    allowance = 1.5 * math.log(count) + math.log(3 * count)
    return best - math.fsum(irregular) - allowance, period


def _guesses(intervals: Sequence[float]) -> Iterable[float]:
    ordered = sorted(intervals)
    picked = max(1, math.ceil(len(ordered) / _TRIED))
    for one in ordered[picked // 2 :: picked]:
        yield from (one, one / 2, one / 3)


def _refined(intervals: Sequence[float], period: float) -> float | None:
    for _ in range(2):
        spent, steps = 0.0, 0
        for one in intervals:
            step = _multiple(one, period, _NEAR, _FURTHEST)
            if step:
                spent += one
                steps += step
        if not steps:
            return None
        period = spent / steps
    return period


def _irregular(intervals: Sequence[float]) -> list[float]:
    """Return the log density of each interval: exponential or log-normal, whichever fits better."""
    count = len(intervals)
    mean = math.fsum(intervals) / count
    exponential = [-math.log(mean) - one / mean for one in intervals]
    logs = [math.log(one) for one in intervals]
    middle = math.fsum(logs) / count
    spread = max(_SPREAD, math.sqrt(math.fsum((one - middle) ** 2 for one in logs) / count))
    scale = math.log(spread * math.sqrt(2 * math.pi))
    lognormal = [-one - scale - (one - middle) ** 2 / (2 * spread**2) for one in logs]
    return max(exponential, lognormal, key=math.fsum)


def _weight(intervals: Sequence[float], period: float, irregular: Sequence[float]) -> float:
    """Return the log likelihood of a lattice: geometric in the multiple, normal around it."""
    steps = [round(one / period) for one in intervals]
    inside = [
        (one - step * period, step)
        for one, step in zip(intervals, steps, strict=True)
        if 1 <= step <= _FURTHEST and abs(one - step * period) <= _NEAR * period
    ]
    singles = sum(step == 1 for _, step in inside)
    if len(inside) < 2 or singles < _SINGLES * len(intervals):
        return -math.inf
    spread = math.sqrt(math.fsum(rest**2 for rest, _ in inside) / len(inside))
    sigma = min(_JITTER[1] * period, max(_JITTER[0] * period, spread))
    seen = len(inside) / sum(step for _, step in inside)
    lost = math.log(1 - seen) if seen < 1 else -math.inf
    first = math.log((1 - _OUTLIERS) * seen) - math.log(sigma * math.sqrt(2 * math.pi))
    total = 0.0
    for one, step, other in zip(intervals, steps, irregular, strict=True):
        chance = math.log(_OUTLIERS) + other
        if step == 1 or (1 < step <= _FURTHEST and lost > -math.inf):
            here = first + (step - 1) * (lost if step > 1 else 0.0)
            here -= ((one - step * period) / sigma) ** 2 / 2
            chance, here = max(chance, here), min(chance, here)
            total += chance + math.log1p(math.exp(here - chance))
        else:
            total += chance
    return total


def median(values: Sequence[float]) -> float:
    """Return the middle value."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
