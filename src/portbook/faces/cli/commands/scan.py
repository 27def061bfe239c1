"""`portbook scan`: connect, listen, send nothing; a question only where it was asked for."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

import click

from portbook.errors import UsageError
from portbook.faces.cli.asking import Manner, announce, ask, asking, nothing_sent, numbers

if TYPE_CHECKING:
    from portbook.evidence.probes import Errand, Prober
    from portbook.protocols.questions import Question
    from portbook.records import Reply
    from portbook.survey.errands import Wanted

MOST_CONNECTIONS = 4096
OF_TCP = ("modbus", "enip", "s7", "opcua", "optommp", "codesys")


@click.command(
    short_help="Connect, listen, send nothing: what greets?",
    help="""Connect over TCP, listen two seconds, send no octet. What greets is named by its octets;
    what does not is "open, silent", and left alone.

    \b
      portbook scan 10.0.0.9
      portbook scan 10.0.0.0/28 --port 21 --port 22
      portbook scan 10.0.0.9 --port 502 --ask modbus
      portbook scan 10.0.0.9 --dry-run

    Without --port the first usual TCP port of each protocol that portbook knows is tried. --ask
    puts a protocol's one polite question where it is open and silent, at the ports of --port, or
    else at that protocol's usual one. Nothing is ever sent to 1743, 2001 or 22001 on a guess. One
    connection at a time for a host, one a second, each once.
    """,
)
@click.argument("hosts", nargs=-1, required=True, metavar="HOST...")
@click.option("--ask", "question", type=click.Choice(OF_TCP), help="Ask where it is silent.")
@asking("scan")
def command(
    hosts: tuple[str, ...],
    question: str | None,
    interface: str | None,
    ports: tuple[str, ...],
    yes: tuple[str, ...],
    public: bool,
    manner: Manner,
) -> int:
    """Say what is done, do it, tell what greeted."""
    from portbook.evidence.pace import DEVICE_S
    from portbook.faces import asking as text
    from portbook.ports import Transport
    from portbook.protocols.questions import SCAN
    from portbook.survey import errands as made

    wanted = made.Wanted(
        name=question or "scan",
        targets=tuple(map(made.target, hosts)),
        interface=interface,
        transport=Transport.TCP,
        ports=numbers(ports) or usual(),
        yes=yes,
        public=public,
        number=secrets.randbelow(0x7FFFFFFF) + 1,
        now_ns=time.time_ns(),
    )
    found = made.listening(SCAN, wanted, confirmed=not manner.dry)
    if len(found) > MOST_CONNECTIONS:
        raise UsageError(f"{len(found)} connections, at most {MOST_CONNECTIONS}; name fewer ports")
    asked = made.chosen(question, Transport.TCP) if question else None
    later = _questions(asked, found, wanted, bool(ports)) if asked else []
    lines = [text.connecting(found, manner.rate_hz, DEVICE_S, dry=manner.dry)]
    if later:
        lines.append("where it is open and silent, and only there:")
        lines += text.promise(later, manner.rate_hz, DEVICE_S, dry=manner.dry)
    announce(later, lines, manner.shape)
    if manner.dry:
        return nothing_sent(later, manner.shape)
    return ask(found, wanted, manner, lambda prober, replies: _ask(prober, replies, later))


def usual() -> tuple[int, ...]:
    """Return the TCP port, or the few, where each protocol that portbook knows is served first.

    Each is a connection to a device, so a protocol's further ports are left to --port.
    """
    from portbook.ports import Transport
    from portbook.protocols import protocols

    found: set[int] = set()
    for protocol in protocols().values():
        served = [
            one.ports
            for one in protocol.usual
            if one.transport is Transport.TCP and one.role != "client" and one.ports.size <= 4
        ]
        for ports in served[:1]:
            found.update(range(ports.first, ports.last + 1))
    return tuple(sorted(found))


def _questions(
    question: Question, found: list[Errand], wanted: Wanted, chosen: bool
) -> list[Errand]:
    """Return what may be asked of those that turn out to be open and silent."""
    from portbook.protocols import guarded
    from portbook.survey import errands as made

    ports = {one.asking.port for one in found} if chosen else set(question.ports)
    free = [port for port in ports if not guarded(port, question.transport, question.protocol)]
    if not free:
        raise UsageError(
            f"{question.name} is not asked at {', '.join(map(str, sorted(ports)))}: nothing is "
            "sent there but the protocol that owns the port"
        )
    made.allowed(wanted, question.most_hosts, confirmed=False)
    places = {(one.asking.host, one.asking.port): one for one in found}
    return [
        made.errand_for(question, wanted, host, port, one.own)
        for (host, port), one in places.items()
        if port in free
    ]


def _ask(prober: Prober, replies: list[Reply], later: list[Errand]) -> list[Reply]:
    silent = {(one.address, one.port) for one in replies if one.outcome == "open"}
    chosen = [one for one in later if (one.asking.host, one.asking.port) in silent]
    return prober.run(chosen) if chosen else []
