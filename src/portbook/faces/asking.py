"""What `discover` and `scan` say before they send, and how they show what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import click

from portbook.evidence.probes import Errand
from portbook.faces.terminal import print_table, safe
from portbook.faces.times import lasting
from portbook.protocols.questions import Line
from portbook.records import Reply

ROWS = 30
NAMED = 4  # hosts of a group that are written out
DULL = ("silent", "refused", "unreachable")  # of many hosts these are counted, not listed


def promise(
    errands: Sequence[Errand], rate_hz: float, device_s: float, *, dry: bool
) -> Iterator[str]:
    """Give the lines that say what will be sent, octet by octet, to whom and how often."""
    question = errands[0].question
    verb = "would send" if dry else "sends"
    over = question.transport.value.upper()
    yield f"portbook {verb} over {over}: {question.title}"
    for lines, group in _alike(errands):
        yield f"  to {_hosts(group)}"
        yield from _messages(lines)
    yield f"  {_often(errands, rate_hz, device_s)}"
    if any("**" in line.shown() for one in errands[:1] for line in one.lines):
        yield f"  ** stands for your {question.secret}, which is neither shown nor logged"
    if any(line.open for one in errands[:1] for line in one.lines):
        yield "  .. stands for octets that an answer decides"


def connecting(errands: Sequence[Errand], rate_hz: float, device_s: float, *, dry: bool) -> str:
    """Return what a scan does."""
    verb = "would connect" if dry else "connects"
    ports = dict.fromkeys(one.asking.port for one in errands)
    hosts = dict.fromkeys(one.asking.host for one in errands)
    wait = errands[0].question.wait_s
    return (
        f"portbook {verb} over TCP to {_listed(list(hosts))}, port{'s' * (len(ports) > 1)} "
        f"{', '.join(map(str, ports))}: {len(errands)} connections, each once, one at a time for "
        f"a host and one in {device_s:g} s, at most {rate_hz:g} a second; it listens {wait:g} s "
        "to each and sends no octet"
    )


def outcomes(replies: Sequence[Reply], everything: bool) -> None:
    """Print what became of each question; of many, those that tell nothing are counted."""
    many = len(replies) > ROWS and not everything
    shown = [one for one in replies if not (many and one.outcome in DULL)]
    columns: tuple[tuple[str, Callable[[Reply], object]], ...] = (
        ("asked!", lambda one: f"[{one.address}]" if ":" in one.address else one.address),
        ("port!", lambda one: f"{one.port}/{one.transport.value}"),
        ("for", lambda one: one.protocol or "what greets"),
        ("outcome!", lambda one: _outcome(one)),
        ("answers#", lambda one: one.answers),
        ("sent#?", lambda one: one.sent),
        ("after#?", lambda one: lasting(one.seconds)),
        ("note", lambda one: one.note or ""),
    )
    if shown:
        rows = [[of(one) for _, of in columns] for one in shown]
        print_table(f"Asked ({len(replies)})", [name for name, _ in columns], rows)
    if len(shown) < len(replies):
        counts = Counter(one.outcome for one in replies if one not in shown)
        told = ", ".join(f"{count} {word}" for word, count in counts.most_common())
        click.echo(f"  further {told}; --all lists them\n")


def _outcome(one: Reply) -> str:
    return "open, silent" if one.outcome == "open" else one.outcome


def _alike(errands: Sequence[Errand]) -> Iterator[tuple[tuple[Line, ...], list[Errand]]]:
    """Group errands that send the same octets."""

    def octets(one: Errand) -> tuple[tuple[str, int | None], ...]:
        return tuple((line.shown(), line.port) for line in one.lines)

    for _, group in groupby(errands, key=octets):
        several = list(group)
        yield several[0].lines, several


def _hosts(group: Sequence[Errand]) -> str:
    first = group[0]
    hosts = list(dict.fromkeys(one.asking.host for one in group))
    ports = list(dict.fromkeys(one.asking.port for one in group))
    if any(line.port for line in first.lines):
        ports = [line.port or first.asking.port for line in first.lines]
    whom = "everybody at " if first.asking.broadcast else ""
    text = f"{whom}{_listed(hosts)}, port{'s' * (len(ports) > 1)} {', '.join(map(str, ports))}"
    if first.own.port:
        text += f", from {first.own.address} port {first.own.port}"
    return text + (f", through {first.own.interface}" if first.own.interface else "")


def _listed(hosts: Sequence[str]) -> str:
    """Write out few hosts; of many in a row the first and the last."""
    if len(hosts) <= NAMED:
        return ", ".join(hosts)
    return f"{len(hosts)} hosts, {hosts[0]} to {hosts[-1]}"


def _messages(lines: Sequence[Line]) -> Iterator[str]:
    if not lines:
        yield "    no octet: it connects and reads what greets"
    alike = len({(line.octets, line.words) for line in lines}) == 1
    if alike and len(lines) > 1:
        yield f"    {len(lines)} times, once a port: {lines[0].words}"
        yield f"      {lines[0].shown()}  ({len(lines[0].octets)} octets)"
        return
    for number, line in enumerate(lines, 1):
        when = f", {line.when}" if line.when else ""
        yield f"    {number}. {safe(line.words)}{when}"
        yield f"       {line.shown()}  ({len(line.octets)} octets)"


def _often(errands: Sequence[Errand], rate_hz: float, device_s: float) -> str:
    question = errands[0].question
    if question.gap_s is not None:
        return (
            f"once, {question.gap_s * 1000:g} ms apart; the own port is held for "
            f"{question.wait_s:g} s, while answers come; one round in {question.every_s / 60:g} "
            "min; nothing is repeated"
        )
    pause = f"; a host once in {question.every_s / 60:g} min" if question.every_s else ""
    return (
        f"one message in {device_s:g} s to a host, at most {rate_hz:g} a second altogether; "
        f"{question.wait_s:g} s for each answer; nothing is repeated{pause}"
    )
