"""`portbook claim`: what the site itself says of its ports."""

from __future__ import annotations

import click

from portbook.faces.cli.options import Shape, shaped
from portbook.faces.terminal import safe

with_file = click.option(
    "--file", "path", type=click.Path(dir_okay=False), help="Another claims file."
)


def _path(given: str | None) -> str:
    from portbook import config

    return str(config.load({"claims": given}).claims)


@click.group(
    short_help="The site's own claims: add, list, remove.",
    help="""The site's own claims, kept in one TOML file that people may edit too.

    \b
      portbook claim add 8502/tcp "boiler gateway" --protocol modbus
      portbook claim list
      portbook claim remove 8502/tcp

    They stand on a port's page beside the registry's, and the rules respect them.
    """,
)
def command() -> None:
    """Do nothing: the subcommands do."""


@command.command(
    "add",
    help="""Say what a port or range is for on this site.

    \b
      portbook claim add 8502/tcp "boiler gateway" --protocol modbus
      portbook claim add 5000-5010/tcp "press line" --title "operator panels"

    With --protocol, that protocol belongs there: no finding calls it a stranger any more.
    """,
)
@click.argument("port")
@click.argument("claimant")
@click.option("--protocol", metavar="NAME", help="The protocol that belongs there: modbus, ...")
@click.option("--title", help="What it is, in words.")
@click.option("--note", help="What else to know.")
@with_file
def add(
    port: str,
    claimant: str,
    protocol: str | None,
    title: str | None,
    note: str | None,
    path: str | None,
) -> None:
    """Write the claim."""
    from datetime import UTC, datetime

    from portbook.claims.site import add_claim, change_site

    where, today = _path(path), datetime.now(UTC).date().isoformat()
    change_site(
        where,
        lambda text: add_claim(
            text,
            port,
            claimant,
            protocol=protocol,
            title=title,
            note=note,
            date=today,
            where=where,
        ),
    )
    click.echo(safe(f"{where}: {port} is claimed for {claimant}"))


@command.command(
    "remove",
    help="""Take a claim back; comments and the order of the others stay.

    \b
      portbook claim remove 8502/tcp
      portbook claim remove 5000-5010/tcp --claimant "press line"
    """,
)
@click.argument("port")
@click.option("--claimant", help="Of this claimant alone.")
@with_file
def remove(port: str, claimant: str | None, path: str | None) -> None:
    """Delete the claim; comments and the order of the others stay."""
    from portbook.claims.site import change_site, remove_claim

    where = _path(path)
    change_site(where, lambda text: remove_claim(text, port, claimant, where=where)[0])
    click.echo(safe(f"{where}: {port} is claimed no more"))


@command.command(
    "list",
    help="""List the site's own claims.

    \b
      portbook claim list
      portbook claim list --jsonl
    """,
)
@with_file
@shaped
def listed(path: str | None, shape: Shape) -> None:
    """Show the claims of the file."""
    from portbook.claims.site import load_site

    found = load_site(_path(path))
    if shape is not Shape.TABLE:
        from portbook.faces.cli.output import write_records

        write_records(found, shape)
        return
    if not found:
        click.echo("This site claims nothing yet; portbook claim add")
        return
    from portbook.faces.terminal import print_table

    rows = [
        (
            f"{one.ports}/{one.transport.value}" if one.transport else str(one.ports),
            one.claimant,
            one.protocol or "",
            one.title or "",
            one.source.date or "",
        )
        for one in found
    ]
    columns = ("port!", "claimant", "protocol?", "what", "since!")
    print_table(f"Claims of this site ({len(rows)})", columns, rows)
