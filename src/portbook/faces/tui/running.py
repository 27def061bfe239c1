"""Runs the full screen from its beginning to its exit code; the terminal is always given back."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from portbook.book import Book
from portbook.evidence.capture_ways import Heard
from portbook.faces.cli.output import complain, exit_code
from portbook.faces.tui.app import Top
from portbook.faces.tui.keeping import Keeper
from portbook.faces.tui.live import Listening
from portbook.faces.tui.machine import Machine
from portbook.faces.tui.picture import Source
from portbook.faces.tui.sockets import Sockets
from portbook.faces.tui.terminals import colours
from portbook.faces.watching import summed_up
from portbook.records import THIS_MACHINE
from portbook.survey.knowledge import Knowledge
from portbook.survey.live import Live
from portbook.survey.wants import Wants


def listen(
    heard: Heard,
    knowledge: Knowledge,
    *,
    site: str,
    book_path: Path | None,
    fail_on: str,
    strict: bool,
    wants: Wants | None = None,
    seconds: float | None = None,
    packets: int | None = None,
    words: str = "",
) -> int:
    """Show what an open interface carries until the reader leaves; return the exit code.

    wants: what is heard and told at all; words: a filter to begin with, which may be changed
    seconds, packets: end by itself after so long, or so many
    """
    source = Listening(
        heard,
        Live(heard.name, knowledge, site),
        knowledge.claims,
        Keeper(book_path, site),
        Sockets(knowledge, site, judged=False),
        wants=wants,
        seconds=seconds,
        packets=packets,
    )
    source.start()
    try:
        failed = show(source, heard.name, words)
    finally:
        story = source.end()
    click.echo(summed_up(story))
    complain(story)
    if failed:
        return failed
    if source.away:
        return 4
    return exit_code([msgspec.structs.replace(story, problems=())], fail_on, strict)


def show(source: Source, name: str, words: str = "") -> int:
    """Show a source until the reader leaves; return 0, or 1 when the application failed.

    name: what it is of; words: a filter to begin with
    """
    with colours():
        app = Top(source, name, words)
        # the mouse stays the terminal's own: addresses can be marked and copied as everywhere
        app.run(mouse=False)
    return app.return_code or 0


def look_around(
    knowledge: Knowledge,
    *,
    site: str,
    book_path: Path | None,
    fail_on: str,
    strict: bool,
    words: str = "",
    seconds: float | None = None,
) -> int:
    """Show this machine and the book until the reader leaves; return the exit code.

    book_path: None where no book is kept; words: a filter to begin with
    seconds: end by itself after so long
    """
    if book_path is not None:
        Book.open(book_path, readonly=True).close()  # what is wrong with it is said at once
    sockets = Sockets(knowledge, site, judged=True)
    source = Machine(knowledge, sockets, book_path, seconds=seconds)
    failed = show(source, THIS_MACHINE, words)
    found = sum(one.accepted is None for one in source.last.findings)
    click.echo(f"{len(source.last.listeners)} sockets; {found} findings")
    complain(source.last)
    return failed or exit_code([source.last], fail_on, strict)
