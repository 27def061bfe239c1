"""`portbook here`: this machine's sockets, who owns them, who claims their ports."""

from __future__ import annotations

import gc
import time
from pathlib import Path

import click

from portbook.faces.cli.options import Shape, booked, judged, placed, shaped
from portbook.survey.knowledge import Knowledge
from portbook.survey.wants import Wants


@click.command(
    short_help="This machine's sockets: owners, reach, claims.",
    help="""Show this machine's sockets: every owner, how far they reach, who claims the port.

    \b
      portbook here                  all sockets that are open for others
      portbook here --port 1743      one port, quickly
      portbook here --jsonl          one record a line

    Owners of other users' sockets are hidden from an ordinary user; portbook says so, and
    `portbook doctor` says how to see them.
    """,
)
@click.option("--all", "everything", is_flag=True, help="Show every row of long tables.")
@placed
@booked
@judged("never")
@shaped
def command(
    wants: Wants,
    shape: Shape,
    site: str,
    book_path: Path | None,
    knowledge: Knowledge,
    fail_on: str,
    strict: bool,
    everything: bool,
) -> int:
    """Look, keep, show."""
    gc.disable()  # 20,000 sockets are made into records once and nothing is ever freed
    from portbook.faces.cli.keeping import keep
    from portbook.faces.cli.output import complain, exit_code, write_records
    from portbook.survey.machine import look

    port = _only(wants)
    story = look(knowledge, now_ns=time.time_ns(), site=site, port=port)
    story = keep(story, book_path, site, whole=port is None).only(wants)
    complain(story)
    if shape is Shape.TABLE:
        from portbook.faces.tables import show

        show(story, everything)
    else:
        write_records(story.records(), shape)
    return exit_code([story], fail_on, strict)


def _only(wants: Wants) -> int | None:
    """Return the one port number that is wanted, if it is one: the kernel then filters."""
    if len(wants.ports) == 1 and wants.ports[0][0].size == 1:
        return wants.ports[0][0].first
    return None
