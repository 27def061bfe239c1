"""The overview says what is new and what is wrong."""

from __future__ import annotations

import re
from pathlib import Path

from support.served import Served, served


def test_the_worst_stands_first(pages: Served) -> None:
    html = pages.ask("/").text
    wrong = html.split('id="part-worst"', 1)[1].split('id="part-latest"', 1)[0]

    levels = re.findall(r'class="notice (error|warning|note)"', wrong)
    assert "error" == levels[0]
    assert levels == sorted(levels, key=("error", "warning", "note").index)


def test_what_is_new_is_told(pages: Served) -> None:
    latest = pages.ask("/").text.split('id="part-latest"', 1)[1]

    assert "Nothing has changed." not in latest
    assert "UTC" in latest


def test_an_empty_book_says_how_to_fill_it(tmp_path: Path) -> None:
    with served(tmp_path / "home", "--readonly", book=_empty(tmp_path)) as running:
        html = running.ask("/").text

    assert "The book is empty" in html
    assert "sudo portbook watch eth0 --book" in html


def _empty(folder: Path) -> Path:
    from portbook.book import Book

    path = folder / "empty.sqlite"
    Book.open(path).close()
    return path
