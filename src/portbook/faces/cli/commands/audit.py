"""`portbook audit`: findings only, for scripts and nightly runs."""

from __future__ import annotations

import time
from pathlib import Path

import click

from portbook.faces.cli.options import Shape, booked, filtered, judged, shaped
from portbook.survey.knowledge import Knowledge
from portbook.survey.story import Story
from portbook.survey.wants import Wants


@click.command(
    short_help="Findings only, for scripts and nightly runs.",
    help="""Tell findings only: of this machine, or of captures; leaves with 1 on an error.

    \b
      portbook audit                              this machine
      portbook audit night.pcapng --fail-on warning
      portbook audit --here plant.pcap --policy opto22 --jsonl
      portbook audit night.pcapng --sarif > night.sarif

    Findings that were accepted (`portbook finding accept`) are counted and do not fail the run;
    they return when their date has passed or when they change.
    """,
)
@click.argument("captures", nargs=-1, metavar="[CAPTURES...]")
@click.option("--here", "machine", is_flag=True, help="This machine too, beside the captures.")
@filtered
@booked
@judged("error")
@click.option("--sarif", "as_sarif", is_flag=True, help="SARIF 2.1.0, for code hosts and editors.")
@shaped
def command(
    captures: tuple[str, ...],
    machine: bool,
    wants: Wants,
    shape: Shape,
    site: str,
    book_path: Path | None,
    knowledge: Knowledge,
    fail_on: str,
    strict: bool,
    as_sarif: bool,
) -> int:
    """Survey, keep, show the findings."""
    from portbook.faces.cli.output import complain, exit_code, write_records

    if as_sarif and shape is not Shape.TABLE:
        raise click.UsageError("--sarif excludes --json and --jsonl")
    stories = [
        story.only(wants)
        for story in _stories(captures, machine or not captures, site, book_path, knowledge)
    ]
    for story in stories:
        complain(story)
    if as_sarif:
        _write_sarif(stories)
    elif shape is Shape.TABLE:
        _show(stories)
    else:
        write_records(
            [
                record
                for story in stories
                for record in (*story.findings, *story.problems, story.summary)
            ],
            shape,
        )
    return exit_code(stories, fail_on, strict)


def _stories(
    captures: tuple[str, ...],
    machine: bool,
    site: str,
    book_path: Path | None,
    knowledge: Knowledge,
) -> list[Story]:
    from portbook.faces.cli.keeping import keep
    from portbook.faces.cli.progress import Progress
    from portbook.survey import traffic
    from portbook.survey.machine import look

    now_ns = time.time_ns()
    found = []
    if machine:
        found.append(look(knowledge, now_ns=now_ns, site=site))
    if captures:
        progress = Progress()
        try:
            found.append(
                traffic.read(captures, knowledge, now_ns=now_ns, site=site, progress=progress)
            )
        finally:
            progress.close()
    return [keep(story, book_path, site) for story in found]


def _write_sarif(stories: list[Story]) -> None:
    """Write findings with the capture that each comes from; an accepted one is suppressed."""
    import sys

    from portbook.faces.cli.commands.rule import page, told_in_short
    from portbook.faces.sarif import Result, Rule, sarif
    from portbook.findings import rules
    from portbook.records import THIS_MACHINE

    results = [
        Result(
            one.code,
            one.level,
            f"{one.message}. {one.advice}",
            None if one.source == THIS_MACHINE else one.source,
            facts={"subject": one.subject, "site": one.site, "vlan": one.vlan},
            accepted=one.accepted,
        )
        for story in stories
        for one in story.findings
    ]
    known = rules().values()
    told = (Rule(one.code, told_in_short(one), page(one).page) for one in known)
    sys.stdout.buffer.write(sarif(results, told))
    sys.stdout.buffer.flush()


def _show(stories: list[Story]) -> None:
    from portbook.faces import tables

    found = [one for story in stories for one in story.findings]
    tables.findings(found)
    if not any(one.accepted is None for one in found):
        click.echo("Nothing found.")
    for story in stories:
        click.echo(tables.summed_up(story))
