"""A story as tables for people: what is there, what it told, what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import click

from portbook.addresses import parse
from portbook.faces.terminal import (
    LEVEL_STYLES,
    colours,
    drawn_table,
    print_table,
    wrapped,
)
from portbook.faces.times import lasting, short
from portbook.records import (
    Announcement,
    Conversation,
    Device,
    Finding,
    Listener,
    Oddity,
    Service,
    Total,
)
from portbook.survey.story import Story

ROWS = 30  # of a table, unless all are wanted
NEXT = (
    "Why it matters: `portbook rule CODE`. What is right as it is: "
    "`portbook finding accept CODE SUBJECT`."
)
SURE = {"confirmed": "", "plausible": "?", None: ""}


def show(story: Story, everything: bool = False, conversations: bool = False) -> None:
    """Print a story: evidence, then findings, then one line that sums it up.

    everything: all rows of long tables; conversations: these too, the largest first
    """
    _table("Sockets of this machine", LISTENER, sorted(story.listeners, key=_door), everything)
    if conversations:
        _table("Conversations", CONVERSATION, _largest(story.conversations), everything)
    _table("Protocols", TOTAL, story.totals, everything)
    _table("Services", SERVICE, sorted(story.services, key=_place), everything)
    _table("Devices", DEVICE, sorted(story.devices, key=_place), everything)
    _table("Announcements", ANNOUNCEMENT, story.announcements, everything)
    _table("Oddities", ODDITY, story.oddities, everything)
    _table("What they mean", MEANING, _each_once(story.oddities), everything)
    findings(story.findings)
    click.echo(summed_up(story))


def compact(story: Story, rows: int, conversations: bool = False) -> list[Any]:
    """Return a story as tables for a screen of fixed height: so many rows each, what is new last.

    conversations: the largest ones in place of the services
    """
    chosen: list[tuple[str, tuple[Column, ...], Sequence[Any]]] = [
        ("Conversations", CONVERSATION, _largest(story.conversations))
        if conversations
        else ("Services", SERVICE, sorted(story.services, key=_place)),
        ("Devices", DEVICE, sorted(story.devices, key=_place)),
        ("Announcements", ANNOUNCEMENT, story.announcements),
    ]
    return [
        drawn_table(
            f"{title} ({len(every)}{', the first shown' if len(every) > rows else ''})",
            [name for name, _ in columns],
            [[value(row) for _, value in columns] for row in every[:rows]],
        )
        for title, columns, every in chosen
        if every
    ]


def findings(found: Sequence[Finding]) -> None:
    """Print findings, the gravest first, each with what it rests on and what to do."""
    open_ones = [one for one in found if one.accepted is None]
    if open_ones:
        click.echo(click.style("Findings", bold=True) if colours() else "Findings")
    for one in sorted(open_ones, key=lambda one: -one.level.rank):
        click.echo(f"  {_level(one)} {wrapped(f'{one.code} {one.subject}', 11)}")
        click.echo("      " + wrapped(one.message, 6))
        click.echo("      " + wrapped(one.advice, 6))
    if open_ones:
        click.echo("  " + wrapped(NEXT, 2) + "\n")


def _level(one: Finding) -> str:
    word = f"{one.level.value:<8}"
    if not colours():
        return word
    style = LEVEL_STYLES[one.level.value].split()
    return click.style(word, fg=style[-1], bold="bold" in style)


def summed_up(story: Story) -> str:
    """Return what was read in one line."""
    one = story.summary
    if story.machine:
        text = _many(len(story.listeners), "socket")
    elif one.sent:
        came = _many(one.packets - one.sent, "message")
        text = f"{_many(one.sent, 'message')} of {one.sent_octets} octets sent, {came} came"
    else:
        text = f"{_many(one.packets, 'packet')}, {_many(one.conversations, 'conversation')}"
        if one.conversations:
            text += f", {one.named} of them named"
        if len(story.conversations) < one.conversations and not story.totals:
            text += f", {len(story.conversations)} within the filters"
    parts = [f"{text} in {lasting(one.seconds)}"]
    if one.closed_early:
        parts.append(f"{_many(one.closed_early, 'conversation')} cut in parts for lack of memory")
    if one.left_out:
        parts.append(f"{_many(one.left_out, 'conversation')} only counted, for lack of memory")
    if one.accepted:
        parts.append(f"{_many(one.accepted, 'finding')} accepted")
    if one.failed_sources:
        parts.append(f"{one.failed_sources} of {_many(one.sources, 'source')} failed")
    return "; ".join(parts)


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


Column = tuple[str, Callable[[Any], object]]

CONVERSATION: tuple[Column, ...] = (
    ("client!", lambda one: _end(one.client, one.client_port)),
    ("server!", lambda one: _end(one.server, one.server_port)),
    ("!", lambda one: one.transport.value),
    ("protocol!", lambda one: _named(one.protocol, one.confidence)),
    ("claimed?", lambda one: ", ".join(one.claims[:2])),
    ("packets#", lambda one: one.packets),
    ("octets#?", lambda one: one.octets),
    ("first!?", lambda one: short(one.first_ns)),
    ("for#?", lambda one: lasting(max(0, one.last_ns - one.first_ns) / 1e9)),
)
TOTAL: tuple[Column, ...] = (
    ("protocol!", lambda one: _named(one.protocol, one.confidence) or "not known"),
    ("conversations#", lambda one: one.conversations),
    ("packets#", lambda one: one.packets),
    ("octets#", lambda one: one.octets),
    ("payload octets#?", lambda one: one.payload_octets),
)
SERVICE: tuple[Column, ...] = (
    ("service!", lambda one: _end(one.address, one.port)),
    ("!", lambda one: one.transport.value),
    ("speaks!", lambda one: _spoken(one)),
    ("claimed", lambda one: ", ".join(one.claims[:3])),
    ("clients#", lambda one: one.clients),
    ("conversations#?", lambda one: one.conversations),
)
DEVICE: tuple[Column, ...] = (
    ("device!", lambda one: _addressed(one)),
    ("what it is", lambda one: _made(one)),
    ("name", lambda one: one.facts.get("name", "")),
    ("speaks", lambda one: _speaks(one)),
    ("since!?", lambda one: short(one.first_ns)),
    ("serial?", lambda one: one.facts.get("serial", "")),
    ("mac!?", lambda one: one.mac or ""),
)
# These few devices need: they are left out where no device does.
DEVICE_MORE: tuple[Column, ...] = (
    ("also at?", lambda one: ", ".join(at for at in one.addresses if at != one.address)),
    ("odd?", lambda one: "; ".join(one.against)),
)
ANNOUNCEMENT: tuple[Column, ...] = (
    ("from!", lambda one: _end(one.source, one.source_port or 0)),
    ("to!", lambda one: one.destination),
    ("ports", lambda one: f"{_spans(one.ports)}/{one.transport.value}"),
    ("protocol", lambda one: one.protocol or "unknown"),
    ("every#", lambda one: f"{one.period_s:.1f} s"),
    ("seen!?", lambda one: f"{one.times} of {one.expected}"),
    ("rhythm!", lambda one: one.confidence.value),
)
ODDITY: tuple[Column, ...] = (
    ("oddity", lambda one: one.name),
    ("times#", lambda one: one.count),
    ("first met", lambda one: one.where),
)
MEANING: tuple[Column, ...] = (
    ("!", lambda one: one.name),
    ("what it means", lambda one: _told(one, "advice")),
)
LISTENER: tuple[Column, ...] = (
    ("!", lambda one: one.transport.value),
    ("address!", lambda one: _end(one.address, one.port)),
    ("state", lambda one: one.state if one.family != "dual" else f"{one.state}, dual stack"),
    ("reaches", lambda one: one.scope.value),
    ("program", lambda one: _owner(one)),
    ("user", lambda one: _user(one)),
    ("claimed", lambda one: ", ".join(one.claims[:2])),
)


def _table(title: str, columns: Sequence[Column], rows: Sequence[Any], everything: bool) -> None:
    if not rows:
        return
    shown = rows if everything else rows[:ROWS]
    columns = (*columns, *_origins(rows))
    print_table(
        f"{title} ({len(rows)})",
        [name for name, _ in columns],
        [[value(row) for _, value in columns] for row in shown],
    )
    if len(shown) < len(rows):
        click.echo(f"  … and {len(rows) - len(shown)} more; --all shows them\n")


def _origins(rows: Sequence[Any]) -> tuple[Column, ...]:
    """Return the columns that few rows need: what tells their origins apart, and notes."""
    columns: list[Column] = [
        (name, partial(_told, name=name))
        for name in ("namespace", "interface", "note")
        if any(_told(one, name) for one in rows)
    ]
    if isinstance(rows[0], Device):
        columns += (more for more in DEVICE_MORE if any(more[1](one) for one in rows))
    if any(getattr(one, "vlan", None) is not None for one in rows):
        columns.append(("vlan#?", lambda one: "" if one.vlan is None else one.vlan))
    if not isinstance(rows[0], Oddity | Total) and len({_capture(one) for one in rows}) > 1:
        columns.append(("in?", lambda one: os.path.basename(_capture(one))))
    return tuple(columns)


def _each_once(oddities: Iterable[Oddity]) -> list[Oddity]:
    """Return one oddity of each name that has a meaning."""
    return list({one.name: one for one in oddities if one.advice}.values())


def _told(one: Any, name: str) -> str:
    return str(getattr(one, name, None) or "")


def _capture(one: Any) -> str:
    return str(one.capture if isinstance(one, Announcement) else one.source)


def _place(one: Service | Device) -> tuple[int, bytes, str, int]:
    """Return what sorts addresses as people expect: by number, IPv4 first."""
    address = parse(one.address)
    version, packed = (address.version, address.packed) if address else (0, b"")
    return version, packed, one.address, getattr(one, "port", 0)


def _door(one: Listener) -> tuple[str, int, str]:
    """Return what sorts sockets as people look for them: by transport, then number."""
    return one.transport.value, one.port, one.address


def _largest(conversations: Sequence[Conversation]) -> list[Conversation]:
    return sorted(conversations, key=lambda one: -one.octets)


def _end(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _named(protocol: str | None, confidence: str | None) -> str:
    return f"{protocol}{SURE[confidence]}" if protocol else "unknown"


def _spoken(one: Service) -> str:
    return ", ".join(_named(name, one.confidence) for name in one.protocols) or "unknown"


def _addressed(one: Device) -> str:
    """Return a device's first address, and how many more it has."""
    more = len(one.addresses) - 1
    return f"{one.address} +{more}" if more > 0 else one.address


def _made(one: Device) -> str:
    """Return vendor, product and version in one text; a vendor that its product names, once."""
    vendor, product = one.facts.get("vendor", ""), one.facts.get("product", "")
    said = () if vendor and product.lower().startswith(vendor.lower()) else (vendor,)
    return " ".join(filter(None, (*said, product, one.facts.get("version", ""))))


def _speaks(one: Device) -> str:
    """Return what a device speaks; behind a protocol the ports of its instances."""
    ports: dict[str, set[int]] = {}
    for instance in one.instances:
        ports.setdefault(instance.protocol, set()).add(instance.port)
    return ", ".join(
        f"{name} ({_spans(sorted(ports[name]))})" if name in ports else name
        for name in sorted({*one.protocols, *ports})
    )


def _spans(ports: Sequence[int]) -> str:
    spans: list[list[int]] = []
    for port in sorted(ports):
        if spans and port == spans[-1][1] + 1:
            spans[-1][1] = port
        else:
            spans.append([port, port])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def _owner(one: Listener) -> str:
    names = [f"{owner.program or '?'} ({owner.pid})" for owner in one.owners]
    if one.owners_hidden:
        names.append("hidden: not permitted")
    extra = {owner.unit or owner.container for owner in one.owners} | {one.unit or one.container}
    places = ", ".join(sorted(filter(None, extra)))
    return (", ".join(names) or "none") + (f" in {places}" if places else "")


def _user(one: Listener) -> str:
    users = {owner.user for owner in one.owners} - {None} or {one.user}
    return ", ".join(sorted(filter(None, users)))
