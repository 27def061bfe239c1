"""`portbook discover`: ask devices who they are, in their own tongue, after saying what is sent."""

from __future__ import annotations

import secrets
import time

import click

from portbook.faces.cli.asking import Manner, announce, ask, asking, nothing_sent, numbers, secret

NAMES = (
    "codesys", "optommp", "enip", "modbus", "bacnet", "s7", "opcua", "snmp", "unitrends", "banner",
)  # fmt: skip


@click.command(
    short_help="Ask devices who they are, gently.",
    help="""Ask devices who they are, in their own protocol: read only, one message a second to a
    host, never repeated. It says what it will send, octet by octet, before it does.

    \b
      portbook discover modbus 10.0.0.9 --dry-run
      portbook discover enip 10.0.0.0/28
      portbook discover codesys --interface eth1 --yes 10.0.0.0/24
      portbook discover optommp 10.0.0.60 --tcp --log sent.jsonl
      portbook discover snmp 10.0.0.2 --community-file community.txt

    PROTOCOL is codesys, optommp, enip, modbus, bacnet, s7, opcua, snmp, unitrends or banner.
    TARGETS are addresses, ADDRESS:PORT, or prefixes of at most 256 addresses; names are not looked
    up. Without targets, codesys, enip, bacnet and optommp ask the subnet of --interface at once,
    which has to be named: --yes SUBNET.

    Public addresses are refused unless said twice: --public --yes ADDRESS. Unitrends and banner
    connect and read; they send nothing. Asking needs no right. Listening first is gentler still:
    `portbook watch`.
    """,
)
@click.argument("protocol", type=click.Choice(NAMES), metavar="PROTOCOL")
@click.argument("targets", nargs=-1, metavar="[TARGETS]...")
@click.option("--tcp", is_flag=True, help="Ask over TCP, where there is a choice.")
@click.option("--udp", is_flag=True, help="Ask over UDP, where there is a choice.")
@click.option(
    "--community-file",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="SNMP: a file with the community, `-` for standard input. Or PORTBOOK_COMMUNITY.",
)
@click.option(
    "--number",
    type=click.IntRange(1, 0x7FFFFFFF),
    help="Request number, so that a dry run can be repeated octet by octet; drawn if not given.",
)
@asking("discover")
def command(
    protocol: str,
    targets: tuple[str, ...],
    tcp: bool,
    udp: bool,
    community_file: str | None,
    number: int | None,
    interface: str | None,
    ports: tuple[str, ...],
    yes: tuple[str, ...],
    public: bool,
    manner: Manner,
) -> int:
    """Say what is sent, send it, tell what came."""
    from portbook.evidence.pace import DEVICE_S
    from portbook.faces import asking as text
    from portbook.ports import Transport
    from portbook.survey import errands as made

    if tcp and udp:
        raise click.UsageError("--tcp and --udp exclude each other")
    wanted = made.Wanted(
        name=protocol,
        targets=tuple(map(made.target, targets)),
        interface=interface,
        transport=Transport.TCP if tcp else Transport.UDP if udp else None,
        ports=numbers(ports),
        yes=yes,
        public=public,
        secret=secret("community", community_file) if protocol == "snmp" else b"",
        number=number or secrets.randbelow(0x7FFFFFFF) + 1,
        now_ns=time.time_ns(),
    )
    found = made.errands(wanted, confirmed=not manner.dry)
    lines = list(text.promise(found, manner.rate_hz, DEVICE_S, dry=manner.dry))
    announce(found, lines, manner.shape)
    if manner.dry:
        return nothing_sent(found, manner.shape)
    return ask(found, wanted, manner._replace(source=f"discover {protocol}"))
