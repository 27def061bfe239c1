"""The timeline: a missed round is seen, and what is not known is not drawn as if it were."""

from __future__ import annotations

import msgspec
import pytest
from faces.web.drawings import networks
from faces.web.drawings.networks import HOSTILE, SVG
from faces.web.drawings.test_beats import NOON, SECOND, announcement, ends
from hypothesis import given, settings
from hypothesis import strategies as st

from portbook.faces.web.drawings.svg import Drawn
from portbook.faces.web.drawings.timeline import MOST_ROWS, TimelineWords, timeline
from portbook.records import Announcement

WORDS = TimelineWords(
    title="Announcements",
    description="Heard and missed rounds",
    heard="heard",
    missed="missed",
    unknown="heard, times not kept",
    end="end of listening",
    row=lambda one, silent: f"{one.protocol}: {one.times} heard, silent for {silent}",
    gap=lambda missed, first, last: f"{missed} missed in {(last - first) // SECOND} s",
    earlier=lambda count: f"{count} earlier rounds",
    time=lambda moment, step_s: f"{(moment - NOON) // SECOND} s",
    left_out=lambda count: f"{count} more announcements",
)
WIDTHS = [328, 1200]


def check(drawn: Drawn) -> None:
    networks.parsed(drawn)

    assert [] == networks.overlaps(drawn.boxes)
    assert [] == [box for box in drawn.boxes if not box.within(drawn.width, drawn.height)]


def shapes(drawn: Drawn, kind: str) -> list[str]:
    """Return the paths of a class, without those of the legend above the rows."""
    groups = [one for one in networks.parsed(drawn) if one.find(f"{SVG}a") is not None]
    return [
        path.get("d") or ""
        for group in groups
        for path in group.iter(f"{SVG}path")
        if path.get("class") == kind
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_missed_round_is_hollow_and_crossed(width: int) -> None:
    drawn = timeline([announcement([0, 60, 180])], ends(180), width=width, words=WORDS)

    check(drawn)
    assert 3 == sum(shape.count("M") for shape in shapes(drawn, "d-heard"))
    (missed,) = shapes(drawn, "d-missed")
    assert "l6,6m0,-6l-6,6" in missed
    assert "1 missed in 120 s" in drawn.svg


def test_a_steady_announcement_has_no_cross() -> None:
    drawn = timeline([announcement([0, 60, 120])], ends(120), width=1200, words=WORDS)

    assert [] == shapes(drawn, "d-missed")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_missed_round_is_seen_among_rounds_too_close_to_be_drawn_one_by_one(width: int) -> None:
    long = announcement([0, 36_000], period_s=36_000)
    dense = announcement([one * 2.0 for one in range(64) if one != 40], period_s=2.0)
    drawn = timeline([long, dense], ends(36_000), width=width, words=WORDS, since_ns=NOON)

    check(drawn)
    assert "1 missed in 4 s" in drawn.svg
    assert [] != [shape for shape in shapes(drawn, "d-missed") if "l6,6m0,-6l-6,6" in shape]


def test_silence_is_drawn_to_the_end_of_listening() -> None:
    drawn = timeline([announcement([0, 60, 120])], ends(600), width=1200, words=WORDS)

    (missed,) = shapes(drawn, "d-missed")
    assert 8 == missed.count("l6,6m0,-6l-6,6")
    assert "silent for 8" in drawn.svg


def test_rounds_without_moments_are_an_outline_with_their_number() -> None:
    one = announcement([600, 660, 720], times=13)
    drawn = timeline([one], ends(720), width=1200, words=WORDS, since_ns=NOON)

    check(drawn)
    assert "10 earlier rounds" in drawn.svg
    assert 3 == sum(shape.count("M") for shape in shapes(drawn, "d-heard"))


def test_an_announcement_without_moments_is_told_by_its_number_alone() -> None:
    one = msgspec.structs.replace(
        announcement([], times=9), last_ns=NOON + 480 * SECOND, first_ns=NOON
    )
    drawn = timeline([one], ends(500), width=1200, words=WORDS)

    check(drawn)
    assert "9 earlier rounds" in drawn.svg
    assert [] == shapes(drawn, "d-heard")


def test_a_row_leads_to_its_device() -> None:
    drawn = timeline([announcement([0, 60])], ends(60), width=1200, words=WORDS)

    assert "/devices/10.0.0.5" in drawn.svg


def test_too_many_rows_are_counted() -> None:
    rows = [announcement([0, 60])] * (MOST_ROWS + 3)
    drawn = timeline(rows, ends(60), width=328, words=WORDS)

    check(drawn)
    assert 3 == drawn.left_out
    assert "3 more announcements" in drawn.svg


_rows = st.builds(
    lambda seconds, period_s, source, protocol: msgspec.structs.replace(
        announcement(seconds, period_s), source=source, protocol=protocol
    ),
    st.lists(st.floats(0, 1e6), max_size=70),
    st.sampled_from([0.0, 0.001, 1.0, 60.0, 1e5]),
    st.sampled_from(["10.0.0.5", "fe80::1", *HOSTILE]),
    st.sampled_from([None, *HOSTILE]),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(_rows, max_size=6),
    st.floats(-1e6, 1e8),
    st.sampled_from([280, 328, 640, 1200]),
    st.one_of(st.none(), st.integers(NOON - 10**15, NOON + 10**16)),
)
def test_whatever_was_announced_is_drawn_well(
    rows: list[Announcement], end_s: float, width: int, since_ns: int | None
) -> None:
    drawn = timeline(rows, ends(end_s), width=width, words=WORDS, since_ns=since_ns)

    check(drawn)
    assert drawn == timeline(rows, ends(end_s), width=width, words=WORDS, since_ns=since_ns)
    for one in (*shapes(drawn, "d-heard"), *shapes(drawn, "d-missed")):
        places = [float(step.split(",")[0]) for step in one.split("M")[1:]]
        assert all(0 <= place <= drawn.width for place in places)
