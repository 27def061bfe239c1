"""Conversations belong to a capture or an interface, and page and filter on the server."""

from __future__ import annotations

from pathlib import Path

from support.served import Served, served


def test_conversations_tell_why_they_are_named_so(pages: Served) -> None:
    html = pages.ask("/conversations?protocol=modbus").text

    assert "10.20.0.21" in html
    assert "<summary>Why</summary>" in html
    assert 'class="badge confirmed"' in html


def test_they_are_sorted_by_what_is_asked(pages: Served) -> None:
    html = pages.ask("/conversations?order=-octets&most=5").text

    assert 'aria-sort="descending"' in html
    assert 'rel="next"' in html


def test_without_a_capture_the_page_says_what_to_do(book: Path, tmp_path: Path) -> None:
    with served(tmp_path / "home", book=book) as running:
        html = running.ask("/conversations").text

    assert "No capture has been read yet" in html
    assert 'href="/captures"' in html
