"""The page of one row: what is known of it, who claims its port, reasons for and against."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from portbook.book import Change
from portbook.claims.everything import Claims
from portbook.faces.exports import rfc3339
from portbook.faces.times import short
from portbook.faces.tui import beats
from portbook.faces.tui.columns import Moment, age
from portbook.findings import rules
from portbook.ports import Transport
from portbook.records import (
    Announcement,
    Claim,
    Conversation,
    Device,
    Finding,
    Listener,
    Problem,
    Service,
)
from portbook.survey.story import Story

MOST = 40  # lines of one section that grows with the network
_BEATS = 60


class Section(NamedTuple):
    """A heading and the lines below it."""

    heading: str
    lines: tuple[str, ...]


def page(one: Any, story: Story, claims: Claims, moment: Moment) -> list[Section]:
    """Return the sections of a record's page; the first one is headed by what it is."""
    kind = str(one.__struct_config__.tag)
    tell = _PAGES.get(kind)
    sections = tell(one, story, claims, moment) if tell else _plain(one)
    return [section for section in sections if section.lines]


def claimed(claims: Claims, port: int, transport: Transport | None) -> Section:
    """Return who claims a port, each claim with its source."""
    lines = [line for one in claims.of(port, transport) for line in _claim(one)]
    over = f"/{transport.value}" if transport else ""
    return _some(f"Who claims {port}{over}: a claim is not proof", lines, "nobody claims it")


def _claim(one: Claim) -> Iterator[str]:
    over = f" {one.transport.value}" if one.transport else ""
    title = f": {one.title}" if one.title and one.title != one.claimant else ""
    yield f"{one.claimant}{title} ({one.claim.value}{over})"
    source = ", ".join(filter(None, (one.source.title, one.source.where, one.source.date)))
    sure = f"; {one.confidence}" if one.confidence else ""
    yield f"    {source}{sure}"
    if one.note:
        yield f"    {one.note}"


def _finding(one: Finding, story: Story, claims: Claims, moment: Moment) -> Iterator[Section]:
    accepted = () if one.accepted is None else (f"accepted {one.accepted}",)
    yield Section(
        f"{one.level.value} {one.code} {one.name}", (one.subject, *_where(one), *accepted)
    )
    yield Section("What is wrong", (one.message,))
    yield Section("What to do", (one.advice,) if one.advice else ())
    yield Section("What it rests on", one.because)
    accept = f"portbook finding accept {one.code} {one.subject!r} --until DATE --reason WHY"
    yield Section("If it is right as it is", (accept,))
    rule = rules().get(one.code)
    if rule is not None:
        yield Section(f"The rule {one.code}", tuple(_paragraphs(inspect.getdoc(type(rule)) or "")))


def _paragraphs(text: str) -> Iterator[str]:
    """Give the lines of a rule's page but the first; what is indented goes on with one."""
    told = ""
    for line in text.splitlines()[1:]:
        if told and line.startswith(" "):
            told += f" {line.strip()}"
            continue
        if told:
            yield told
        told = line.strip()
    if told:
        yield told


def _service(one: Service, story: Story, claims: Claims, moment: Moment) -> Iterator[Section]:
    spoken = ", ".join(one.protocols) or "bytes that nothing here knows"
    sure = f" ({one.confidence.value})" if one.confidence else ""
    yield Section(
        f"service {_end(one.address, one.port)}/{one.transport.value}",
        (f"speaks {spoken}{sure}", age(one, moment.now_ns), *_where(one)),
    )
    end, over = (one.address, one.port), one.transport
    talks = [
        talk
        for talk in story.conversations
        if end == (talk.server, talk.server_port) and talk.transport is over
    ]
    yield from _reasons(talks)
    clients = dict.fromkeys(talk.client for talk in talks)
    yield _some("Clients", clients)
    yield claimed(claims, one.port, one.transport)
    yield _findings(story, one.address, one.port)


def _device(one: Device, story: Story, claims: Claims, moment: Moment) -> Iterator[Section]:
    yield Section(f"device {one.address}", (age(one, moment.now_ns), *_where(one)))
    yield _some("What it told of itself", (f"{name}: {told}" for name, told in one.facts.items()))
    yield _some("Reasons for", one.because)
    yield _some("Reasons against", one.against)
    addresses = (f"address {address}" for address in one.addresses)
    yield _some("Where it is", (*addresses, *(f"link address {mac}" for mac in _macs(one))))
    yield _some("Speaks", one.roles or one.protocols)
    yield _some("Programs that announce themselves", map(_instance, one.instances))
    at = {one.address, *one.addresses}
    yield _some(
        "Services",
        (
            f"{_end(it.address, it.port)}/{it.transport.value}: {', '.join(it.protocols) or '?'}"
            for it in story.services
            if it.address in at
        ),
    )
    yield _findings(story, *at)


def _instance(one: Any) -> str:
    node = f", node {one.node}" if one.node else ""
    rhythm = f", every {one.period_s:g} s, {one.missed} missed" if one.period_s else ""
    return f"{one.protocol} {_end(one.address, one.port)}{node}{rhythm}"


def _announcement(
    one: Announcement, story: Story, claims: Claims, moment: Moment
) -> Iterator[Section]:
    ports = f"{one.transport.value} port {', '.join(map(str, one.ports))}"
    yield Section(
        f"announcement of {one.source}",
        (
            f"to {one.destination}, {ports}: {one.protocol or 'unknown'}",
            age(one, moment.now_ns),
            *_where(one),
        ),
    )
    yield Section("Rhythm", tuple(_rhythm(one, moment)))
    yield _some("Reasons for", one.because)
    yield _some("The latest rounds", map(rfc3339, reversed(one.beats_ns[-_BEATS:])))
    for port in one.ports[:4]:
        yield claimed(claims, port, one.transport)
    yield _findings(story, one.source)


def _rhythm(one: Announcement, moment: Moment) -> Iterator[str]:
    yield f"every {one.period_s:g} s, give or take {one.jitter_s:g} s ({one.confidence.value})"
    if one.times:
        yield f"heard {one.times} of {one.expected} times"
    if one.beats_ns:
        late = beats.missed(one.beats_ns, one.period_s, moment.heard_ns, moment.pauses)
        yield f"{late} of the latest rounds did not come" if late else "the latest round came"
        yield beats.line(one.beats_ns, one.period_s, moment.heard_ns, _BEATS, moment.pauses)
        yield beats.LEGEND


def _conversation(
    one: Conversation, story: Story, claims: Claims, moment: Moment
) -> Iterator[Section]:
    client, server = _end(one.client, one.client_port), _end(one.server, one.server_port)
    sure = f" ({one.confidence.value})" if one.confidence else ""
    yield Section(
        f"conversation {client} with {server}/{one.transport.value}",
        (f"protocol {one.protocol or 'unknown'}{sure}", age(one, moment.now_ns), *_where(one)),
    )
    both = one.packets_to_server, one.packets_to_client
    octets = one.payload_octets_to_server, one.payload_octets_to_client
    yield Section(
        "How much",
        (
            f"{one.packets:,} packets, {one.octets:,} octets of whole frames",
            f"to the server {both[0]:,} packets, {octets[0]:,} octets of payload",
            f"to the client {both[1]:,} packets, {octets[1]:,} octets of payload",
            f"who is the client was told by: {one.roles}",
        ),
    )
    yield from _reasons([one])
    yield _some("What it told", (f"{name}: {told}" for name, told in one.facts.items()))
    yield claimed(claims, one.server_port, one.transport)
    yield _findings(story, one.server, one.server_port)


def _listener(one: Listener, story: Story, claims: Claims, moment: Moment) -> Iterator[Section]:
    names = "namespace", "interface", "peer", "user", "unit", "container", "backlog", "note"
    more = (f"{name}: {told}" for name in names if (told := getattr(one, name)) is not None)
    yield Section(
        f"socket {one.transport.value} {_end(one.address, one.port)}",
        (f"{one.state}, reaches {one.scope.value}, {one.family}", *more),
    )
    hidden = ("some are hidden: not permitted (`portbook doctor`)",) if one.owners_hidden else ()
    owners = [line for owner in one.owners for line in _owner(owner)]
    yield _some("Who owns it", (*owners, *hidden), "nobody that is known")
    yield claimed(claims, one.port, one.transport)
    yield _findings(story, one.address, one.port)


def _owner(one: Any) -> Iterator[str]:
    yield f"{one.program or '?'} (pid {one.pid})" + (f" of {one.user}" if one.user else "")
    for name in ("command", "executable", "unit", "container"):
        if told := getattr(one, name):
            yield f"    {name}: {told}"


def _change(one: Change, story: Story, claims: Claims, moment: Moment) -> Iterator[Section]:
    yield Section(
        f"{one.what}: {one.of} {one.subject}",
        (f"the book learned it at {short(one.at_ns)}", age(one, moment.now_ns), *_where(one)),
    )
    yield _some("As it is, or last was", _pairs(one.details))
    yield _some("As it was before", _pairs(one.before))
    port, over = one.details.get("port"), str(one.details.get("transport"))
    if isinstance(port, int) and over in [*Transport]:
        yield claimed(claims, port, Transport(over))


def _problem(one: Problem, story: Story, claims: Claims, moment: Moment) -> Iterator[Section]:
    yield Section(f"trouble with {one.source}", (one.message,))


def _plain(one: Any) -> Iterator[Section]:
    """Tell a record that has no page of its own field by field."""
    fields = {name: getattr(one, name) for name in one.__struct_fields__}
    yield Section(str(one.__struct_config__.tag), tuple(_pairs(fields)))


_Page = Callable[[Any, Story, Claims, Moment], Iterator[Section]]
_PAGES: Mapping[str, _Page] = {
    "finding": _finding,
    "service": _service,
    "device": _device,
    "announcement": _announcement,
    "conversation": _conversation,
    "listener": _listener,
    "change": _change,
    "error": _problem,
}


def _reasons(talks: Sequence[Conversation]) -> Iterator[Section]:
    yield _some("Reasons for", dict.fromkeys(why for one in talks for why in one.because))
    yield _some("Reasons against", dict.fromkeys(why for one in talks for why in one.against))


def _findings(story: Story, *about: object) -> Section:
    """Return the findings that name all of an address and a port, or any of several addresses."""
    port = about[-1] if isinstance(about[-1], int) else None
    addresses = {one for one in about if isinstance(one, str)}
    return _some(
        "Findings",
        (
            f"{one.level.value} {one.code} {one.subject}: {one.message}"
            for one in story.findings
            if one.parameters.get("address") in addresses
            and port in (None, one.parameters.get("port"))
        ),
    )


def _some(heading: str, lines: Iterable[str], nothing: str = "") -> Section:
    """Return a section of so many lines at most, with what was left out counted."""
    told = list(lines)
    more = (f"… and {len(told) - MOST} more",) if len(told) > MOST else ()
    return Section(heading, (*told[:MOST], *more) or ((nothing,) if nothing else ()))


def _where(one: Any) -> Iterator[str]:
    site = f"site {one.site}"
    vlan = f", VLAN {one.vlan}" if one.vlan is not None else ""
    source = one.capture if isinstance(one, Announcement) else one.source
    yield f"{site}{vlan}" + (f", seen in {source}" if source else "")


def _pairs(told: Mapping[str, Any]) -> Iterator[str]:
    for name, value in told.items():
        if value not in (None, "", [], (), {}):
            shown = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
            moment = name.endswith("_ns") and isinstance(value, int)
            yield f"{name.removesuffix('_ns')}: {short(value) if moment else shown}"


def _macs(one: Device) -> tuple[str, ...]:
    return one.macs or ((one.mac,) if one.mac else ())


def _end(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
