"""`portbook doctor`: what this user and system can and cannot see, and what grants each right."""

from __future__ import annotations

import platform

import click
import msgspec

from portbook import __version__
from portbook.faces.cli.options import Shape, shaped


class Check(msgspec.Struct, frozen=True, tag="check", tag_field="kind"):
    """One thing that portbook needs or could use."""

    what: str
    fine: bool
    needs: str
    command: str | None = None
    note: str | None = None


def checks() -> list[Check]:
    """Return what portbook can see and use here, rights first, then its own parts."""
    from portbook.evidence.surroundings import permissions

    rights = [
        Check(one.what, one.granted, one.needs, one.command, one.note) for one in permissions()
    ]
    return [*rights, _capture(), _reader(), _table(), _book()]


def _capture() -> Check:
    from portbook.evidence.capture_ways import told
    from portbook.evidence.pcap_library import piped

    found = told()
    return Check(
        "listen to an interface with `portbook watch`",
        found.there,
        found.by,
        None if found.there else piped(),
        None if found.there else "install libpcap (on Windows: Npcap), or let another capture:",
    )


def _reader() -> Check:
    from portbook.evidence.readers import COMPILED

    return Check(
        "read captures at full speed",
        COMPILED,
        "the compiled packet reader",
        None if COMPILED else "install a C compiler, then install portbook again",
        None if COMPILED else "the plain reader works, and tells the same, more slowly",
    )


def _table() -> Check:
    from portbook.faces.cli.knowing import claims

    about = claims().registry.about
    return Check(
        f"the registry's table: {about.counts['rows']} rows",
        True,
        f"{about.source}, {about.date}",
        None,
        "a newer official file: portbook registry update FILE_OR_URL",
    )


def _book() -> Check:
    from portbook import config

    path = config.book_path()
    there = path.exists()
    return Check(
        "keep what is seen",
        there,
        f"a book at {path}",
        None if there else "portbook book create",
        None if there else "without one nothing is kept, which is fine too",
    )


@click.command(
    short_help="What can be seen here, and what grants the rest.",
    help="""Tell what portbook can see here, what it cannot, and the command that grants it.

    \b
      portbook doctor
      portbook doctor --json

    It only looks; it changes nothing.
    """,
)
@shaped
def command(shape: Shape) -> None:
    """Check and tell."""
    found = checks()
    if shape is not Shape.TABLE:
        from portbook.faces.cli.output import write_records

        write_records(found, shape)
        return
    from portbook.faces.terminal import safe, wrapped

    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    click.echo(f"portbook {__version__} on {system}\n")
    for one in found:
        click.echo(f"{'yes' if one.fine else 'no':<4}" + wrapped(f"{one.what}  ({one.needs})", 4))
        if one.note:
            click.echo(f"      {wrapped(one.note, 6)}")
        if one.command:
            click.echo(f"      {safe(one.command)}")
