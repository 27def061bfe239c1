"""Other scores of rhythm for `rhythm.py`, written by us from their published descriptions.

RITA 4       pkg/beacon of activecm/rita-legacy: mean of 1 - |Bowley skew|, 1 - MAD / 30 s and
             sightings per 10 s, of whole seconds; its parts about sizes see no time
RITA 5       analysis/beacons.go of activecm/rita, the interval part: mean of 1 - |Bowley skew| and
             1 - MAD / median; its other parts are the same for all short series of one size
MAD          1 - MAD / median of the intervals, as pcapper does
autocorr.    highest peak of the autocorrelation of a 0/1 series, bins of a tenth of the median gap
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

Times = list[float]  # seconds, in order


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values, between two by their distance."""
    at = share * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def median(values: Iterable[float]) -> float:
    return quantile(sorted(values), 0.5)


def mad(values: Sequence[float]) -> float:
    middle = median(values)
    return median(abs(one - middle) for one in values)


def skew(values: Sequence[float]) -> float:
    """Return Bowley's skew; 0 where RITA does not trust it: quartiles within 10 s, or equal."""
    ordered = sorted(values)
    low, middle, high = (quantile(ordered, share) for share in (0.25, 0.5, 0.75))
    if high - low < 10 or middle in (low, high):
        return 0.0
    return (low + high - 2 * middle) / (high - low)


def gaps(times: Times, whole: bool = False) -> list[float]:
    """Return the intervals; whole: of different whole seconds, as RITA keeps them."""
    kept: Sequence[float] = sorted({math.floor(at) for at in times}) if whole else times
    return [later - earlier for earlier, later in pairwise(kept)]


def rita4(times: Times) -> float:
    found = gaps(times, whole=True)
    if len(found) < 3:
        return 0.0
    count = min(1.0, len(times) / max(1.0, sum(found) / 10))
    return (1 - abs(skew(found)) + max(0.0, 1 - mad(found) / 30) + count) / 3


def rita5(times: Times) -> float:
    found = gaps(times, whole=True)
    if len(found) < 3:
        return 0.0
    return (1 - abs(skew(found)) + max(0.0, 1 - mad(found) / median(found))) / 2


def narrow(times: Times) -> float:
    found = gaps(times)
    return 1 - mad(found) / (median(found) or 1.0)


def autocorrelation(times: Times) -> float:
    """Return the highest peak: sightings that come again after the same time, above chance."""
    width = median(gaps(times)) / 10 or 1.0
    bins = sorted({int((at - times[0]) / width) for at in times})
    count, last = len(bins), bins[-1]
    pairs = Counter(
        later - earlier for index, earlier in enumerate(bins) for later in bins[index + 1 :]
    )
    best = 0.0
    for lag in {lag + near for lag in pairs for near in (-1, 0, 1)}:
        if 4 <= lag <= last / 2:
            # lightly smoothed: the neighbours count half
            found = pairs[lag] + (pairs[lag - 1] + pairs[lag + 1]) / 2
            best = max(best, found / count - 2 * count * (last - lag) / last**2)
    return best


PEERS: dict[str, Callable[[Times], float]] = {
    "RITA 4": rita4,
    "RITA 5": rita5,
    "MAD": narrow,
    "autocorr.": autocorrelation,
}
