"""`portbook book opinions`: what readers said, for the owner of the book."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from portbook.book import Book
from portbook.faces.cli import program as cli

T0 = 1_790_000_000_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Book.open(tmp_path / "book") as book:
        book.rate("/1743/udp", "good", "it\nhelped [red]much[/red]", "zh-Hant", T0)
        book.rate("/22", "bad", "", "en", T0 + 1)
    return tmp_path / "book"


def opinions(path: Path, *words: str) -> Result:
    return CliRunner().invoke(cli.portbook, ["book", "opinions", "--book", str(path), *words])


def test_the_newest_come_first_as_they_were_written(path: Path) -> None:
    shown = opinions(path).output

    assert "1 good, 0 unsure, 1 bad" in shown
    assert shown.index("/22") < shown.index("/1743/udp")
    assert "it helped [red]much[/red]" in shown


def test_they_are_records_too(path: Path) -> None:
    (line,) = opinions(path, "--jsonl", "--page", "/22").output.splitlines()
    document = json.loads(opinions(path, "--json", "--most", "1").output)

    assert {
        "kind": "opinion", "page": "/22", "face": "bad", "comment": "", "language": "en",
        "at": "2026-09-21T14:13:20.000000001Z",
    } == json.loads(line)  # fmt: skip
    assert {"opinion": [json.loads(line)]} == document


def test_nobody_has_said_anything_of_another_page(path: Path) -> None:
    assert "Nobody has said anything yet.\n" == opinions(path, "--page", "/80").output


def test_more_than_a_page_of_them_is_read(tmp_path: Path) -> None:
    path = tmp_path / "many"
    with Book.open(path) as book, book._writing() as connection:
        connection.executemany(
            "INSERT INTO opinions (at_ns, page, face, comment, language)"
            " VALUES (?, '/', 'good', '', 'en')",
            [(T0 + at,) for at in range(2_500)],
        )

    assert 2_500 == len(opinions(path, "--jsonl", "--most", "10000").output.splitlines())
