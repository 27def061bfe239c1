"""`portbook plan lint`: a site's plan, a controller's project or any text, judged line by line."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from portbook.errors import SourceError, UsageError
from portbook.faces.cli.options import Shape, shaped
from portbook.faces.cli.planned import reading_book, with_policy
from portbook.faces.terminal import safe
from portbook.ports import PortRange, Transport
from portbook.records import Level, Service

if TYPE_CHECKING:
    from portbook.planning.judging import Objection
    from portbook.planning.siteplan import Entry, SitePlan

LARGEST_OCTETS = 16 << 20
FORMS = ("toml", "csv", "gvl", "codesys-settings", "strategy", "text")
LEVELS = ("never", *(level.value for level in Level))


class Mentioned(msgspec.Struct, frozen=True, tag="mention", tag_field="kind"):
    """A port that a file plans or speaks of, with the weightiest answer."""

    file: str
    line: int
    port: int
    transport: Transport | None
    what: str
    role: str
    allowed: bool
    code: str
    reason: str
    host: str | None = None  # None: the file names none
    last: int | None = None  # of a range


@click.command(
    "lint",
    help="""Judge a plan, or every port that a file speaks of; leaves with 1 on an error.

    \b
      portbook plan lint site.toml
      portbook plan lint ports.csv --policy opto22 --sarif > ports.sarif
      portbook plan lint strategy.cdf
      cat rules.txt | portbook plan lint -

    A plan is CSV (host, port, transport, use) or TOML ([[port]] tables with those keys); each row
    is held against every policy, every claim, each other row, what the book has seen, and what
    operating systems lend to clients. PAC Control strategies, CODESYS .gvl exports and
    CODESYSControl.cfg are read for the ports that they open; in any other text these are ports:
    `502/tcp`, `port 502`, `tcp:10.0.0.5:502`, `10.0.0.5:502`, a number alone on its line.
    """,
)
@click.argument("file")
@with_policy
@click.option(
    "--as", "form", type=click.Choice(FORMS), help="What the file is; default: told by it."
)
@click.option("--here", is_flag=True, help="Rows for this machine: by its own sockets too.")
@click.option("--all", "with_notes", is_flag=True, help="Show notes too, not only their number.")
@click.option(
    "--fail-on",
    type=click.Choice(LEVELS),
    default="error",
    show_default=True,
    help="Leave with 1 when there is an objection of this level or above.",
)
@click.option("--sarif", "as_sarif", is_flag=True, help="SARIF 2.1.0, for editors and code hosts.")
@reading_book
@shaped
def lint(
    file: str,
    policy: str | None,
    form: str | None,
    here: bool,
    with_notes: bool,
    fail_on: str,
    as_sarif: bool,
    seen: Sequence[Service],
    shape: Shape,
) -> int:
    """Read, judge, show."""
    from portbook.faces.cli.planned import known_all
    from portbook.planning.codes import explained
    from portbook.planning.judging import judge
    from portbook.planning.projects import Form, read_plan

    if as_sarif and shape is not Shape.TABLE:
        raise click.UsageError("--sarif excludes --json and --jsonl")
    plan = read_plan(text_of(file), file, Form(form) if form else None)
    known = known_all(policy, here, seen)
    file = file.encode("utf-8", "surrogateescape").decode(
        "utf-8", "replace"
    )  # a name of any octets
    found = judge(plan, known, file)
    if as_sarif:
        sys.stdout.buffer.write(_sarif(found, explained(known.policies)))
    elif shape is not Shape.TABLE:
        from portbook.faces.cli.output import write_records

        write_records([*_mentioned(file, plan, found), *found], shape)
    else:
        _show(file, plan, found, with_notes)
    worst = max((one.level.rank for one in found), default=-1)
    return 1 if fail_on != "never" and worst >= Level(fail_on).rank else 0


def text_of(file: str) -> str:
    """Return a file's text, `-` for standard input; at most 16 MiB of UTF-8.

    Raises SourceError when it cannot be read, UsageError with the line when it is no such text.
    """
    try:
        if file == "-":
            octets = sys.stdin.buffer.read(LARGEST_OCTETS + 1)
        else:
            with Path(file).open("rb") as stream:
                octets = stream.read(LARGEST_OCTETS + 1)
    except OSError as error:
        raise SourceError(f"{file}: {error.strerror}; check the name") from error
    if len(octets) > LARGEST_OCTETS:
        raise UsageError(f"{file}: larger than {LARGEST_OCTETS >> 20} MiB; give a text file")
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{file}, line {line}: not UTF-8 text at octet {error.start}; save it as UTF-8"
        ) from error


def _mentioned(file: str, plan: SitePlan, found: Sequence[Objection]) -> Iterator[Mentioned]:
    """Give an answer an entry: the weightiest thing that is said of it."""
    said: dict[tuple[int, str, Transport | None, str], list[Objection]] = {}
    for one in found:
        said.setdefault((one.line, one.host, one.transport, one.use), []).append(one)
    for entry in plan.entries:
        here = said.get((entry.line, entry.host, entry.transport, entry.use), ())
        of_it = [one for one in here if one.port in entry.ports and one.code != "UNPLANNED"]
        first = max(of_it, key=lambda one: one.level.rank, default=None)
        yield Mentioned(
            file,
            entry.line,
            entry.ports.first,
            entry.transport,
            entry.use,
            entry.role,
            first is None or first.level is not Level.ERROR,
            first.code if first else "FREE",
            first.message if first else "nothing speaks against it",
            _host(entry),
            entry.ports.last if entry.ports.size > 1 else None,
        )


def _host(entry: Entry) -> str | None:
    return None if entry.host == "*" else entry.host


def _sarif(found: Sequence[Objection], codes: dict[str, tuple[str, str]]) -> bytes:
    from portbook.faces.sarif import Result, Rule, sarif

    results = [
        Result(
            one.code,
            one.level,
            f"{_what(one)}: {one.message}. Rule: {one.rule}."
            + (f" Source: {one.source}." if one.source else ""),
            one.file,
            one.line,
            {
                "host": one.host,
                "port": one.port,
                "last": one.last,
                "transport": one.transport.value if one.transport else None,
                "use": one.use,
                "rule": one.rule,
                "source": one.source,
                "alternative": one.alternative,
            },
        )
        for one in found
    ]
    return sarif(results, (Rule(code, *told) for code, told in codes.items()))


def _show(file: str, plan: SitePlan, found: Sequence[Objection], with_notes: bool) -> None:
    """Print a line an objection, as compilers do: a plan may have ten thousand."""
    shown = [one for one in found if with_notes or one.level is not Level.NOTE]
    lines = [
        f"{safe(file)}:{one.line}: {one.level.value} {one.code}: {safe(_what(one))}: "
        f"{safe(one.message, 1000)} [{safe(one.rule)}{_said_by(one)}]"
        for one in shown
    ]
    counts = {level: sum(one.level is level for one in found) for level in reversed(Level)}
    told = ", ".join(
        f"{count} {level.value}{'' if count == 1 else 's'}" for level, count in counts.items()
    )
    entries = len(plan.entries)
    if not entries and not found:
        told = "it speaks of no port; `portbook plan lint --help` says what is read"
    else:
        told = f"{entries} entr{'y' if entries == 1 else 'ies'}: {told}"
    hidden = len(found) - len(shown)
    more = " (--all shows the notes)" if hidden else ""
    click.echo("\n".join([*lines, f"{safe(file)}: {told}{more}"]))


def _said_by(one: Objection) -> str:
    return f"; {safe(one.source)}" if one.source else ""


def _what(one: Objection) -> str:
    transport = f"/{one.transport.value}" if one.transport else ""
    if one.port == 0 and one.code == "UNREADABLE":
        return "row"
    ports = PortRange(one.port, one.last)
    host = "" if one.host == "*" else f"{one.host} "
    return f"{host}{ports}{transport}" + (f" ({one.use})" if one.use else "")
