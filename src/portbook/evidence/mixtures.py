"""The period that several interleaved rhythms share, where none of them can be told apart.

Programs behind one address that send from a new port every time look like one irregular sender:
each has its own moment within the period. What comes again after the same time still shows, in
the autocorrelation of a series of noughts and ones, lightly smoothed.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from portbook.evidence.periods import MOST_SIGHTINGS, Period, median, shown
from portbook.records import Confidence

FEWEST_MIXED = 15  # sightings
_BINS = 10  # in the median interval
_SHORTEST = 4  # bins: what lies closer is jitter of the bins themselves
_OF_BEST = 0.65  # of the highest peak: a lower one at a shorter time is the period, not its double

# Least peak by number of sightings: one in 300 irregular series passes. Measured on 3000 series
# each, of the kinds that `periods` names and of somebody at work; rounded towards caution.
_LEAST = {15: 0.36, 20: 0.33, 30: 0.30, 45: 0.285, MOST_SIGHTINGS: 0.26}


def mixed(times: Sequence[float]) -> Period | None:
    """Find the period that sightings of several senders share; None when there is none.

    times: seconds, in order, no two the same; the latest 64 count
    """
    times = times[-MOST_SIGHTINGS:]
    if len(times) < FEWEST_MIXED:
        return None
    width = median([later - earlier for earlier, later in pairwise(times)]) / _BINS
    # a pause as long as this leaves nothing to compare: bins would be counted without end
    if not 0 < width < math.inf or (times[-1] - times[0]) / width > 1e9:
        return None
    peaks = _peaks([int((one - times[0]) / width) for one in times])
    best = max(peaks.values(), default=0.0)
    rows = sorted(_LEAST)
    if best < _LEAST[rows[bisect_right(rows, len(times)) - 1]]:
        return None
    lag = min(lag for lag, peak in peaks.items() if peak >= _OF_BEST * best)
    lag = max((lag - 1, lag, lag + 1), key=lambda one: peaks.get(one, 0.0))
    return _found(times, lag * width, 1.5 * width)


def _peaks(bins: Sequence[int]) -> dict[int, float]:
    """Return by lag what share of the sightings come again after it, above chance."""
    bins = sorted(set(bins))
    count, last = len(bins), bins[-1]
    pairs = Counter(later - earlier for at, earlier in enumerate(bins) for later in bins[at + 1 :])
    peaks: dict[int, float] = {}
    for lag in {lag + near for lag in pairs for near in (-1, 0, 1)}:
        if _SHORTEST <= lag <= last / 2:
            seen = pairs[lag] + (pairs[lag - 1] + pairs[lag + 1]) / 2
            peaks[lag] = seen / count - 2 * count * (last - lag) / last**2
    return peaks


def _found(times: Sequence[float], period: float, reach: float) -> Period | None:
    near = [
        later - earlier
        for at, earlier in enumerate(times)
        for later in times[at + 1 :]
        if abs(later - earlier - period) <= reach
    ]
    if not near:
        return None
    middle = median(near)
    jitter = math.fsum(abs(one - middle) for one in near) / len(near)
    why = f"{len(near)} pairs of {len(times)} times lie {shown(middle):g} s apart"
    return Period(middle, jitter, Confidence.PLAUSIBLE, why)
