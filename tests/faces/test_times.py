"""Times as people write them."""

import pytest

from portbook.errors import UsageError
from portbook.faces.times import NANO, duration_s, lasting, moment_ns, short

NOW_NS = 1_763_712_000 * NANO  # 2025-11-21T08:00:00Z


@pytest.mark.parametrize(
    ("text", "seconds_ago"),
    [
        ("90s", 90),
        ("2h", 7200),
        ("1.5h", 5400),
        ("3d", 259200),
        ("2025-11-21T07:00:00Z", 3600),
        ("2025-11-21T08:00+01:00", 3600),
        ("2025-11-21", 28800),
    ],
)
def test_a_moment_is_a_time_or_how_long_ago(text: str, seconds_ago: int) -> None:
    assert NOW_NS - seconds_ago * NANO == moment_ns(text, NOW_NS)


@pytest.mark.parametrize("text", ["", "yesterday", "5", "2h3", "2025-13-01"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="2h for two hours ago"):
        moment_ns(text, NOW_NS)
    with pytest.raises(UsageError):
        duration_s(text)


def test_durations_read_well() -> None:
    assert ["0.4 s", "1 min 15 s", "1 min", "2 h 5 min", "4 d 3 h"] == [
        lasting(s) for s in (0.4, 75, 60, 7500, 4 * 86400 + 3 * 3600)
    ]


def test_a_time_that_no_calendar_has_is_still_shown() -> None:
    assert short(2**63).startswith("2262-")
    assert short(2**80 * 1000).startswith("@")
