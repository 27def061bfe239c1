"""Was this page helpful: said by programs, and listed."""

from __future__ import annotations

from typing import Any

import pytest
from support.asking import Api


def test_what_is_said_is_kept_and_listed_first(api: Api) -> None:
    before = api.told("/feedback")
    said = {"page": "/1743/udp", "face": "bad", "comment": "<b>no</b>\x1b[31m"}
    kept = api.told("/feedback", "POST", said)
    after = api.told("/feedback", most=1)

    assert ("bad", "<b>no</b>[31m", "en") == (kept["face"], kept["comment"], kept["language"])
    assert [kept] == after["rows"]
    assert before["counted"] + 1 == after["counted"]
    assert before["faces"]["bad"] + 1 == after["faces"]["bad"]


def test_opinions_come_page_by_page(api: Api) -> None:
    for number in range(5):
        api.told("/feedback", "POST", {"page": f"/{number}", "face": "good"})
    rows = api.every("/feedback", most=2)

    assert [f"/{number}" for number in (4, 3, 2, 1, 0)] == [one["page"] for one in rows[:5]]
    assert api.told("/feedback")["counted"] == len(rows)


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        ({"face": "good"}, "missing required field `page`"),
        ({"page": "/1743"}, "missing required field `face`"),
        ({"page": "/1743", "face": "great"}, "face: "),
        ({"page": "https://elsewhere.example/", "face": "good"}, "page: "),
        ({"page": "/../x", "face": "good"}, "page: "),
        ({"page": "/1743", "face": "good", "comment": "x" * 2001}, "comment: "),
        ({"page": "/1743", "face": "good", "at": 1}, "unknown field `at`"),
        ([], "Expected `object`"),
        (1, "Expected `object`"),
    ],
)
def test_what_is_no_opinion_is_refused(api: Api, said: Any, detail: str) -> None:
    assert detail in api.problem(400, "/feedback", "POST", said)


@pytest.mark.parametrize("body", [b"", b"{", b'{"page": "\xff"}', b"[" * 20_000])
def test_a_body_that_is_no_json_is_refused(api: Api, body: bytes) -> None:
    answer = api.served.ask(
        "/api/v1/feedback", "POST", body, content_type="application/json; charset=utf-8"
    )

    assert (400, "application/problem+json") == (answer.status, answer.headers["content-type"])


def test_another_type_of_body_is_told_which_is_taken(api: Api) -> None:
    answer = api.served.ask("/api/v1/feedback", "POST", b"{}", content_type="application/xml")

    assert 415 == answer.status
    assert "send application/json here" in answer.text
