"""Waveforms: the range of counts is where it belongs, and a gap is seen."""

from __future__ import annotations

import re

import pytest
from faces.web.drawings import networks
from faces.web.drawings.networks import HOSTILE, SVG
from hypothesis import given, settings
from hypothesis import strategies as st

from portbook.faces.web.drawings.stations_axes import Span, clock, rounded, ticks
from portbook.faces.web.drawings.waveform import (
    BOTTOM,
    LEAST_GAP,
    LEFT,
    RIGHT,
    TOP,
    WaveWords,
    columns,
    waveform,
)
from portbook.faces.web.stations_records import Envelope, Gap, Run

NANO = 1_000_000_000
START_NS = 1_795_248_000 * NANO
WORDS = WaveWords("HHZ", "what is drawn")
STEP = re.compile(r"(-?[0-9.]+) ?(-?[0-9.]+)")


def envelope(*runs: Run, gaps: tuple[Gap, ...] = (), width: int = 100) -> Envelope:
    samples = sum(len(run.columns) for run in runs)
    until_ns = START_NS + 300 * NANO
    return Envelope("9D20", 1, 1, START_NS, until_ns, width, runs, gaps, samples, 100.0, "HHZ")


def drawn(told: Envelope, width: int = 920, height: int = 104) -> networks.ElementTree.Element:
    return networks.parsed(waveform(told, width=width, height=height, words=WORDS))


def points(path: str) -> list[tuple[float, float]]:
    """Return the places of a path that is drawn by steps."""
    begin, _, rest = path.rstrip("z").partition("l")
    x, y = map(float, begin.removeprefix("M").split())
    found = [(x, y)]
    for right, down in STEP.findall(rest):
        x, y = x + float(right), y + float(down)
        found.append((x, y))
    return found


def waves(root: networks.ElementTree.Element) -> list[list[tuple[float, float]]]:
    found = (
        one for one in root.iter(f"{SVG}path") if (one.get("class") or "").startswith("s-wave")
    )
    return [points(one.get("d") or "") for one in found]


def test_counts_are_drawn_where_they_belong() -> None:
    run = Run(tuple(range(100)), (-50,) * 100, (150,) * 100)
    (line,) = waves(drawn(envelope(run)))
    width, height = 920 - LEFT - RIGHT, 104 - BOTTOM

    assert TOP + 2 == min(y for _, y in line)
    assert height - 2 == pytest.approx(max(y for _, y in line))
    assert LEFT + width / 200 == pytest.approx(min(x for x, _ in line), abs=0.2)
    assert 920 - RIGHT - width / 200 == pytest.approx(max(x for x, _ in line), abs=0.2)


def test_a_gap_parts_the_line_and_is_marked_and_told() -> None:
    gap = Gap(START_NS + 100 * NANO, START_NS + 200 * NANO)
    one = Run(tuple(range(33)), (0,) * 33, (9,) * 33)
    two = Run(tuple(range(67, 100)), (0,) * 33, (9,) * 33)
    root = drawn(envelope(one, two, gaps=(gap,)))
    (band,) = (each for each in root.iter(f"{SVG}rect") if each.get("class") == "s-gap")
    left, wide = float(band.get("x") or 0), float(band.get("width") or 0)

    assert "gap: 100 s" == band.findtext(f"{SVG}title")
    assert 2 == len(waves(root))
    assert not any(left < x < left + wide for line in waves(root) for x, _ in line)
    assert (920 - LEFT - RIGHT) / 3 == pytest.approx(wide, abs=0.2)


def test_the_shortest_gap_is_seen_and_touching_ones_are_one() -> None:
    gaps = tuple(Gap(START_NS + at * 1000, START_NS + at * 1000 + 500) for at in range(5000))
    root = drawn(envelope(Run((5,), (1,), (2,)), gaps=gaps))
    bands = [one for one in root.iter(f"{SVG}rect") if one.get("class") == "s-gap"]

    assert 1 == len(bands)
    assert float(bands[0].get("width") or 0) >= LEAST_GAP / 2


def test_nothing_at_all_is_said_in_words() -> None:
    root = drawn(envelope())

    assert WORDS.silent in [one.text for one in root.iter(f"{SVG}text")]
    assert [] == waves(root)


def test_a_lone_sample_is_a_dot() -> None:
    (line,) = waves(drawn(envelope(Run((50,), (7,), (7,)))))

    assert 2 == len(line)


def test_it_says_what_it_is_to_a_screen_reader() -> None:
    root = drawn(envelope(Run((50,), (7,), (7,))))

    assert ("img", "HHZ", "what is drawn") == (
        root.get("role"),
        root.findtext(f"{SVG}title"),
        root.findtext(f"{SVG}desc"),
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_stay_text(text: str) -> None:
    words = WaveWords(text, text, text, text)
    gap = Gap(START_NS, START_NS + 299 * NANO)
    for told in (envelope(), envelope(Run((1,), (1,), (2,)), gaps=(gap,))):
        root = networks.parsed(waveform(told, width=400, height=104, words=words))
        assert {"svg", "title", "desc", "rect", "path", "text", "line"} >= {
            one.tag.removeprefix(SVG) for one in root.iter()
        }


@st.composite
def runs(draw: st.DrawFn) -> tuple[Run, ...]:
    found = []
    for _ in range(draw(st.integers(0, 5))):
        where = sorted(draw(st.sets(st.integers(0, 99), min_size=1, max_size=30)))
        pairs = [sorted(draw(st.tuples(INT, INT))) for _ in where]
        found.append(Run(tuple(where), tuple(p[0] for p in pairs), tuple(p[1] for p in pairs)))
    return tuple(found)


INT = st.integers(-(2**31), 2**31 - 1)


@given(runs(), st.integers(200, 1400))
@settings(deadline=None)
def test_any_envelope_stays_in_its_frame(some: tuple[Run, ...], width: int) -> None:
    root = drawn(envelope(*some), width)

    for line in waves(root):
        assert all(LEFT - 0.2 <= x <= width - RIGHT + 0.2 for x, _ in line)
        assert all(TOP - 0.2 <= y <= 104 - BOTTOM + 0.2 for _, y in line)
    assert columns(width) == width - LEFT - RIGHT


@given(st.integers(0, 2**62), st.integers(1, 40 * 86400), st.floats(100, 2000))
@settings(deadline=None)
def test_ticks_are_round_within_the_time_and_not_too_many(
    from_ns: int, seconds: int, wide: float
) -> None:
    span = Span(from_ns, from_ns + seconds * NANO, 0.0, wide)
    moments, form = ticks(span)

    assert all(span.from_ns <= at <= span.until_ns for at in moments)
    assert len(moments) <= wide / 40 + 2
    assert len({clock(at, "%Y-%m-%d " + form) for at in moments}) in (1, len(moments))


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_round_numbers_hold_what_is_between(one: float, two: float) -> None:
    lowest, highest = rounded(min(one, two), max(one, two))

    spare = 1e-8 * (abs(one - two) + 1)

    assert lowest < highest
    assert lowest <= min(one, two) + spare
    assert highest >= max(one, two) - spare
