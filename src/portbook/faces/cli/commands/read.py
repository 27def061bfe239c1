"""`portbook read`: what captures really hold."""

from __future__ import annotations

import time
from pathlib import Path

import click

from portbook.faces.cli.options import Shape, booked, filtered, judged, shaped
from portbook.survey.knowledge import Knowledge
from portbook.survey.wants import Wants


@click.command(
    short_help="What captures really hold.",
    help="""Read captures: conversations named by their bytes, services, devices, announcements,
    findings.

    \b
      portbook read plant.pcap
      portbook read plant.pcap --conversations --host 10.20.0.11
      portbook read captures/ --protocol codesys-v3 --jsonl
      zcat night.pcap.gz | portbook read -

    CAPTURES are files, folders, patterns, or `-` for standard input: pcap and pcapng, plain or
    packed with gzip or zstd. Nothing is sent on any network.
    """,
)
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURES...")
@click.option("--conversations", is_flag=True, help="Show the table of conversations too.")
@click.option("--all", "everything", is_flag=True, help="Show every row of long tables.")
@filtered
@booked
@judged("never")
@shaped
def command(
    captures: tuple[str, ...],
    wants: Wants,
    shape: Shape,
    site: str,
    book_path: Path | None,
    knowledge: Knowledge,
    fail_on: str,
    strict: bool,
    everything: bool,
    conversations: bool,
) -> int:
    """Read, keep, show."""
    from portbook.faces.cli.keeping import keep
    from portbook.faces.cli.output import complain, exit_code, write_records
    from portbook.faces.cli.progress import Progress
    from portbook.survey import traffic

    progress = Progress()
    try:
        story = traffic.read(
            captures,
            knowledge,
            now_ns=time.time_ns(),
            site=site,
            progress=progress,
        )
    finally:
        progress.close()
    story = keep(story, book_path, site).only(wants)
    complain(story)
    if shape is Shape.TABLE:
        from portbook.faces.tables import show

        show(story, everything, conversations)
    else:
        write_records(story.records(), shape)
    return exit_code([story], fail_on, strict)
