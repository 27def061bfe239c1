"""`portbook plan`: may I use this port, which one is free, what does the policy say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
import msgspec

from portbook.errors import UsageError
from portbook.faces.cli.options import Shape, shaped
from portbook.faces.cli.plan_firewall import firewall
from portbook.faces.cli.plan_lint import lint
from portbook.faces.cli.planned import chosen, known_plan, reading_book
from portbook.faces.terminal import print_table, wrapped
from portbook.ports import PortRange, Transport, parse_range

if TYPE_CHECKING:
    from portbook.planning import Choice, Reason
    from portbook.records import Service


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


for_use = click.option(
    "--for", "use", metavar="USE", help="By the policy that rules over a use: `chart`."
)


@click.group(
    short_help="May I use this port, and which one is free?",
    help="""Choose ports: ask a vendor's or the site's own policy, the claims, this machine.

    \b
      portbook plan check 22004 --policy opto22      exit code 0: yes, 1: no
      portbook plan next --policy opto22 --count 3
      portbook plan show --policy opto22
      portbook plan lint site.toml
      portbook plan firewall --subnet 10.0.1.0/24 --station 10.0.2.20

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
@for_use
@chosen
@reading_book
@shaped
def check(
    port: str,
    use: str | None,
    policy: str | None,
    role: str,
    not_here: bool,
    seen: Sequence[Service],
    shape: Shape,
) -> int:
    """Judge a port, or a range by its worst member."""
    from portbook import planning

    span, transport = parse_range(port)
    plan = known_plan(_policy(policy, use), not_here, seen)
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
      portbook plan next --for chart
      portbook plan next --policy opto22 --transport tcp
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
@for_use
@chosen
@reading_book
@shaped
def free(
    span: str | None,
    transport: str | None,
    count: int,
    use: str | None,
    policy: str | None,
    role: str,
    not_here: bool,
    seen: Sequence[Service],
    shape: Shape,
) -> int:
    """List the best ports; leaves with 1 when there is none."""
    from portbook import planning

    ports, spoken = parse_range(span) if span else (None, None)
    carried = Transport(transport) if transport else spoken
    plan = known_plan(_policy(policy, use), not_here, seen)
    found = planning.free(plan, ports, carried, role, count)
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
    help="opto22, codesys, unitrends, reftek, or a site's own policy file.",
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


command.add_command(lint)
command.add_command(firewall)


def _policy(policy: str | None, use: str | None) -> str | None:
    """Return the policy that was named, else the one that rules over a use."""
    if policy or not use:
        return policy
    from portbook.claims import loading

    shipped = [loading.policy(name) for name in loading.SHIPPED]
    for one in shipped:
        if use.strip().casefold() in one.text.uses:
            return one.name
    known = ", ".join(word for one in shipped for word in one.text.uses)
    raise UsageError(f"no policy rules over {use!r}; known: {known}; or name one with --policy")


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
