"""The guard's pages: the login form and refusals, in the reader's language."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import pytest
from support.browser import DESKTOP, Chromium
from support.looking import accessible, fits
from support.served import served

TOKEN = "a-token-of-more-than-sixteen-letters"


def _token(folder: Path) -> Path:
    path = folder / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    return path


def test_who_has_no_token_sees_a_form_in_his_language(
    chromium: Chromium, book: Path, tmp_path: Path
) -> None:
    with served(tmp_path / "home", "--token-file", _token(tmp_path), book=book) as running:
        reader = DESKTOP._replace(language="cs")
        with chromium.reading(reader, home=running.home, allowed=("401", "403")) as page:
            page.goto("/1743")
            assert "cs" == page.locator("html").get_attribute("lang")
            fits(page)
            accessible(page)
            page.locator("#secret").fill("wrong-token-of-sixteen-letters")
            page.locator("#secret").press("Enter")
            page.locator(".notice.error").wait_for()
            page.locator("#secret").fill(TOKEN)
            page.locator("#secret").press("Enter")
            page.wait_for_url("**/1743")
            assert page.locator(".portnumber").is_visible()


def test_nothing_of_the_book_is_told_before_that(book: Path, tmp_path: Path) -> None:
    with served(tmp_path / "home", "--token-file", _token(tmp_path), book=book) as running:
        for path in ("/", "/1743", "/services", "/api/v1/services", "/events", "/metrics"):
            answer = running.ask(path, accept="text/html")
            assert answer.status in (303, 401), path
            assert b"10.20.0" not in answer.body
        assert 200 == running.ask("/1743", authorization=f"Bearer {TOKEN}").status
        assert 200 == running.ask("/static/style.css").status


@pytest.mark.parametrize("language", ["de", "en"])
def test_a_refusal_is_a_page(book: Path, tmp_path: Path, language: str) -> None:
    with served(tmp_path / "home", book=book) as running:
        answer = running.ask(
            "/feedback",
            "POST",
            urlencode({"page": "/", "face": "good"}).encode(),
            content_type="application/x-www-form-urlencoded",
            origin="http://evil.example",
            accept_language=language,
        )

    assert 403 == answer.status
    assert f'<html lang="{language}"' in answer.text
    assert "/static/style.css" in answer.text
