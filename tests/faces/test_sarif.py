"""Results as SARIF 2.1.0."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sarif import check

from portbook.faces.sarif import Result, Rule, sarif, uri
from portbook.records import Level

RULES = [Rule("CLASH", "Two rows.", "Two rows plan one port."), Rule("SEEN", "Seen.", "Seen.")]


def test_a_log_has_what_the_specification_asks_for() -> None:
    results = [
        Result("CLASH", Level.ERROR, "line 2 plans it", "site.csv", 3, {"port": 5, "last": None}),
        Result("OTHER", Level.NOTE, "x", "site.csv", 4),
        Result("CLASH", Level.WARNING, "x", "-"),
    ]
    run = check(json.loads(sarif(results, RULES)))

    assert ["CLASH", "OTHER"] == [one["id"] for one in run["tool"]["driver"]["rules"]]
    assert "error" == run["tool"]["driver"]["rules"][0]["defaultConfiguration"]["level"]
    assert {"port": 5} == run["results"][0]["properties"]
    assert ["site.csv", "stdin"] == [one["location"]["uri"] for one in run["artifacts"]]


def test_what_is_about_no_file_has_no_place_and_what_is_accepted_is_suppressed() -> None:
    one = Result("SEEN", Level.NOTE, "x", None, accepted="until 2027-01-01: agreed")
    (result,) = check(json.loads(sarif([one], RULES)))["results"]

    assert "locations" not in result
    assert "until 2027-01-01: agreed" == result["suppressions"][0]["justification"]


def test_no_result_is_a_log_too() -> None:
    run = check(json.loads(sarif([], RULES)))

    assert [] == run["results"] == run["tool"]["driver"]["rules"]


def test_a_fingerprint_stays_when_only_the_line_moves() -> None:
    def fingerprint(line: int, port: int) -> str:
        one = Result("CLASH", Level.ERROR, f"line {line}", "a", line, {"port": port})
        log = json.loads(sarif([one], RULES))
        return str(log["runs"][0]["results"][0]["partialFingerprints"])

    assert fingerprint(3, 5) == fingerprint(9, 5)
    assert fingerprint(3, 5) != fingerprint(3, 6)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("a b/c#d?.csv", "a%20b/c%23d%3F.csv"),
        ("/srv/plan.csv", "file:///srv/plan.csv"),
        ("C:\\plans\\a.csv", "file:///C:/plans/a.csv"),
        ("a:b.csv", "./a:b.csv"),
        ("plän.csv", "pl%C3%A4n.csv"),
        ("../x.csv", "../x.csv"),
        ("-", "stdin"),
    ],
)
def test_a_file_s_name_becomes_a_reference(file: str, expected: str) -> None:
    assert expected == uri(file)


@given(
    st.lists(
        st.builds(
            Result,
            st.sampled_from(["CLASH", "SEEN", "X"]),
            st.sampled_from(Level),
            st.text(min_size=1, max_size=20),
            st.text(min_size=1, max_size=20),
            st.none() | st.integers(1, 10**6),
        ),
        max_size=6,
    )
)
def test_any_results_make_a_log(results: list[Result]) -> None:
    run = check(json.loads(sarif(results, RULES)))

    assert len(results) == len(run["results"])
    for one in run["artifacts"]:
        urlsplit(one["location"]["uri"])
        assert one["location"]["uri"].isascii()
