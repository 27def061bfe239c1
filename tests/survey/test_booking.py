"""A story in the book: what was met again, what has gone, what somebody accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from portbook.addresses import Scope
from portbook.book import Book
from portbook.ports import Transport
from portbook.records import Finding, Level, Listener, Owner, Summary
from portbook.survey.booking import booked
from portbook.survey.story import Story

NOW_NS = 1_780_000_000 * 10**9
HOUR_NS = 3600 * 10**9
DOOR = Listener(Transport.TCP, "0.0.0.0", 502, Scope.ANY, "listen", NOW_NS, (Owner(7, "gateway"),))
SAID = Finding(
    "PB302",
    "controller-listening-wide",
    Level.WARNING,
    "tcp *:502",
    "open",
    "close it",
    source="this machine",
)


def look(*listeners: Listener, findings: tuple[Finding, ...] = ()) -> Story:
    summary = Summary(0, 0, 0, 0.1)
    return Story(summary, listeners=listeners, findings=findings, machine=True)


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book.open(tmp_path / "book.sqlite")


def test_the_last_socket_that_closes_is_gone(book: Book) -> None:
    with book:
        booked(look(DOOR), book, "local", NOW_NS)
        booked(look(), book, "local", NOW_NS + HOUR_NS)

        told = book.changes(NOW_NS + 1, NOW_NS + 2 * HOUR_NS)
    assert [("gone", "tcp 0.0.0.0:502")] == [(one.what, one.subject) for one in told]


def test_a_filtered_look_makes_nothing_go(book: Book) -> None:
    with book:
        booked(look(DOOR), book, "local", NOW_NS)
        booked(look(), book, "local", NOW_NS + HOUR_NS, whole=False)

        assert [] == book.changes(NOW_NS + 1, NOW_NS + 2 * HOUR_NS)


def test_an_accepted_finding_is_marked_counted_and_leaves_the_exit_code(book: Book) -> None:
    with book:
        book.accept("PB302", "tcp *:502", NOW_NS + HOUR_NS, "behind a wall", NOW_NS, "local")
        story = booked(look(DOOR, findings=(SAID,)), book, "local", NOW_NS)
        later = booked(look(DOOR, findings=(SAID,)), book, "local", NOW_NS + 2 * HOUR_NS)

    assert (1, ()) == (story.summary.accepted, story.at_least(Level.NOTE))
    assert (0, 1) == (later.summary.accepted, len(later.at_least(Level.NOTE)))
