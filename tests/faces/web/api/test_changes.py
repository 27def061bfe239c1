"""What changed, the newest first."""

from __future__ import annotations

import pytest
from support.asking import Api


def test_changes_are_told_the_newest_first(api: Api) -> None:
    page = api.told("/changes", since="1h", most=100)
    moments = [one["at"] for one in page["rows"]]

    assert (100, 100, True) == (len(moments), page["counted"], page["more"])
    assert sorted(moments, reverse=True) == moments
    assert {"new"} == {one["what"] for one in page["rows"]}


def test_nothing_changed_since_a_moment_to_come(api: Api) -> None:
    page = api.told("/changes", since="2100-01-01")

    assert ([], 0, False) == (page["rows"], page["counted"], page["more"])


@pytest.mark.parametrize("since", ["999999w", "1000-01-01", "9999-12-31T23:59:59.999999Z"])
def test_far_moments_are_moments(api: Api, since: str) -> None:
    assert api.told("/changes", since=since, most=1)["counted"] in (0, 1)


def test_what_is_no_moment_is_said(api: Api) -> None:
    assert "since: What the book learned" in api.problem(400, "/changes", since="soon")
