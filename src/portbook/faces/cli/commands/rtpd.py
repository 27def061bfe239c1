"""`portbook rtpd`: receives from REF TEK recorders, keeps their data, and serves them on."""

from __future__ import annotations

import click

from portbook.errors import UsageError
from portbook.faces.cli.options import Shape, shaped
from portbook.faces.cli.receiver_options import Chosen, receiving


@click.command(
    short_help="Receive from REF TEK recorders, archive, serve.",
    help="""Receive packets of REF TEK recorders, keep each once and in order, and serve them on.

    \b
      portbook rtpd --upstream rtpd.example.org --archive /srv/raw    beside an RTPD that you have
      portbook rtpd --listen 0.0.0.0:2543 --source 10.1.0.0/16 --archive /srv/raw
      portbook rtpd --reference > rtpd.toml      every setting, with its default and unit
      portbook rtpd --config rtpd.toml --check   what it would do, and who may reach it
      portbook rtpd --config rtpd.toml           run, until SIGTERM; SIGHUP reads the file again
      portbook rtpd --status                     how the one that runs does

    Programs that read from an RTPD on TCP 2543 read from it unchanged. It listens on loopback
    unless told otherwise. For a service that nobody has to watch: `portbook rtpid`.
    """,
)
@receiving
@click.option("--reference", is_flag=True, help="Print a settings file with every key, and leave.")
@click.option("--check", is_flag=True, help="Say what it would do; leave with 2 if it could not.")
@click.option("--status", is_flag=True, help="Ask the one that runs how it does.")
@click.option("--at", metavar="ADDRESS:PORT", help="Where to ask, with --status.")
@click.option("--all", "everything", is_flag=True, help="Show every row of long tables.")
@shaped
def command(
    chosen: Chosen,
    reference: bool,
    check: bool,
    status: bool,
    at: str | None,
    everything: bool,
    shape: Shape,
) -> int:
    """Do the one thing that was asked for."""
    if reference + check + status > 1:
        raise UsageError("--reference, --check and --status exclude each other")
    if at and not status:
        raise UsageError("--at says where --status asks; without it there is nothing to ask")
    if reference:
        from portbook.daemons.configuration import settings

        click.echo(settings.reference(), nl=False)
        return 0
    if status:
        return _status(chosen, at, everything, shape)
    if check:
        return _check(chosen, shape)
    if shape is not Shape.TABLE:
        raise UsageError("--json and --jsonl go with --status and --check; data go to clients")
    from portbook.daemons.running import rtpd

    return rtpd.run(chosen.read(), reread=chosen.read)


def _check(chosen: Chosen, shape: Shape) -> int:
    from portbook.faces import rtpd_check

    settings = chosen.read()
    found = rtpd_check.checks(settings)
    if shape is not Shape.TABLE:
        from portbook.faces.cli.output import write_records

        write_records(found, shape)
    else:
        where = chosen.file or "no settings file: defaults and flags"
        rtpd_check.show(found, f"{where}")
    return 0 if all(one.fine for one in found) else 2


def _status(chosen: Chosen, at: str | None, everything: bool, shape: Shape) -> int:
    from portbook.faces import rtpd_status

    settings = chosen.read() if at is None or chosen.named else None
    where = at or (settings.listen.status if settings else "")
    told = rtpd_status.asked(where)
    if shape is Shape.TABLE:
        rtpd_status.show(told, rtpd_status.stations(settings), everything)
    else:
        rtpd_status.write(told, shape)
    return 0
