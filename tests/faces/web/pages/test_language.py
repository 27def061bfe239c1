"""The language is kept in a cookie, and the way back leads nowhere else."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.served import Served

from portbook.faces.web.pages.language import own_page


def _choose(pages: Served, to: str, back: str) -> tuple[int, str, str]:
    body = urlencode({"to": to, "back": back}).encode()
    answer = pages.ask(
        "/language",
        "POST",
        body,
        content_type="application/x-www-form-urlencoded",
        origin=pages.home,
    )
    return answer.status, answer.headers.get("location", ""), answer.headers.get("set-cookie", "")


def test_a_choice_is_kept_and_leads_back(pages: Served) -> None:
    status, where, cookie = _choose(pages, "cs", "/1743?lang=x")

    assert (303, "/1743?lang=x") == (status, where)
    assert cookie.startswith("language=cs;")
    assert "httponly" in cookie.lower()


def test_a_language_that_there_is_not_is_refused(pages: Served) -> None:
    assert 400 == _choose(pages, "tlh", "/")[0]


@pytest.mark.parametrize(
    "back",
    ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "", "x",
     "/\t/evil.example", "/a\r\nset-cookie: x=y", "/" + "x" * 5000],
)  # fmt: skip
def test_the_way_back_is_always_to_a_page_of_ours(pages: Served, back: str) -> None:
    assert "/" == own_page(back)
    assert (303, "/") == _choose(pages, "de", back)[:2]


@given(st.text(max_size=60))
def test_whatever_is_asked_for_stays_here(back: str) -> None:
    page = own_page(back)

    assert page.startswith("/")
    assert not page.startswith(("//", "/\\"))
    assert page.isprintable()
