"""`portbook book`: what is kept of all that was seen."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import click

from portbook.faces.cli.options import Shape, shaped
from portbook.faces.times import duration_s, moment_ns, short

with_book = click.option("--book", "path", type=click.Path(dir_okay=False), help="Another book.")


def _path(given: str | None) -> str:
    from portbook import config

    return str(config.load({"book": given}).book)


@click.group(
    help="""The book: sightings with first seen, last seen and how often.

    \b
      portbook book create                  from now on, looks are kept
      portbook book changes --since 1d      what is new, gone, different
      portbook book prune --keep 90d

    One SQLite file in your data folder. It never holds payloads, passwords or communities.
    """
)
def command() -> None:
    """Do nothing: the subcommands do."""


@command.command("create", help="Begin a book; `here`, `read` and `audit` then keep what they see.")
@with_book
def create(path: str | None) -> None:
    """Make the file."""
    from portbook.book import Book

    with Book.open(_path(path)) as book:
        click.echo(f"{book.path}: ready; `portbook here` and `portbook read` keep what they see")


@command.command("show", help="Show where the book is, how large, and what it holds.")
@with_book
@shaped
def show(path: str | None, shape: Shape) -> None:
    """Tell its size."""
    from portbook.book import Book

    with Book.open(_path(path), readonly=True) as book:
        size, where = book.size(), book.path
    if shape is not Shape.TABLE:
        import msgspec

        click.echo(
            msgspec.json.encode({"kind": "book", "path": where, **msgspec.to_builtins(size)})
        )
        return
    since = f", since {short(size.first_ns)}" if size.first_ns is not None else ""
    click.echo(f"{where}: {size.octets} octets{since}")
    for kind, count in size.sightings.items():
        click.echo(f"  {count:>8} {kind}s")
    click.echo(f"  {size.events:>8} changes, {size.accepted} findings accepted")


@command.command("changes", help="Tell what is new, gone or different since a moment.")
@click.option("--since", required=True, metavar="TIME", help="1d, 2h, or 2026-11-21T08:00Z.")
@with_book
@shaped
def changes(since: str, path: str | None, shape: Shape) -> None:
    """Compare then with now."""
    from portbook.book import Book

    now_ns = time.time_ns()
    with Book.open(_path(path), readonly=True) as book:
        found = book.changes(moment_ns(since, now_ns), now_ns)
    if shape is not Shape.TABLE:
        from portbook.faces.cli.output import write_records

        write_records(found, shape)
    elif not found:
        click.echo(f"Nothing has changed since {since}.")
    else:
        from portbook.faces.terminal import print_table

        rows = [
            (short(one.at_ns), one.what, one.of, one.subject, _difference(one.before, one.details))
            for one in found
        ]
        print_table("Changes", ("when", "what", "of", "subject", "how"), rows)


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{name}: {before.get(name)} → {after.get(name)}"
        for name in before
        if before.get(name) != after.get(name)
    )


@command.command("prune", help="Forget what was not seen for longer than --keep.")
@click.option("--keep", required=True, metavar="DURATION", help="90d, 52w.")
@with_book
def prune(keep: str, path: str | None) -> None:
    """Delete old sightings and give their room back."""
    from portbook.book import Book

    before_ns = time.time_ns() - int(duration_s(keep) * 1e9)
    with Book.open(_path(path)) as book:
        gone = book.prune(before_ns)
        size = book.size()
    click.echo(f"{gone} sightings forgotten; the book has {size.octets} octets now")
