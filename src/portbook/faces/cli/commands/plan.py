"""`portbook plan`: may I use this port, which one is free, what does the policy say."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from portbook.errors import SourceError, UsageError
from portbook.faces.cli.options import Shape, shaped
from portbook.faces.terminal import print_table, safe, wrapped
from portbook.ports import PortRange, Transport, parse_range

if TYPE_CHECKING:
    from portbook.claims.policies import Policy
    from portbook.planning import Choice, Plan, Reason

ROLES = ("listen", "connect", "connect-own-protocol", "connect-known-service")
LARGEST_OCTETS = 16 << 20  # of a file that is linted
Command = TypeVar("Command", bound=Callable[..., Any])


class PolicyRange(msgspec.Struct, frozen=True, tag="policy", tag_field="kind"):
    """One row of a policy."""

    first: int
    last: int
    transport: Transport | None
    level: int
    allowed: bool
    code: str
    owner: str | None
    what: str | None
    reason: str
    policy: str


class Mentioned(msgspec.Struct, frozen=True, tag="mention", tag_field="kind"):
    """A port that a file speaks of, with the planner's answer."""

    file: str
    line: int
    port: int
    transport: Transport | None
    what: str
    role: str
    allowed: bool
    code: str
    reason: str


def chosen(command: Command) -> Command:
    """Add --policy, --role and --not-here, as all that plans has them."""
    for option in (
        click.option("--not-here", is_flag=True, help="Do not look at this machine's sockets."),
        click.option(
            "--role",
            type=click.Choice(ROLES),
            default="listen",
            show_default=True,
            help="What the program does with the port.",
        ),
        click.option(
            "--policy", metavar="NAME|FILE", help="`opto22`, or a site's own policy file."
        ),
    ):
        command = option(command)
    return command


@click.group(
    short_help="May I use this port, and which one is free?",
    help="""Choose ports: ask a vendor's or the site's own policy, the claims, this machine.

    \b
      portbook plan check 22004 --policy opto22      exit code 0: yes, 1: no
      portbook plan next --policy opto22 --count 3
      portbook plan show --policy opto22
      portbook plan lint strategy.cdf --policy opto22

    A policy, a socket that holds the port, or a range that the system keeps back says no; claims
    warn or inform, each with its source.
    """,
)
def command() -> None:
    """Do nothing: the subcommands do."""


@command.command(
    "check",
    help="""May I use this port or range? Leaves with 0 for yes, 1 for no.

    \b
      portbook plan check 22004 --policy opto22
      portbook plan check 502/tcp --role connect --not-here
      portbook plan check 22000-22010 --policy opto22 --json

    A range is answered by the first port of it that may not be used.
    """,
)
@click.argument("port")
@chosen
@shaped
def check(port: str, policy: str | None, role: str, not_here: bool, shape: Shape) -> int:
    """Judge a port, or a range by its worst member."""
    from portbook import planning

    span, transport = parse_range(port)
    plan = _plan(policy, not_here)
    if span.size == 1:
        answer = planning.check(plan, span.first, transport, role)
    else:
        refused = planning.why_not(plan, span, transport, role)
        worst = refused[0].ports.first if refused else span.first
        answer = planning.check(plan, worst, transport, role)
    if shape is not Shape.TABLE:
        _write([answer], shape)
    else:
        click.echo(_verdict(answer, span))
        # what is said of TCP and of UDP in the same words is told once
        for line in dict.fromkeys(map(_reasoned, answer.reasons)):
            click.echo(line)
    return 0 if answer.allowed else 1


@command.command(
    "next",
    help="""Which ports are free for it, the best first; leaves with 1 when there is none.

    \b
      portbook plan next --policy opto22
      portbook plan next --range 5000-5999 --transport udp --count 3
    """,
)
@click.option("--range", "span", metavar="PORT-PORT", help="Look in this range only.")
@click.option(
    "--transport",
    type=click.Choice([one.value for one in Transport]),
    help="Free on this transport; default: on TCP and UDP.",
)
@click.option(
    "--count",
    default=5,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="How many.",
)
@chosen
@shaped
def free(
    span: str | None,
    transport: str | None,
    count: int,
    policy: str | None,
    role: str,
    not_here: bool,
    shape: Shape,
) -> int:
    """List the best ports; leaves with 1 when there is none."""
    from portbook import planning

    ports, spoken = parse_range(span) if span else (None, None)
    carried = Transport(transport) if transport else spoken
    found = planning.free(_plan(policy, not_here), ports, carried, role, count)
    if shape is not Shape.TABLE:
        _write(found, shape)
    elif found:
        rows = [(one.port, one.code, _minded(one)) for one in found]
        print_table("Free ports, the best first", ("port#", "code!", "to mind"), rows)
    else:
        click.echo("no port there is free; `portbook plan check` tells why for each")
    return 0 if found else 1


@command.command(
    "show",
    help="""Show a policy's whole table.

    \b
      portbook plan show --policy opto22
      portbook plan show --policy site-ports.txt --json
    """,
)
@click.option(
    "--policy",
    metavar="NAME|FILE",
    default="opto22",
    show_default=True,
    help="`opto22`, or a site's own policy file.",
)
@shaped
def show(policy: str, shape: Shape) -> None:
    """Print the rows and the notes of a policy."""
    from portbook.claims import loading

    known = loading.policy(policy)
    rows = [
        PolicyRange(
            row.ports.first,
            row.ports.last,
            row.transport,
            row.level,
            row.allowed,
            row.code,
            row.owner,
            row.what,
            row.reason,
            known.name,
        )
        for row in known.rows
    ]
    if shape is not Shape.TABLE:
        _write(rows, shape)
        return
    print_table(
        f"{known.title} ({known.source.title})",
        ("ports!", "may I!", "code!", "whose", "why"),
        [
            (
                PortRange(one.first, one.last),
                "yes" if one.allowed else "no",
                one.code,
                one.what or one.owner or "",
                one.reason,
            )
            for one in sorted(rows, key=lambda one: (one.first, one.level))
        ],
    )


@command.command(
    "lint",
    help="""Judge every port that a file speaks of; leaves with 1 when one may not be used.

    \b
      portbook plan lint strategy.cdf --policy opto22
      portbook plan lint compose.yaml
      cat rules.txt | portbook plan lint -

    Read as ports: `502/tcp`, `port 502`, `tcp:10.0.0.5:502`, `10.0.0.5:502`, a number alone on its
    line, and the I/O units of a PAC Control strategy.
    """,
)
@click.argument("file")
@click.option("--policy", metavar="NAME|FILE", help="`opto22`, or a site's own policy file.")
@shaped
def lint(file: str, policy: str | None, shape: Shape) -> int:
    """Find the ports in a strategy, a configuration or a plan; leaves with 1 if one may not be."""
    from portbook import planning

    plan = _plan(policy, not_here=True)
    found = []
    for one in planning.lint(_text(file)):
        if one.valid:
            answer = planning.check(plan, one.number, one.transport, one.role)
            allowed, code = answer.allowed, answer.code
            reason = answer.reasons[0].text if answer.reasons else "nothing speaks against it"
        else:
            allowed, code, reason = False, "NO_PORT", f"{one.number} is no port that can be used"
        found.append(
            Mentioned(
                file, one.line, one.number, one.transport, one.what, one.role, allowed, code, reason
            )
        )
    if shape is not Shape.TABLE:
        _write(found, shape)
    elif not found:
        click.echo(f"{safe(file)} speaks of no port; `portbook plan lint --help` says what is read")
    else:
        rows = [
            (one.line, one.port, one.what, "yes" if one.allowed else "no", one.code, one.reason)
            for one in found
        ]
        columns = ("line#", "port#", "what", "may I!", "code!", "why")
        print_table(f"Ports in {safe(file)} ({len(rows)})", columns, rows)
    return 0 if all(one.allowed for one in found) else 1


def _plan(policy: str | None, not_here: bool) -> Plan:
    from portbook import config
    from portbook.claims import loading
    from portbook.faces.cli.knowing import claims
    from portbook.planning import Plan

    settings = config.load({"policy": policy})
    ruled: Policy | None = loading.policy(settings.policy) if settings.policy else None
    if not_here:
        return Plan(claims().of, ruled)
    from portbook.evidence.listeners import listeners
    from portbook.evidence.surroundings import surroundings

    around = surroundings()
    try:
        taken = listeners(now_ns=time.time_ns()).listeners
    except OSError as error:
        raise SourceError(
            f"this system gives no list of its sockets: {error.strerror}; plan with --not-here"
        ) from error
    return Plan(claims().of, ruled, taken=taken, ephemeral=around.ephemeral)


def _verdict(answer: Choice, span: PortRange) -> str:
    transport = f"/{answer.transport.value}" if answer.transport else ""
    ruled = f" by {answer.policy}" if answer.policy else ""
    if answer.allowed:
        best = ", preferred" if answer.preferred else ""
        return f"{span}{transport}: yes{ruled}{best} ({answer.code})"
    first = f", first at {answer.port}" if span.size > 1 else ""
    return f"{span}{transport}: no{ruled}{first} ({answer.code})"


def _reasoned(reason: Reason) -> str:
    return f"  {reason.weight.value:<7} " + wrapped(f"{reason.code}: {reason.text}", 10)


def _minded(answer: Choice) -> str:
    return "; ".join(dict.fromkeys(one.text for one in answer.reasons[:2])) or "nothing"


def _write(records: Sequence[msgspec.Struct], shape: Shape) -> None:
    from portbook.faces.cli.output import write_records

    write_records(records, shape)


def _text(file: str) -> str:
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
    return octets.decode("utf-8", "replace")
