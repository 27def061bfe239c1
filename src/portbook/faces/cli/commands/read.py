"""`portbook read`: what captures really hold."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from portbook.faces.cli.options import Shape, booked, filtered, judged, shaped
from portbook.survey.knowledge import Knowledge
from portbook.survey.story import Story
from portbook.survey.wants import Wants

MOST_JOBS = 64


@click.command(
    short_help="What captures really hold.",
    help="""Read captures: conversations named by their bytes, services, devices, announcements,
    findings.

    \b
      portbook read plant.pcap
      portbook read plant.pcap --conversations --host 10.20.0.11
      portbook read captures/ --protocol codesys-v3 --jsonl
      portbook read week.pcap --summary
      zcat night.pcap.gz | portbook read -

    CAPTURES are files, folders, patterns, or `-` for standard input: pcap and pcapng, plain or
    packed with gzip or zstd. Nothing is sent on any network.

    --summary tells what a capture comes to, totals by protocol, announcements and findings, and
    takes a fraction of the time: conversations that differ in their client's port alone are
    judged together, and neither devices nor facts are gathered.
    """,
)
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURES...")
@click.option("--conversations", is_flag=True, help="Show the table of conversations too.")
@click.option("--summary", is_flag=True, help="Totals and findings only; far quicker.")
@click.option(
    "--brief",
    is_flag=True,
    help="The same, and a short line of JSON for each conversation: no reasons, no facts.",
)
@click.option("--all", "everything", is_flag=True, help="Show every row of long tables.")
@click.option(
    "--jobs",
    type=click.IntRange(1, MOST_JOBS),
    metavar="N",
    help="Processes that read large captures side by side; 1: this one alone. Default: as many as "
    "there are processors for it, 8 at the most; with --brief one reads.",
)
@click.option(
    "--most",
    type=click.IntRange(1),
    default=100_000,
    show_default=True,
    metavar="N",
    help="Conversations that are told one by one of a capture; what is beyond is counted, and "
    "that is said. It bounds memory: some 7 kB each.",
)
@filtered
@booked
@judged("never")
@shaped
def command(
    captures: tuple[str, ...],
    most: int,
    jobs: int | None,
    wants: Wants,
    shape: Shape,
    site: str,
    book_path: Path | None,
    knowledge: Knowledge,
    fail_on: str,
    strict: bool,
    everything: bool,
    conversations: bool,
    summary: bool,
    brief: bool,
) -> int:
    """Read, keep, show."""
    from portbook.faces.cli.keeping import keep
    from portbook.faces.cli.output import complain, exit_code, write_records, write_short
    from portbook.faces.cli.progress import Progress
    from portbook.survey import reckoning, traffic
    from portbook.survey.crew import processors
    from portbook.survey.summing import ROOM

    short = summary or brief
    if short and (wants or conversations):
        raise click.UsageError("--summary and --brief tell of all that is there: no filter")
    if brief and shape is not Shape.JSONL:
        raise click.UsageError("--brief writes lines: it goes with --jsonl")
    look: Callable[..., Story] = partial(traffic.read, most=most)
    if short:
        room = ROOM._replace(most=most)
        tell = partial(write_short, site) if brief else None
        look = partial(reckoning.reckon, room=room, tell=tell)
    progress = Progress()
    try:
        story = look(
            captures,
            knowledge,
            now_ns=time.time_ns(),
            site=site,
            progress=progress,
            jobs=jobs or processors(),
        )
    finally:
        progress.close()
    story = keep(story, book_path, site)
    story = story.in_short() if short else story.only(wants)
    complain(story)
    if shape is Shape.TABLE:
        from portbook.faces.tables import show

        show(story, everything, conversations)
    else:
        write_records(story.records(), shape)
    return exit_code([story], fail_on, strict)
