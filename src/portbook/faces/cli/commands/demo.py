"""`portbook demo`: a small plant of our own making, written and read."""

from __future__ import annotations

from pathlib import Path

import click

from portbook.errors import SourceError, UsageError
from portbook.faces.cli.options import Shape, judged, shaped
from portbook.survey.knowledge import Knowledge

WHAT = """\
A plant of our own making stands in {file}: {packets} packets, five minutes. Nothing was sent.
What portbook reads in it (`portbook read {file}` shows the same):
"""


@click.command(
    short_help="Write a small plant capture and read it.",
    help="""Write a small plant capture and read it: what portbook is for, in a minute.

    \b
      portbook demo
      portbook demo --output /tmp/plant.pcap --jsonl

    The capture is made by portbook itself; nothing is sent on any network.
    """,
)
@click.option(
    "--output",
    default="portbook-demo.pcap",
    show_default=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the capture.",
)
@click.option("--force", is_flag=True, help="Replace a file of that name that is another one.")
@click.option("--all", "everything", is_flag=True, help="Show every row of long tables.")
@judged("never")
@shaped
def command(
    output: Path,
    force: bool,
    everything: bool,
    knowledge: Knowledge,
    fail_on: str,
    strict: bool,
    shape: Shape,
) -> int:
    """Write, read, show."""
    from portbook.emulators import plant
    from portbook.faces.cli.output import complain, exit_code, write_records
    from portbook.survey import traffic

    capture = plant.capture()
    _write(output, capture, force)
    story = traffic.read([str(output)], knowledge, now_ns=plant.START_NS)
    complain(story)
    if shape is Shape.TABLE:
        from portbook.faces.tables import show

        click.echo(WHAT.format(file=output, packets=story.summary.packets))
        show(story, everything)
    else:
        write_records(story.records(), shape)
    return exit_code([story], fail_on, strict)


def _write(output: Path, capture: bytes, force: bool) -> None:
    try:
        if output.exists() and not force and output.read_bytes() != capture:
            raise UsageError(f"{output} is there and is another file; --force replaces it")
        output.write_bytes(capture)
    except OSError as error:
        raise SourceError(f"{output}: {error.strerror}; choose another place: --output") from error
