"""What `discover` and `scan` share: their options, and the way from errands to what is shown."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from portbook.errors import UsageError
from portbook.faces.cli.options import Shape, booked, judged, shaped

if TYPE_CHECKING:
    from portbook.evidence.probes import Errand, Prober
    from portbook.records import Reply
    from portbook.survey.errands import Wanted
    from portbook.survey.knowledge import Knowledge

Command = TypeVar("Command", bound=Callable[..., Any])
MOST_RATE_HZ = 100.0
LONGEST_SECRET = 255
INTERRUPTED = 130
PORTS_HELP = "In place of the usual one: 502 or 500-510; repeatable."


class Manner(NamedTuple):
    """How it is asked and told, beside what is asked."""

    shape: Shape
    dry: bool
    rate_hz: float
    log: str | None
    site: str
    book_path: Path | None
    knowledge: Knowledge
    fail_on: str
    strict: bool
    everything: bool
    source: str


def asking(source: str) -> Callable[[Command], Command]:
    """Add the options of both commands; the command gets `manner` in place of them."""

    def decorate(command: Command) -> Command:
        @click.option("--interface", metavar="NAME", help="Ask from this interface.")
        @click.option("--port", "ports", multiple=True, metavar="PORT", help=PORTS_HELP)
        @click.option(
            "--dry-run", "dry", is_flag=True, help="Say what would be sent; send nothing."
        )
        @click.option(
            "--yes",
            multiple=True,
            metavar="SUBNET|ADDRESS",
            help="Name a subnet, or a public address, a second time; repeatable.",
        )
        @click.option("--public", is_flag=True, help="Public addresses too, those named by --yes.")
        @click.option(
            "--rate",
            "rate_hz",
            default=10.0,
            show_default=True,
            metavar="N",
            type=click.FloatRange(0.1, MOST_RATE_HZ),
            help="Messages a second altogether; a host gets one a second in any case.",
        )
        @click.option(
            "--log",
            type=click.Path(dir_okay=False),
            help="Write every message that leaves to this file, a JSON line each, before it does.",
        )
        @click.option("--all", "everything", is_flag=True, help="Show every row of long tables.")
        @booked
        @judged("never")
        @shaped
        @wraps(command)
        def with_manner(*args: Any, **more: Any) -> Any:
            taken = {name: more.pop(name) for name in Manner._fields if name in more}
            return command(*args, manner=Manner(**taken, source=source), **more)

        return with_manner  # type: ignore[return-value]

    return decorate


def announce(errands: Sequence[Errand], text: Sequence[str], shape: Shape) -> None:
    """Say what will be sent, before it is: as text, which records do not get in the way of."""
    for line in text:
        click.echo(line, err=shape is not Shape.TABLE)
    if shape is Shape.JSONL:
        from portbook.faces.cli.output import write_records
        from portbook.survey.errands import sendings

        write_records(sendings(errands), shape)
    sys.stdout.flush()


def ask(
    errands: Sequence[Errand],
    wanted: Wanted,
    manner: Manner,
    then: Callable[[Prober, list[Reply]], list[Reply]] | None = None,
) -> int:
    """Ask, name, judge, keep, show; return how to leave.

    then: asks more, knowing the first replies
    """
    from portbook.config import data_folder
    from portbook.evidence.pace import Pace
    from portbook.evidence.probes import Prober
    from portbook.evidence.rounds import Rounds
    from portbook.evidence.sent_log import SentLog
    from portbook.survey.asking import answered

    rounds = Rounds(data_folder() / "asked.json")
    began = time.monotonic()
    with SentLog(manner.log) as log:
        _take_round(errands, rounds, wanted)
        prober = Prober(Pace(manner.rate_hz), log, rounds)
        replies = prober.run(errands, _progress(len(errands)))
        if then and not prober.interrupted:
            replies += then(prober, replies)
    told = answered(
        prober,
        replies,
        manner.knowledge,
        now_ns=time.time_ns(),
        seconds=time.monotonic() - began,
        site=manner.site,
        source=manner.source,
    )
    return _show(told.story, told.replies, errands, manner, interrupted=prober.interrupted)


def nothing_sent(errands: Sequence[Errand], shape: Shape) -> int:
    """End a dry run."""
    from portbook.faces.cli.output import write_records
    from portbook.survey.errands import sendings

    if shape is Shape.JSON:
        write_records(sendings(errands), shape)
    click.echo("nothing was sent: this was a dry run", err=shape is not Shape.TABLE)
    return 0


def _show(
    story: Any,
    replies: Sequence[Reply],
    errands: Sequence[Errand],
    manner: Manner,
    *,
    interrupted: bool,
) -> int:
    from portbook.faces.cli.keeping import keep
    from portbook.faces.cli.output import complain, exit_code, write_records
    from portbook.survey.errands import sendings

    story = keep(story, manner.book_path, manner.site, whole=False)
    complain(story)
    if manner.shape is Shape.TABLE:
        from portbook.faces import asking, tables

        click.echo()
        asking.outcomes(replies, manner.everything)
        tables.show(story, manner.everything)
    else:
        first = sendings(errands) if manner.shape is Shape.JSON else ()
        write_records([*first, *replies, *story.records()], manner.shape)
    if interrupted:
        click.echo("interrupted", err=True)
        return INTERRUPTED
    return exit_code([story], manner.fail_on, manner.strict)


def _take_round(errands: Sequence[Errand], rounds: Any, wanted: Wanted) -> None:
    """Take the turn of a subnet that may be asked only so often; refuse when it is too soon."""
    from portbook.survey.errands import subnet

    network = subnet(errands)
    if network is None:
        return
    every_s = errands[0].question.every_s
    wait_s = rounds.take(f"{wanted.name} {network}", every_s, time.time_ns())
    if wait_s:
        raise UsageError(
            f"{network} was asked less than {every_s / 60:g} min ago; ask again in "
            f"{wait_s / 60:.0f} min, or listen: portbook watch INTERFACE"
        )


def _progress(total: int) -> Callable[[Reply], None] | None:
    """Return what counts on a terminal how far it is."""
    if total < 2 or not sys.stderr.isatty():
        return None
    done = 0

    def tell(reply: Reply) -> None:
        nonlocal done
        done += 1
        end = "\n" if done == total else "\r"
        sys.stderr.write(f"  {done} of {total} asked{end}")
        sys.stderr.flush()

    return tell


def numbers(ports: Sequence[str]) -> tuple[int, ...]:
    """Read ports and ranges of them; raises UsageError."""
    from portbook.ports import parse_range

    found: dict[int, None] = {}
    for text in ports:
        for part in text.split(","):
            span, _ = parse_range(part)
            if span.first == 0:
                raise UsageError("port 0 is no port that can be asked")
            found.update(dict.fromkeys(range(span.first, span.last + 1)))
    return tuple(found)


def secret(word: str, path: str | None) -> bytes:
    """Return a secret from a file (its first line; `-`: standard input) or from the environment."""
    if path is not None:
        with click.open_file(path, "rb") as file:
            found = file.readline(LONGEST_SECRET + 2).rstrip(b"\r\n")
    else:
        found = os.environ.get(f"PORTBOOK_{word.upper()}", "").encode()
    if len(found) > LONGEST_SECRET:
        raise UsageError(f"a {word} has at most {LONGEST_SECRET} octets")
    return bytes(found)
