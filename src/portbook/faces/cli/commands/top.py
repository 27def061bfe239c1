"""`portbook top`: the picture in a terminal, over SSH too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from portbook.faces.cli.options import Duration, booked, filtered, judged
from portbook.survey.knowledge import Knowledge
from portbook.survey.wants import Wants


@click.command(
    short_help="The picture in a terminal, full screen, live.",
    help="""A full screen to look around in: what is new, what is wrong, and a table of each kind.

    \b
      portbook top                   this machine's sockets, and what the book knows
      portbook top eth1              what eth1 carries, live
      portbook top eth1 --port 502   the same, filtered from the start

    Keys: 1 to 7 for the tabs, / filters by the command line's words, s sorts, Enter shows details,
    p pauses, ? helps, q quits. It needs nothing but a terminal, 80 by 24 is enough, and the extra
    portbook[tui].

    Nothing is ever sent. Listening to an interface needs the right to capture (CAP_NET_RAW), which
    is given up as soon as it is open; what is heard goes in the book as `portbook watch` keeps it.
    Without an interface the book is only read.
    """,
)
@click.argument("interface", required=False)
@click.option(
    "--for", "seconds", type=Duration(), metavar="TIME", help="Stop after so long: 30s, 10m, 2h."
)
@filtered
@booked
@judged("never")
def command(
    interface: str | None,
    seconds: float | None,
    wants: Wants,
    site: str,
    book_path: Path | None,
    knowledge: Knowledge,
    fail_on: str,
    strict: bool,
) -> int:
    """Look for a terminal, open what is looked at, show it."""
    from portbook.faces.tui import full_screen
    from portbook.faces.tui.filters import written

    asked: dict[str, Any] = {
        "site": site,
        "book_path": book_path,
        "fail_on": fail_on,
        "strict": strict,
        "seconds": seconds,
        "words": written(wants),
    }
    code: int
    if interface is None:
        screen = full_screen("portbook here, or portbook watch INTERFACE")
        code = screen.look_around(knowledge, **asked)
    else:
        from portbook.evidence.capture_ways import opened
        from portbook.evidence.privileges import give_up_capture

        screen = full_screen(f"portbook watch {interface}")
        with opened(interface) as heard:
            give_up_capture()
            code = screen.listen(heard, knowledge, **asked)
    return code
