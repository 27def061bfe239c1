"""`portbook plan firewall`: rules that keep controller protocols where they belong, as text."""

from __future__ import annotations

import sys

import click
import msgspec

from portbook.faces.cli.options import Shape, shaped
from portbook.faces.cli.plan_lint import text_of

FORMS = ("nftables", "iptables", "ip6tables", "windows")


class Firewall(msgspec.Struct, frozen=True, tag="firewall", tag_field="kind"):
    """The rules in one form."""

    form: str
    text: str
    protocols: tuple[str, ...]  # that they keep


@click.command(
    "firewall",
    help="""Print firewall rules that keep controller protocols where they belong; load nothing.

    \b
      portbook plan firewall --subnet 10.0.1.0/24 --station 10.0.2.20 > portbook.nft
      portbook plan firewall site.toml --form iptables
      portbook plan firewall --interface eth1
      portbook plan firewall site.toml --form windows > portbook.ps1

    Discovery stays inside its subnet, engineering ports are reached from named stations only,
    other controller protocols as far as they may be heard; a plan adds its own ports. The rules
    only drop: they open nothing. nftables and iptables rules are for a router or a host.
    """,
)
@click.argument("file", required=False)
@click.option("--form", type=click.Choice(FORMS), default="nftables", show_default=True)
@click.option("--subnet", multiple=True, metavar="PREFIX", help="The control network; repeatable.")
@click.option("--interface", metavar="NAME", help="The control network is behind this interface.")
@click.option(
    "--station", multiple=True, metavar="ADDRESS", help="Who may program controllers; repeatable."
)
@shaped
def firewall(
    file: str | None,
    form: str,
    subnet: tuple[str, ...],
    interface: str | None,
    station: tuple[str, ...],
    shape: Shape,
) -> int:
    """Read the plan, write the rules; leaves with 3 when a row of the plan could not be read."""
    from portbook.claims import loading
    from portbook.claims.profiles import profiles
    from portbook.planning import firewalls
    from portbook.planning.projects import read_plan
    from portbook.planning.siteplan import SitePlan

    if subnet and interface:
        raise click.UsageError("name --subnet or --interface, not both")
    plan = read_plan(text_of(file), file) if file else SitePlan()
    for trouble in plan.troubles:
        click.echo(f"portbook: {file}, line {trouble.line}: {trouble.text}; left out", err=True)
    subnets = () if interface else subnet or plan.subnets
    where = firewalls.places(subnets, (*plan.stations, *station), interface)
    policies = [loading.policy(name) for name in loading.SHIPPED]
    kept = firewalls.guards(profiles().values(), plan, policies)
    if form == "nftables":
        text = firewalls.nftables(kept, where)
    elif form == "windows":
        text = firewalls.windows(kept, where)
    else:
        text = firewalls.iptables(kept, where, 6 if form == "ip6tables" else 4)
    if shape is Shape.TABLE:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    else:
        from portbook.faces.cli.output import write_records

        names = tuple(dict.fromkeys(one.name for one in kept))
        write_records([Firewall(form, text, names)], shape)
    return 3 if plan.troubles else 0
