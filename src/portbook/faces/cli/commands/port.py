"""`portbook port`, or `portbook NUMBER`: the page of a port."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import click
import msgspec

from portbook.errors import SourceError, UsageError
from portbook.faces.cli.options import Shape, shaped
from portbook.faces.terminal import colours, safe, width, wrapped
from portbook.ports import Band, Transport, parse_range
from portbook.records import Claim, ClaimKind, Listener

if TYPE_CHECKING:
    from portbook.book import Seen
    from portbook.survey.page import PortPage

MOST_PAGES = 16
REGISTRY_KINDS = (
    ClaimKind.ASSIGNED,
    ClaimKind.RESERVED,
    ClaimKind.UNASSIGNED,
    ClaimKind.IANA_NOTED,
)


@click.command(
    short_help="A port's page: who claims it, and what is there.",
    help="""Show a port's page: band, every claim with source and date, collisions, safety, what
    is on it here, how to check it with the system's own commands.

    \b
      portbook 1743
      portbook 1743/udp --json
      portbook port 1740-1743
      portbook port modbus        ports of a service, product or protocol

    The registry's names are claims, not proof: what is really there, `portbook here` and
    `portbook read` tell.
    """,
)
@click.argument("port", metavar="PORT|NAME")
@shaped
def command(port: str, shape: Shape) -> int:
    """Show one page, several, or what a name is found under."""
    if port[:1].isdigit():
        span, transport = parse_range(port)
        if span.size > MOST_PAGES:
            raise UsageError(f"{port}: at most {MOST_PAGES} pages at once; ask for fewer ports")
        looked = (_look(number, transport) for number in range(span.first, span.last + 1))
        if shape is Shape.TABLE:
            for place, one in enumerate(looked):
                _print_page(one, first=not place)
        else:
            from portbook.faces.cli.output import write_records

            write_records((record for one in looked for record in one.records()), shape)
        return 0
    return _search(port, shape)


class _Looked(NamedTuple):
    """All that a page shows."""

    about: PortPage
    said: Sequence[Claim]
    sockets: Sequence[Listener]
    hidden: Sequence[str]
    seen: Sequence[Seen]

    def records(self) -> tuple[msgspec.Struct, ...]:
        return (self.about, *self.said, *self.sockets, *self.seen)


def _look(number: int, transport: Transport | None) -> _Looked:
    from portbook.faces.cli.knowing import claims
    from portbook.survey.page import page

    known = claims()
    sockets, hidden = _here(number, transport)
    labelled = [
        msgspec.structs.replace(one, claims=known.labels(one.port, one.transport))
        for one in sockets
    ]
    about, said = page(number, transport, known), known.of(number, transport)
    return _Looked(about, said, labelled, hidden, _seen(number, transport))


def _print_page(one: _Looked, *, first: bool) -> None:
    if not first:
        click.echo("\n")
    _print(one.about, one.said)
    _print_here(one.sockets, one.hidden)
    _print_seen(one.seen)
    _print_how(one.about)


def _here(number: int, transport: Transport | None) -> tuple[Sequence[Listener], Sequence[str]]:
    from portbook.evidence.listeners import listeners

    try:
        found = listeners(number, now_ns=time.time_ns())
    except OSError as error:
        return (), (f"this system gives no list of its sockets: {error.strerror}",)
    wanted = [one for one in found.listeners if transport in (None, one.transport)]
    return wanted, found.hidden


def _seen(number: int, transport: Transport | None) -> Sequence[Seen]:
    from portbook import config

    path = config.load().book
    if not path.exists():
        return ()
    from portbook.book import Book

    try:
        with Book.open(path, readonly=True) as book:
            return book.seen(number, transport)
    except SourceError as error:
        click.echo(f"portbook: {safe(error)}", err=True)
        return ()


def _search(text: str, shape: Shape) -> int:
    from portbook.faces.cli.knowing import claims

    found = [claim for claim in claims().search(text) if claim.claim is not ClaimKind.UNASSIGNED]
    if shape is not Shape.TABLE:
        from portbook.faces.cli.output import write_records

        write_records(found, shape)
    elif found:
        from portbook.faces.terminal import print_table

        rows = [(_ports(one), one.claimant, one.claim.value, one.title or "") for one in found]
        print_table(f"Ports of {safe(text)}", ("port!", "claimant", "kind!", "what"), rows)
    if not found:
        click.echo(f"portbook: nobody claims a port as {text!r}; try a part of the name", err=True)
    return 0 if found else 1


def _ports(one: Claim) -> str:
    return f"{one.ports}/{one.transport.value}" if one.transport else str(one.ports)


def _heading(text: str) -> None:
    click.echo("\n" + (click.style(text, bold=True) if colours() else text))


def _print(about: PortPage, said: Sequence[Claim]) -> None:
    transports = ", ".join(f"{about.port}/{one.value}" for one in about.transports)
    title = click.style(transports, bold=True) if colours() else transports
    click.echo(f"{title}   {about.band.value} port ({about.range}, also called {about.alias})")
    _heading("Claims, each with its source: a claim is not proof")
    for group in _grouped(said):
        _print_claim(group)
    if not said:
        click.echo("  nobody claims it: no row of the registry, no documented use")
    if about.band is Band.DYNAMIC:
        click.echo("  IANA assigns none of these numbers (RFC 6335, section 6)")
    click.echo(f"  {wrapped(f'Registry: {about.registry}', 2)}")
    for heading, lines in (
        ("Collisions", about.collisions),
        ("Safety", about.safety),
        ("Belongs together with", about.neighbours),
    ):
        if lines:
            _heading(heading)
            for line in lines:
                click.echo(f"  {wrapped(line, 2)}")


def _grouped(said: Iterable[Claim]) -> list[list[Claim]]:
    """Put claims together that differ in nothing but the transport."""
    groups: dict[tuple[object, ...], list[Claim]] = {}
    for one in said:
        same = (one.claimant, one.claim, one.ports, one.title, one.source, one.note)
        groups.setdefault(same, []).append(one)
    return list(groups.values())


def _print_claim(group: list[Claim]) -> None:
    one = group[0]
    transports = " ".join(claim.transport.value if claim.transport else "?" for claim in group)
    span = f" {one.ports}" if one.ports.size > 1 else ""
    head = f"  {safe(one.claimant):<24} {one.claim.value:<15} {transports}{span}"
    titled, room = f"{head}   {safe(one.title)}" if one.title else head, width()
    if room is None or len(titled) <= room:
        click.echo(titled)
    else:
        click.echo(f"{head}\n      {wrapped(one.title, 6)}")
    source = ", ".join(_source(one))
    sure = f" ({one.confidence})" if one.confidence else ""
    click.echo(f"      {wrapped(source + sure, 6)}")
    if one.note:
        told = f"{one.role}: {one.note}" if one.role else one.note
        click.echo(f"      {wrapped(told, 6)}")


def _source(one: Claim) -> list[str]:
    """Return where a claim comes from; the registry's origin stands in full below the claims."""
    if one.claim in REGISTRY_KINDS and one.source.title.startswith("IANA "):
        return list(filter(None, ("IANA registry", one.source.date)))
    return list(filter(None, (one.source.title, one.source.where, one.source.date)))


def _print_here(sockets: Sequence[Listener], hidden: Sequence[str]) -> None:
    _heading("On this machine now")
    for one in sockets:
        owners = ", ".join(f"{owner.program or '?'} (pid {owner.pid})" for owner in one.owners)
        whose = owners or ("owner hidden: not permitted" if one.owners_hidden else "no owner")
        place = f"[{one.address}]" if ":" in one.address else one.address
        click.echo(
            f"  {one.transport.value} {place}:{one.port} {one.state}, reaches {one.scope.value}: "
            f"{safe(whose)}"
        )
        if one.note:
            click.echo(f"      {wrapped(one.note, 6)}")
    if not sockets:
        click.echo("  nothing holds it")
    for sentence in hidden:
        click.echo(f"  {wrapped(sentence, 2)}")


def _print_seen(seen: Sequence[Seen]) -> None:
    from portbook.faces.times import short

    if seen:
        _heading("What the book has seen")
    for one in seen[:10]:
        gone = ", gone since" if one.gone_ns is not None else ""
        click.echo(
            f"  {one.of} {safe(one.subject)}: {short(one.first_ns)} to {short(one.last_ns)}, "
            f"{one.count} times{gone}"
        )


def _print_how(about: PortPage) -> None:
    if not any(about.how_to_check.values()):
        return
    _heading("How to check for yourself")
    names = {"linux": "Linux", "macos": "macOS", "windows": "Windows"}
    for system, commands in about.how_to_check.items():
        for line in commands:
            click.echo(f"  {names[system]:<8} {line}")
    for line in about.how_to_watch:
        click.echo(f"  {'watch':<8} {line}")
    _heading("From a pid to a program")
    for system, line in about.from_pid_to_program.items():
        click.echo(f"  {names[system]:<8} {line}")
