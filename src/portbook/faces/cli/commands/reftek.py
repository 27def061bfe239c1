"""`portbook reftek`: REF TEK recordings in hand."""

from __future__ import annotations

import time
from itertools import chain
from typing import TYPE_CHECKING

import click

from portbook.errors import UsageError
from portbook.faces.cli import reftek_import
from portbook.faces.cli.options import Shape, shaped

if TYPE_CHECKING:
    from portbook.seismic.inspection import Hearing
    from portbook.seismic.reports import Recording

COLUMNS = 48


@click.group(
    help="""REF TEK recordings in hand: what is in them, and what is missing.

    \b
      portbook reftek show 225051000_00008656      events, channels, breaks, state of health
      portbook reftek check disk1/ && echo fine    what is missing or corrupt, for scripts
      portbook reftek import disk1/ --archive raw  each packet once into an archive

    Files are those of a 130 recorder or of an RTPD archive: packets of 1024 octets in a row.
    """
)
def command() -> None:
    """Do nothing: the subcommands do."""


command.add_command(reftek_import.command)


@command.command(
    help="""Show what recordings hold: events, channels with a picture, breaks, state of health.

    \b
      portbook reftek show 225051000_00008656
      portbook reftek show disk1/2015282/AE4C --jsonl
      portbook reftek show --packets cut.rt130

    FILES are files, folders or patterns. All are one story: sequences, times and samples are
    checked across them. Where time leaps and no packet is missing, the clock was set: no gap.
    """
)
@click.argument("files", nargs=-1, required=True, metavar="FILES...")
@click.option("--packets", is_flag=True, help="List every packet and what became of it.")
@click.option("--all", "everything", is_flag=True, help="Show every row of long tables.")
@shaped
def show(files: tuple[str, ...], packets: bool, everything: bool, shape: Shape) -> int:
    """Read, then show all of it."""
    from portbook.faces import recordings
    from portbook.faces.cli.output import write_records

    album = recordings.Album(packets, pictures=shape is Shape.TABLE)
    recording = _read(files, album.take)
    if shape is Shape.TABLE:
        recordings.show(recording, album, everything, COLUMNS)
    else:
        write_records(chain(album.packets, recording.records()), shape)
    return _left(recording)


@command.command(
    help="""Check recordings: tell what is missing or corrupt, and leave with 1 when something is.

    \b
      portbook reftek check disk1/
      portbook reftek check night.rt130 --json

    Holes, gaps, overlaps, samples that do not follow each other and refused packets are told one by
    one. A set clock and a repeated packet are told too, but harm nothing: they do not count.
    """
)
@click.argument("files", nargs=-1, required=True, metavar="FILES...")
@click.option("--all", "everything", is_flag=True, help="Show every row of long tables.")
@shaped
def check(files: tuple[str, ...], everything: bool, shape: Shape) -> int:
    """Read, then tell the troubles."""
    from portbook.faces import recordings
    from portbook.faces.cli.output import write_records

    recording = _read(files, None)
    if shape is Shape.TABLE:
        recordings.show_troubles(recording, everything)
    else:
        write_records(recording.troubles(), shape)
    return 1 if recording.harmed else _left(recording)


def _read(files: tuple[str, ...], hearing: Hearing | None) -> Recording:
    from portbook.faces.cli.progress import Progress
    from portbook.faces.terminal import safe

    try:
        from portbook.seismic import inspection
    except ImportError as error:
        if (error.name or "").split(".")[0] not in ("numpy", "pymseed", "cffi"):
            raise
        raise UsageError(
            f"reading samples needs {error.name}, which is not installed; "
            "install portbook[seismic]; from a clone, docs/reftek.md tells how"
        ) from error
    progress = Progress()
    paths = list(inspection.paths_of(files))
    try:
        year = time.gmtime().tm_year
        recording = inspection.read(paths, year, hearing=hearing, progress=progress)
    finally:
        progress.close()
    for problem in recording.problems:
        click.echo(f"portbook: {safe(problem.message)}", err=True)
    return recording


def _left(recording: Recording) -> int:
    summary = recording.summary
    if summary.failed_sources and summary.failed_sources == summary.sources:
        return 4
    return 3 if recording.problems else 0
