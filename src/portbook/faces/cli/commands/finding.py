"""`portbook finding`: accept a finding until a date, for a reason."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

import click

from portbook.errors import UsageError
from portbook.faces.cli.options import Shape, shaped


class Place(NamedTuple):
    """Which book, and which site of it."""

    path: str
    site: str


def _place(book: str | None, site: str | None) -> Place:
    from portbook import config

    chosen = config.load({"book": book, "site": site})
    return Place(str(chosen.book), chosen.site)


with_book = click.option("--book", type=click.Path(dir_okay=False), help="Another book.")
with_site = click.option("--site", help="Name of the site.")


@click.group(
    short_help="Accept findings until a date, list them, take it back.",
    help="""Accept findings, see what was accepted, take it back.

    \b
      portbook finding accept PB302 "udp *:1740" --until 2027-03-31 --reason "behind the firewall"
      portbook finding list
      portbook finding refuse PB302 "udp *:1740"

    An accepted finding is counted, does not fail a run, and returns when its date has passed or
    when it changes.
    """,
)
def command() -> None:
    """Do nothing: the subcommands do."""


@command.command(
    "accept",
    help="""Accept a finding until a date, for a reason.

    \b
      portbook finding accept PB302 "udp *:1740" --until 2027-03-31 --reason "behind the firewall"

    SUBJECT is what stands behind the finding's code. It is kept in the book, which is begun where
    there is none.
    """,
)
@click.argument("code")
@click.argument("subject")
@click.option("--until", required=True, metavar="DATE", help="2027-03-31: it counts again then.")
@click.option("--reason", required=True, help="Why; it is shown with the finding.")
@with_site
@with_book
def accept(
    code: str, subject: str, until: str, reason: str, site: str | None, book: str | None
) -> None:
    """Write the acceptance in the book."""
    from portbook.book import Book
    from portbook.faces.terminal import safe
    from portbook.faces.times import moment_ns
    from portbook.findings import rules

    if code.upper() not in rules():
        raise UsageError(f"no rule {code!r}; `portbook rule` lists all of them")
    place, now_ns = _place(book, site), time.time_ns()
    with Book.open(place.path) as kept:
        met = kept.accept(
            code.upper(), subject, moment_ns(until, now_ns), reason, now_ns, place.site
        )
    click.echo(
        f"accepted: {code.upper()} {safe(subject)}, until {until}"
        + ("" if met else "; the book has not met it yet, the first one met is meant")
    )


@command.command(
    "refuse",
    help="""Take an acceptance back: the finding counts again.

    \b
      portbook finding refuse PB302 "udp *:1740"
    """,
)
@click.argument("code")
@click.argument("subject")
@with_site
@with_book
def refuse(code: str, subject: str, site: str | None, book: str | None) -> int:
    """Take it out of the book; leaves with 1 when there was none."""
    from portbook.book import Book
    from portbook.faces.terminal import safe

    place, count = _place(book, site), 0
    if os.path.exists(place.path):  # opening begins a book, and from then on looks are kept
        with Book.open(place.path) as kept:
            count = kept.unaccept(code.upper(), subject, place.site)
    click.echo(
        f"counts again: {code.upper()} {safe(subject)}"
        if count
        else f"nothing was accepted as {code.upper()} {safe(subject)}; `portbook finding list`"
    )
    return 0 if count else 1


@command.command(
    "list",
    help="""List what was accepted, until when and why.

    \b
      portbook finding list
      portbook finding list --site north --json
    """,
)
@with_site
@with_book
@shaped
def listed(site: str | None, book: str | None, shape: Shape) -> None:
    """Show the acceptances."""
    from portbook.book import Book
    from portbook.faces.terminal import print_table

    place = _place(book, site)
    with Book.open(place.path, readonly=True) as kept:
        accepted = kept.accepted(place.site if site else None)
    if shape is not Shape.TABLE:
        from portbook.faces.cli.output import write_records

        write_records(accepted, shape)
        return
    if not accepted:
        click.echo("Nothing was accepted.")
        return
    rows = [(one.code, one.subject, one.mark, one.site) for one in accepted]
    print_table("Accepted findings", ("code!", "subject!", "accepted", "site?"), rows)
