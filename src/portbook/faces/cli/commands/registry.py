"""`portbook registry`: the table of assigned ports, its origin and date; replace it."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from portbook.errors import SourceError
from portbook.faces.cli.options import Shape, shaped

LARGEST_OCTETS = 64 << 20  # the official XML has 4 MB
PATIENCE_S = 30
KEPT = "the table in use was kept"


class RegistryPage(msgspec.Struct, frozen=True, tag="registry", tag_field="kind"):
    """Where the table in use comes from, of what day it is, how much it holds."""

    source: str
    date: str
    counts: dict[str, int]
    sha256: tuple[str, ...]
    imported: str | None
    path: str | None  # None: the table that is shipped


@click.group(
    short_help="The IANA table: its date and source; replace it.",
    help="""The IANA registry that portbook carries: show its origin and date, or replace it.

    \b
      portbook registry show
      portbook registry update service-names-port-numbers.csv
      portbook registry update https://www.iana.org/assignments/service-names-port-numbers/service-names-port-numbers.xml

    The table works offline. A new file is checked before it replaces the old one.
    """,
)
def command() -> None:
    """Do nothing: the subcommands do."""


@command.command(
    "show",
    help="""Show source, date and counts of the table in use.

    \b
      portbook registry show
      portbook registry show --json
    """,
)
@shaped
def show(shape: Shape) -> None:
    """Tell what the table is."""
    from portbook import config
    from portbook.claims.registry import Registry

    updated = config.registry_path()
    path = updated if updated.exists() else None
    about = Registry.load(path).about
    page = RegistryPage(
        about.source,
        about.date,
        about.counts,
        about.sha256,
        about.imported,
        str(path) if path else None,
    )
    if shape is not Shape.TABLE:
        from portbook.faces.cli.output import write_records

        write_records([page], shape)
        return
    click.echo(f"IANA Service Name and Transport Protocol Port Number Registry\n  {page.source}")
    click.echo(f"  date: {page.date}")
    if page.imported:
        click.echo(f"  imported: {page.imported}, kept at {page.path}")
    click.echo("  " + ", ".join(f"{name} {count}" for name, count in page.counts.items()))
    for digest in page.sha256:
        click.echo(f"  SHA-256 {digest}")


@command.command(
    "update",
    help="""Replace the table by IANA's official CSV or XML, plain or gzip.

    \b
      portbook registry update service-names-port-numbers.csv
      portbook registry update registry.xml.gz

    Only a URL makes portbook ask a network. A table that shrinks by more than a twentieth, or lacks
    22, 80 or 443, is refused, and the old one stays.
    """,
)
@click.argument("file_or_url")
def update(file_or_url: str) -> None:
    """Read, check, replace; the old table stays on any failure."""
    from datetime import UTC, datetime

    from portbook import config
    from portbook.claims.official import parse_official
    from portbook.claims.registry import Registry
    from portbook.claims.store import replace_table

    path = config.registry_path()
    old = Registry.load(path if path.exists() else None).about
    octets = _fetched(file_or_url)
    today = datetime.now(UTC).date().isoformat()
    try:
        about = replace_table(path, old, parse_official(octets, file_or_url, today))
    except SourceError as error:
        if KEPT in str(error):
            raise
        raise SourceError(f"{error}; {KEPT}", offset=error.offset) from error
    click.echo(f"{path}: {about.counts['rows']} rows of {about.date}, instead of {old.date}")


@command.command(
    "reset",
    help="""Forget an updated table; the shipped one is used again.

    \b
      portbook registry reset
    """,
)
def reset() -> None:
    """Delete the updated table."""
    from portbook import config

    path = config.registry_path()
    if not path.exists():
        click.echo("the shipped table is in use already")
        return
    try:
        path.unlink()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}; delete it by hand") from error
    click.echo(f"{path}: deleted; the shipped table is used again")


def _fetched(place: str) -> bytes:
    if place.split("://", 1)[0].lower() in ("http", "https"):
        return _downloaded(place)
    try:
        with Path(place).open("rb") as stream:
            octets = stream.read(LARGEST_OCTETS + 1)
    except OSError as error:
        raise SourceError(f"{place}: {error.strerror}; {KEPT}") from error
    if not octets:
        raise SourceError(f"{place}: the file is empty; {KEPT}")
    return _bounded(place, octets)


def _downloaded(url: str) -> bytes:
    from http.client import HTTPException
    from urllib.error import URLError
    from urllib.request import Request, urlopen

    click.echo(f"asking {url}", err=True)
    request = Request(url, headers={"User-Agent": "portbook registry update"})
    try:
        with urlopen(request, timeout=PATIENCE_S) as answer:
            octets: bytes = answer.read(LARGEST_OCTETS + 1)
    except (URLError, HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise SourceError(
            f"{url}: {reason}; {KEPT}. Without a network, fetch the file "
            "elsewhere and give its path"
        ) from error
    return _bounded(url, octets)


def _bounded(place: str, octets: bytes) -> bytes:
    if len(octets) > LARGEST_OCTETS:
        raise SourceError(
            f"{place}: more than {LARGEST_OCTETS >> 20} MiB, which is no registry file; {KEPT}"
        )
    return octets
