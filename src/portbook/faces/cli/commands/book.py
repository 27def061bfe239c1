"""`portbook book`: what is kept of all that was seen."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import click
import msgspec

from portbook.errors import SourceError
from portbook.faces.cli.options import Shape, shaped
from portbook.faces.times import duration_s, moment_ns, short

if TYPE_CHECKING:
    from portbook.book import Book
    from portbook.book.opinions import Opinion

with_book = click.option("--book", "path", type=click.Path(dir_okay=False), help="Another book.")


class BookPage(msgspec.Struct, frozen=True, tag="book", tag_field="kind"):
    """Where the book is, how large, and what it holds."""

    path: str
    octets: int
    sightings: Mapping[str, int]  # by kind
    events: int  # what came, went or changed
    accepted: int
    first_ns: int | None  # the earliest thing seen


def _path(given: str | None) -> str:
    from portbook import config

    return str(config.load({"book": given}).book)


@click.group(
    short_help="What is kept of all that was seen.",
    help="""The book: sightings with first seen, last seen and how often.

    \b
      portbook book create                  from now on, looks are kept
      portbook book changes --since 1d      what is new, gone, different
      portbook book prune --keep 90d

    One SQLite file in your data folder. It never holds payloads, passwords or communities.
    """,
)
def command() -> None:
    """Do nothing: the subcommands do."""


@command.command(
    "create",
    help="""Begin a book; `here`, `read` and `audit` then keep what they see.

    \b
      portbook book create
      portbook book create --book /srv/plant.sqlite
    """,
)
@with_book
def create(path: str | None) -> None:
    """Make the file."""
    from portbook.book import Book

    with Book.open(_path(path)) as book:
        click.echo(f"{book.path}: ready; `portbook here` and `portbook read` keep what they see")


@command.command(
    "show",
    help="""Show where the book is, how large, and what it holds.

    \b
      portbook book show
      portbook book show --json
    """,
)
@with_book
@shaped
def show(path: str | None, shape: Shape) -> None:
    """Tell its size."""
    from portbook.book import Book

    with Book.open(_path(path), readonly=True) as book:
        size, where = book.size(), book.path
    if shape is not Shape.TABLE:
        from portbook.faces.cli.output import write_records

        write_records([BookPage(where, **msgspec.structs.asdict(size))], shape)
        return
    since = f", since {short(size.first_ns)}" if size.first_ns is not None else ""
    click.echo(f"{where}: {size.octets} octets{since}")
    for kind, count in size.sightings.items():
        click.echo(f"  {count:>8} {kind}{'' if count == 1 else 's'}")
    click.echo(f"  {size.events:>8} noted: gone, back or changed")
    click.echo(f"  {size.accepted:>8} accepted")


@command.command(
    "changes",
    help="""Tell what is new, gone or different since a moment.

    \b
      portbook book changes --since 1d
      portbook book changes --since 2026-11-21T08:00Z --jsonl

    A program that was only started again, with another process id, is no change.
    """,
)
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
        print_table("Changes", ("when!", "what!", "of!", "subject!", "how"), rows)


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{name}: {before.get(name)} → {after.get(name)}"
        for name in before
        if before.get(name) != after.get(name)
    )


@command.command(
    "opinions",
    help="""List what readers of the pages said: was this page helpful.

    \b
      portbook book opinions
      portbook book opinions --page /1743/udp --jsonl

    The newest come first. The book keeps the latest 10,000; `book prune` forgets old ones.
    """,
)
@click.option("--page", metavar="PATH", help="One page's alone, such as /1743/udp.")
@click.option(
    "--most",
    type=click.IntRange(1, 10_000),
    default=100,
    show_default=True,
    help="At most so many.",
)
@with_book
@shaped
def opinions(page: str | None, most: int, path: str | None, shape: Shape) -> None:
    """Show faces and comments."""
    from portbook.book import Book

    with Book.open(_path(path), readonly=True) as book:
        found = list(islice(_said(book, page), most))
        counts = book.opinion_counts(page)
    if shape is not Shape.TABLE:
        from portbook.faces.cli.output import write_records

        write_records(found, shape)
    elif not found:
        click.echo("Nobody has said anything yet.")
    else:
        from portbook.faces.terminal import print_table

        told = ", ".join(f"{count} {face}" for face, count in counts.items())
        rows = [
            (short(one.at_ns), one.face, one.page, one.language, " ".join(one.comment.split()))
            for one in found
        ]
        heads = ("when!", "face!", "page!", "language!", "comment")
        print_table(f"What readers said: {told}", heads, rows)


def _said(book: Book, page: str | None) -> Iterator[Opinion]:
    """Give all opinions, or those about one page, the newest first."""
    after = None
    while True:
        some = book.opinions(most=1000, after=after)
        yield from (one for one in some.rows if page in (None, one.page))
        after = some.next
        if after is None:
            return


@command.command(
    "prune",
    help="""Forget what was not seen for longer than --keep, and give the room back.

    \b
      portbook book prune --keep 90d
      portbook book prune --keep 52w --book /srv/plant.sqlite
    """,
)
@click.option("--keep", required=True, metavar="DURATION", help="90d, 52w.")
@with_book
def prune(keep: str, path: str | None) -> None:
    """Delete old sightings and give their room back."""
    from portbook.book import Book

    before_ns = time.time_ns() - int(duration_s(keep) * 1e9)
    where = _path(path)
    if not os.path.exists(where):
        raise SourceError(f"{where}: no book there yet; begin one: portbook book create")
    with Book.open(where) as book:
        gone = book.prune(before_ns)
        size = book.size()
    click.echo(
        f"{gone} {'sighting' if gone == 1 else 'sightings'} forgotten; "
        f"the book has {size.octets} octets now"
    )
