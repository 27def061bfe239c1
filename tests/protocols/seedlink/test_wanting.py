"""Patterns of both versions, numbers and times, as clients write them; hostile ones refused."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.protocols.seedlink.wanting import (
    CommandError,
    Matcher,
    Select,
    Station,
    Wanted,
    matches,
    select,
    sequence_3,
    sequence_4,
    station_pattern,
    time_ns,
)

STREAM, SEED = "00_H_H_Z", "00HHZ"


def selected(version: int, *words: str, stream: str = STREAM, seed: str = SEED) -> bool:
    made = [select(word, version) for word in words]
    return Station("*", tuple(one for one in made if one)).streams(stream, seed)


@pytest.mark.parametrize(
    ("word", "taken"),
    [
        ("00_H_H_Z", True),
        ("*_H_H_?", True),
        ("00_*", True),
        ("*", True),
        ("*_B_H_Z", False),
        ("_H_H_Z", False),
        ("00_H_H_Z.2D", True),
        ("*.2", True),
        ("*.*D", True),
        ("*:native", True),
        ("*_H_*_*", True),
        ("?_H_H_Z", False),
    ],
)
def test_stream_patterns_of_version_4(word: str, taken: bool) -> None:
    assert taken == selected(4, word)


@pytest.mark.parametrize(
    ("word", "seed", "taken"),
    [
        ("HHZ", "00HHZ", True),
        ("HHZ", "  HHZ", True),
        ("00HHZ", "00HHZ", True),
        ("00HHZ", "10HHZ", False),
        ("00HHZ.D", "00HHZ", True),
        ("HH?.D", "10HHN", True),
        ("--HHZ", "  HHZ", True),
        ("--HHZ", "00HHZ", False),
        ("??HHZ", "  HHZ", True),
        ("0HHZ", "0 HHZ", True),
        (".D", "00HHZ", True),
        ("*", "00HHZ", True),
        ("00H*", "00HHE", True),
        ("BH?", "00HHZ", False),
    ],
)
def test_stream_patterns_of_version_3(word: str, seed: str, taken: bool) -> None:
    assert taken == selected(3, word, seed=seed)


def test_what_is_excluded_is_not_sent() -> None:
    assert not selected(4, "*_H_*", "!*_?_?_Z")
    assert not selected(3, "HH?", "!HHZ")
    assert selected(3, "!HHN")  # nothing asked for but the rest of it
    assert not selected(3, "!HHZ")


@pytest.mark.parametrize(("version", "word"), [(4, "*.3"), (4, "*.2E"), (3, "HHZ.E"), (3, ".L")])
def test_a_kind_that_is_not_served_matches_nothing(version: int, word: str) -> None:
    assert select(word, version) is None


@pytest.mark.parametrize(
    ("version", "word"),
    [
        (4, "*:3"),
        (4, "!*:native"),
        (4, "00:HHZ"),
        (4, "a[b]"),
        (4, ""),
        (4, "*" * 65),
        (3, "HH"),
        (3, "00HHZX"),
        (3, "00_H_H_Z"),
        (3, "HHZ.X"),
        (3, "!"),
        (3, ""),
    ],
)
def test_patterns_that_are_refused(version: int, word: str) -> None:
    with pytest.raises(CommandError) as refusal:
        select(word, version)

    assert "ARGUMENTS" == refusal.value.code


def test_stations_are_told_the_other_way_round_in_version_3() -> None:
    assert "XX_ALFA" == station_pattern(["XX_ALFA"], 4)
    assert "XX_ALFA" == station_pattern(["ALFA", "XX"], 3)
    assert "*_ALFA" == station_pattern(["ALFA"], 3)
    for words, version in ((["A", "B"], 4), ([], 3), (["A", "B", "C"], 3), (["(a+)+$"], 4)):
        with pytest.raises(CommandError):
            station_pattern(words, version)


def test_a_station_counts_for_the_first_pattern_that_it_matches() -> None:
    zed = Select("*_H_H_Z")
    wanted = Wanted((Station("*_A*", (zed,)), Station("XX_ALFA"), Station("*F"), Station("XX_B")))
    matcher = Matcher(wanted)

    assert 0 == matcher.which("XX_ALFA", STREAM, SEED)
    assert matcher.which("XX_ALFA", "00_H_H_N", "00HHN") is None  # not excluded from the first
    assert 2 == matcher.which("GE_WLF", STREAM, SEED)
    assert 3 == matcher.which("XX_B", STREAM, SEED)
    assert matcher.which("XX_C", STREAM, SEED) is None


def test_numbers() -> None:
    assert 0x1A == sequence_3("00001A") == sequence_3("0x1a")  # ObsPy writes 0x
    assert sequence_3("-1") is sequence_4("-1") is None
    assert 0x3456 == sequence_3("FF003456")
    assert (1 << 64) - 1 == sequence_4("18446744073709551615")
    for word in ("18446744073709551616", "1A", "", "-2", "1" * 40, "¹"):
        with pytest.raises(CommandError):
            sequence_4(word)
    for word in ("", "0x", "G", "123456789", "-2"):
        with pytest.raises(CommandError):
            sequence_3(word)


@pytest.mark.parametrize(
    ("word", "ns"),
    [
        ("2026-09-21T14:13:20Z", 1_790_000_000_000_000_000),
        ("2026-09-21T14:13:20.5Z", 1_790_000_000_500_000_000),
        ("2026-09-21T14:13:20.000001Z", 1_790_000_000_000_001_000),
        ("2026,09,21,14,13,20", 1_790_000_000_000_000_000),
        ("2026,9,21,14,13,20", 1_790_000_000_000_000_000),
        ("2026,9,21,14,13,20,123456789", 1_790_000_000_123_456_789),
        ("2026,9,21", 1_789_948_800_000_000_000),
        ("2026-09-21", 1_789_948_800_000_000_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000_000),
    ],
)
def test_times_of_both_versions(word: str, ns: int) -> None:
    assert ns == time_ns(word)


@pytest.mark.parametrize(
    "word",
    ["", "now", "2026", "2026,13,1", "2026-02-30", "0000-01-01", "2026-09-21T24:00:00Z", ","],
)
def test_times_that_are_refused(word: str) -> None:
    with pytest.raises(CommandError):
        time_ns(word)


@given(st.text("ab*?_", max_size=12), st.text("ab_", max_size=12))
def test_patterns_match_as_globs_do(pattern: str, text: str) -> None:
    assert fnmatch.fnmatchcase(text, pattern) == matches(pattern, text)


@given(st.text(max_size=100), st.sampled_from([3, 4]))
def test_any_words_are_read_or_refused(word: str, version: int) -> None:
    reasons = [
        refusal(lambda: select(word, version)),
        refusal(lambda: station_pattern([word], version)),
        refusal(lambda: sequence_3(word)),
        refusal(lambda: sequence_4(word)),
        refusal(lambda: time_ns(word)),
    ]

    assert all(one.isascii() and one.isprintable() for one in reasons)


def refusal(read: Callable[[], object]) -> str:
    try:
        read()
    except CommandError as error:
        return error.reason
    return ""
