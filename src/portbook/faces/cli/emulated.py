"""What `portbook emulate` says before it sends, and what it tells afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from portbook.faces.cli.endpoints import Endpoint
from portbook.faces.cli.options import Shape

if TYPE_CHECKING:
    from portbook.emulators.reftek.fleet import Fleet
    from portbook.emulators.reftek.running import Emulated, Emulation
    from portbook.emulators.reftek.weather import Weather

ROWS = 20
MIXED = ("network", "wrap")  # these choose rates and formats themselves
TRANSPORTS = {
    "udp": "as UDP datagrams of 1024 octets",
    "tcp": "in a row over TCP",
    "pbl1": "over PBL1, portbook's reliable link on UDP",
}


class Wanted(NamedTuple):
    """What the command line asked for."""

    to: Endpoint | None
    serve: Endpoint | None
    transport: str
    units: int
    rate_hz: float
    coding: str
    profile: str
    replay: tuple[Path, ...]
    speed: float
    seed: int
    seconds: float | None
    packets: int | None
    record_s: int
    first_unit: int
    auxiliary: bool
    most_per_s: float
    weather: dict[str, Any]


def promise(wanted: Wanted, fleet: Fleet, weather: Weather, dry_run: bool) -> str:
    """Return what will be sent, where to, and until when."""
    many = len(fleet.units)
    ids = " ".join(f"{unit:04X}" for unit in fleet.units[:4]) + (" ..." if many > 4 else "")
    what = f"{many} REF TEK recorder{'s' * (many > 1)} ({ids}), "
    what += _source(wanted)
    if wanted.serve:
        where = f"served as an RTPD on {wanted.serve.host} port {wanted.serve.port}"
    elif wanted.to:
        where = f"{TRANSPORTS[wanted.transport]} to {wanted.to.host} port {wanted.to.port}"
    else:
        where = "nowhere"
    speed = f", {wanted.speed:g} times as fast" if wanted.speed not in (0, 1) else ""
    speed = ", as fast as it goes" if not wanted.speed else speed
    ends = "until you stop it"
    if wanted.packets or wanted.seconds is not None or wanted.replay:
        ends = " or ".join(
            text
            for text, value in (
                (f"{wanted.packets} packets", wanted.packets),
                (f"{wanted.seconds:g} s of theirs" if wanted.seconds else "", wanted.seconds),
                ("the recording's end", wanted.replay),
            )
            if value
        )
    begun = "would send" if dry_run else "sends"
    harm = "" if weather.fair and not weather.outages else f"; the network: {_harm(weather)}"
    return f"portbook emulate {begun}: {what}, {where}{speed}, {ends}{harm}"


def _source(wanted: Wanted) -> str:
    if wanted.replay:
        return "replayed from " + ", ".join(str(one) for one in wanted.replay)
    if wanted.profile in MIXED:
        return f"profile {wanted.profile}, formats and rates mixed, made up"
    return f"profile {wanted.profile}, {wanted.coding.upper()} at {wanted.rate_hz:g} Hz, made up"


def _harm(weather: Weather) -> str:
    told = (
        (weather.loss, f"{weather.loss:.1%} lost"),
        (weather.bursts, f"bursts of {weather.burst[0]} to {weather.burst[1]} lost"),
        (weather.shuffle > 1, f"shuffled within {weather.shuffle}"),
        (weather.doubled, f"{weather.doubled:.1%} twice"),
        (weather.outages, f"down {len(weather.outages)} times"),
    )
    return ", ".join(text for value, text in told if value)


def tell(instruments: list[Emulated], emulation: Emulation, shape: Shape) -> None:
    """Tell what became of the packets."""
    from portbook.faces.cli.output import write_records

    if shape is not Shape.TABLE:
        write_records([*instruments, emulation], shape)
        return
    from portbook.faces.terminal import print_table

    columns: tuple[tuple[str, Callable[[Emulated], object]], ...] = (
        ("unit!", lambda one: one.unit),
        ("made#", lambda one: one.made),
        ("sent#", lambda one: one.sent),
        ("lost#?", lambda one: one.lost or ""),
        ("doubled#?", lambda one: one.doubled or ""),
        ("acknowledged#?", lambda one: "" if one.acknowledged is None else one.acknowledged),
        ("of which", lambda one: " ".join(f"{n} {kind}" for kind, n in one.packets.items())),
    )
    rows = [[of(one) for _, of in columns] for one in instruments[:ROWS]]
    print_table("Recorders", [name for name, _ in columns], rows)
    if len(instruments) > ROWS:
        click.echo(f"... and {len(instruments) - ROWS} more; --jsonl tells all")
    click.echo(
        f"{emulation.made} packets made, {emulation.sent} sent, {emulation.lost} lost, "
        f"{emulation.doubled} doubled, {sum(emulation.spoilt.values())} spoilt, in "
        f"{emulation.seconds:.1f} s for {emulation.elapsed_s:.1f} s of theirs"
    )
    if emulation.left:
        click.echo(f"portbook: {emulation.left} packets could not be delivered", err=True)
