"""`portbook reftek import`: files and folders of REF TEK packets into archives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from portbook.errors import SourceError, UsageError
from portbook.faces.cli.options import Shape, shaped

if TYPE_CHECKING:
    from portbook.seismic.importing import Result
    from portbook.seismic.stations import Stations

ROWS = 30


@click.command(
    "import",
    help="""Put recordings in an archive, each packet once and in order, and name every hole.

    \b
      portbook reftek import disk1/ --archive raw
      portbook reftek import disk1/ --archive raw --sds sds --station map.toml

    The archive has the layout of the maker's tools. Running the same again changes nothing. A run
    that ends suddenly harms nothing: the next one takes up what it had in hand.
    """,
)
@click.argument("files", nargs=-1, required=True, metavar="FILE_OR_FOLDER...")
@click.option("--archive", required=True, type=Path, metavar="DIR", help="The raw archive.")
@click.option("--sds", type=Path, metavar="DIR", help="Day files of miniSEED too, in an SDS tree.")
@click.option(
    "--station",
    type=Path,
    metavar="MAP.toml",
    help="Network, station and channel codes, for --sds.",
)
@click.option(
    "--min-free-gb",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Stop before less than this is free on the archive's disk.",
)
@shaped
def command(
    files: tuple[str, ...],
    archive: Path,
    sds: Path | None,
    station: Path | None,
    min_free_gb: float,
    shape: Shape,
) -> int:
    """Import, then tell what came of it."""
    from portbook.faces.cli.progress import Progress
    from portbook.seismic import importing

    if (sds is None) != (station is None):
        raise UsageError(
            "--sds and --station belong together: the map names each channel of the day files"
        )
    stations = _stations(station) if station else None
    progress = Progress()
    try:
        result = importing.run(
            map(Path, files),
            archive,
            sds=sds,
            stations=stations,
            min_free=int(min_free_gb * 1e9),
            progress=progress,
        )
    finally:
        progress.close()
    return _tell(result, shape)


def _stations(path: Path) -> Stations:
    from portbook.seismic import stations

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise UsageError(f"{path}: it is no text in UTF-8") from None
    return stations.read(text, str(path))


def _tell(result: Result, shape: Shape) -> int:
    from portbook.faces.cli.output import write_records
    from portbook.faces.terminal import safe

    for problem in result.problems:
        click.echo(f"portbook: {safe(problem.message)}", err=True)
    if shape is Shape.TABLE:
        _show(result)
    else:
        write_records(result.records(), shape)
    if result.summary.failed_files and not result.summary.files:
        return 4
    return 3 if result.problems else 0


def _show(result: Result) -> None:
    from portbook.faces.tables import ODDITY
    from portbook.faces.terminal import print_table, safe
    from portbook.faces.times import lasting, short

    for cut in result.cuts:
        click.echo(f"{safe(cut.path)}: {cut.octets} octets of a torn end were cut off")
    if result.holes:
        rows = [
            (
                one.unit,
                one.stream,
                one.event,
                f"{one.first_sequence:04}-{one.last_sequence:04}",
                one.packets,
                short(one.from_ns),
                short(one.until_ns),
            )
            for one in result.holes[:ROWS]
        ]
        heads = ("unit", "stream", "event", "sequences", "packets#", "from", "until")
        print_table(f"Holes ({result.summary.holes})", heads, rows)
        if result.summary.holes > len(rows):
            click.echo(f"  … and {result.summary.holes - len(rows)} more; --jsonl tells them\n")
    if result.oddities:
        oddities = [[value(one) for _, value in ODDITY] for one in result.oddities]
        print_table(f"Oddities ({len(oddities)})", [name for name, _ in ODDITY], oddities)
    one = result.summary
    if one.recovered:
        click.echo(f"{one.recovered} packets were taken up from a run that ended suddenly")
    click.echo(
        f"{one.packets} packets of {one.files} files: {one.written} written, {one.duplicates} "
        f"were there, {one.refused} refused; {one.missing} missing in {one.holes} holes; "
        f"in {lasting(one.seconds)}"
    )
    if one.sds:
        click.echo(f"{one.records} miniSEED records written, {one.record_duplicates} were there")
