"""What goes wrong has one shape: a page for people, problem+json for programs."""

from __future__ import annotations

import json

import pytest
from support.served import Served


@pytest.mark.parametrize(
    ("path", "status"), [("/nothing-here", 404), ("/services?port=x", 400), ("/1743/icmp", 404)]
)
def test_people_get_a_page(pages: Served, path: str, status: int) -> None:
    answer = pages.ask(path)

    assert status == answer.status
    assert answer.headers["content-type"].startswith("text/html")
    assert f'<p class="eyebrow">{status}</p>' in answer.text


@pytest.mark.parametrize(
    ("path", "status"), [("/api/v1/nothing", 404), ("/api/v1/services?port=x", 400)]
)
def test_programs_get_a_document(pages: Served, path: str, status: int) -> None:
    answer = pages.ask(path)
    told = json.loads(answer.body)

    assert status == answer.status
    assert "application/problem+json" == answer.headers["content-type"].partition(";")[0]
    assert status == told["status"]
    assert told["detail"]


def test_a_method_that_a_page_does_not_know_is_told(pages: Served) -> None:
    answer = pages.ask("/services", "PUT", b"", origin=pages.home)

    assert 405 == answer.status
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize("path", ["/1743", "/services", "/static/style.css", "/api/v1/status"])
def test_a_head_is_answered_without_a_body(pages: Served, path: str) -> None:
    answer = pages.ask(path, "HEAD")

    assert 200 == answer.status
    assert int(answer.headers["content-length"]) > 0
    assert b"" == answer.body
