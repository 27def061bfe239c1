"""Writes what a survey tells, in the shape that the user asked for, and says how to leave."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click
import msgspec

from portbook.evidence.folding import Short
from portbook.faces import exports
from portbook.faces.cli.options import Shape
from portbook.faces.terminal import safe
from portbook.records import Level
from portbook.survey.story import Story


def write_records(records: Iterable[msgspec.Struct], shape: Shape) -> None:
    """Write records to standard output as JSON lines or as one document."""
    out = sys.stdout.buffer
    if shape is Shape.JSONL:
        for some in exports.lines(records):
            out.write(some)
    else:
        for some in exports.in_pieces(records):
            out.write(some)
    out.flush()


def write_short(site: str, source: str, told: Iterable[Short]) -> None:
    """Write conversations of a capture to standard output, a short line each."""
    sys.stdout.buffer.write(exports.short_lines(source, site, told))


def exit_code(stories: Sequence[Story], fail_on: str, strict: bool) -> int:
    """Return how to leave, the first that applies: findings, no source, part of one, well."""
    if fail_on != "never" and any(one.at_least(Level(fail_on)) for one in stories):
        return 1
    failed = sum(one.summary.failed_sources for one in stories)
    if failed and failed >= sum(one.summary.sources for one in stories):
        return 4
    hidden = strict and any(one.summary.hidden for one in stories)
    return 3 if hidden or any(one.problems for one in stories) else 0


def complain(story: Story) -> None:
    """Say on standard error which sources failed and what could not be seen."""
    for problem in story.problems:
        click.echo(f"portbook: {safe(problem.message)}", err=True)
    if story.summary.left_out:
        click.echo(
            f"portbook: {story.summary.left_out} conversations are counted and not told one by "
            "one; --most N makes room for more, --summary judges alike ones together",
            err=True,
        )
    for sentence in story.summary.hidden:
        click.echo(f"portbook: {safe(sentence)}", err=True)
