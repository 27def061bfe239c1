"""The page about the book says how large it is, and what it never does."""

from __future__ import annotations

from support.served import Served

from portbook import __version__


def test_the_book_tells_of_itself(pages: Served) -> None:
    html = pages.ask("/about").text

    assert f"portbook {__version__}" in html
    assert 'href="/api/v1/openapi.json"' in html
    assert "It sends nothing on a network" in html
