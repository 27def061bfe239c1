"""`portbook emulate reftek`: REF TEK recorders that send to a receiver, or are read from."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from portbook.errors import SourceError, UsageError
from portbook.faces.cli.emulated import TRANSPORTS, Wanted, promise, tell
from portbook.faces.cli.endpoints import allowed, endpoint
from portbook.faces.cli.options import Duration, Shape, shaped

if TYPE_CHECKING:
    from portbook.emulators.reftek.fleet import Fleet
    from portbook.emulators.reftek.instruments import Made
    from portbook.emulators.reftek.running import Pace
    from portbook.emulators.reftek.sending import Carrier
    from portbook.emulators.reftek.weather import Weather

PORT = 2543
PROFILES = ("clean", "network", "quake", "loss", "disorder", "reconnect", "clock", "wrap", "dirty")
FORMATS = ["16", "32", "C0", "C2"]


@click.command(
    name="reftek",
    short_help="REF TEK recorders that send, or are read from.",
    help="""REF TEK recorders: packets of every type, synthetic or replayed, sent as instruments do.

    \b
      portbook emulate reftek --to 127.0.0.1:2543 --units 10 --format C2 --for 60
      portbook emulate reftek --to 127.0.0.1:2543 --transport pbl1 --loss 0.2 --packets 5000
      portbook emulate reftek --serve 2543 --profile clock
      portbook emulate reftek --to 127.0.0.1:2543 --replay 225051000_00008656 --speed 10
      portbook emulate reftek --units 1000 --profile network --for 60 --dry-run

    --to sends to a receiver; --serve is read from, as an RTPD is. The same seed makes the same
    packets. Each run ends with an exact account of every recorder: Ctrl-C ends it too.

    \b
    Profiles: clean; network (rates and formats mixed); quake (60 s of strong shaking); loss (5 %
    and bursts); disorder (within 64, 5 % twice); reconnect (5 s, 7 min, 80 min down, then from a
    new address and port); clock (set twice, unlocked at first, new year, leap second); wrap
    (sequences and events); dirty (everything that bad input looks like, from the last unit).
    """,
)
@click.option("--to", metavar="HOST:PORT", help="Send there.")
@click.option("--serve", metavar="PORT", help="Listen as an RTPD: PORT or ADDRESS:PORT; 0: any.")
@click.option(
    "--transport",
    type=click.Choice([*TRANSPORTS]),
    default="udp",
    show_default=True,
    help="How to send.",
)
@click.option("--units", default=1, show_default=True, help="How many recorders.")
@click.option("--rate", "rate_hz", default=100.0, show_default=True, metavar="HZ")
@click.option(
    "--format",
    "coding",
    type=click.Choice(FORMATS, case_sensitive=False),
    default="C0",
    show_default=True,
)
@click.option("--profile", type=click.Choice(PROFILES), default="clean", show_default=True)
@click.option(
    "--replay",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Send this recording's packets instead; a unit each, repeatable.",
)
@click.option(
    "--speed", default=1.0, show_default=True, help="Times as fast as real; 0: as fast as it goes."
)
@click.option("--seed", default=0, show_default=True, help="Of all that is random.")
@click.option("--for", "seconds", type=Duration(), metavar="TIME", help="Of the instruments' time.")
@click.option("--packets", type=click.IntRange(min=1), help="End after so many.")
@click.option("--record", "record_s", default=3600, show_default=True, help="Seconds an event.")
@click.option("--first-unit", default="9001", show_default=True, metavar="ID", help="Four digits.")
@click.option("--voltages", "auxiliary", is_flag=True, help="Stream 8 too: a packet in 5000 s.")
@click.option("--start", metavar="TIME", help="What the clocks tell at first. Default: now.")
@click.option("--loss", type=click.FloatRange(0, 1), help="Share of packets lost.")
@click.option("--bursts", type=click.FloatRange(0, 1), help="Share at which 10 to 200 are lost.")
@click.option("--shuffle", type=click.IntRange(0, 4096), help="Packets that change places.")
@click.option("--doubled", type=click.FloatRange(0, 1), help="Share of packets sent twice.")
@click.option(
    "--most",
    "most_per_s",
    type=click.FloatRange(1),
    default=5000.0,
    show_default=True,
    help="Packets a second at most, where nothing is acknowledged.",
)
@click.option("--clients", default=1, show_default=True, help="--serve begins with so many.")
@click.option("--yes", metavar="ADDRESS", help="The address again, when it is not loopback.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
@shaped
def command(
    to: str | None,
    serve: str | None,
    first_unit: str,
    start: str | None,
    clients: int,
    yes: str | None,
    dry_run: bool,
    shape: Shape,
    loss: float | None,
    bursts: float | None,
    shuffle: int | None,
    doubled: float | None,
    **more: Any,
) -> int:
    """Say what will be sent, send it, tell what became of it."""
    if (to is None) == (serve is None) and not (dry_run and to is None):
        raise UsageError("say where: --to HOST:PORT sends, --serve PORT is read from")
    told = {"loss": loss, "bursts": bursts, "shuffle": shuffle, "doubled": doubled}
    wanted = Wanted(
        to=endpoint(to, None) if to else None,
        serve=endpoint(serve, "127.0.0.1") if serve else None,
        first_unit=_unit(first_unit),
        weather={name: value for name, value in told.items() if value is not None},
        **more,
    )
    for one, verb in ((wanted.to, "sending to"), (wanted.serve, "listening on")):
        if one and not dry_run:
            allowed(one, yes, verb)
    fleet, weather = _made(wanted, _moment(start))
    click.echo(promise(wanted, fleet, weather, dry_run), err=True)
    return _run(wanted, fleet, weather, clients, dry_run, shape)


def _run(
    wanted: Wanted, fleet: Fleet, weather: Weather, clients: int, dry_run: bool, shape: Shape
) -> int:
    from portbook.emulators.reftek import running

    if dry_run and wanted.seconds is None and wanted.packets is None and not wanted.replay:
        return 0
    pace = running.Pace(0 if dry_run else wanted.speed)
    stop = _Stop()
    carrier = running.Nowhere() if dry_run else _carrier(wanted, fleet, weather, pace)
    begun = time.monotonic()
    left = 0
    try:
        until_ns = None if wanted.seconds is None else int(wanted.seconds * 1e9)
        flow = fleet.flow(until_ns, wanted.packets)
        if not _served(carrier, clients, stop):
            left = running.run(flow, carrier, pace, stopped=stop.asked)
    finally:
        stop.undo()
        carrier.close()
    instruments = running.account(fleet, carrier)
    emulation = running.summary(fleet, instruments, left, time.monotonic() - begun)
    tell(instruments, emulation, shape)
    return 3 if left else 0


class _Stop:
    """Ctrl-C and SIGTERM end a run in good order; a second Ctrl-C at once."""

    def __init__(self) -> None:
        self._asked = False
        self._before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
        for one in self._before:
            signal.signal(one, self._ask)

    def asked(self) -> bool:
        """Tell whether the run is to end."""
        return self._asked

    def undo(self) -> None:
        """Let signals be what they were."""
        for one, handler in self._before.items():
            signal.signal(one, handler)

    def _ask(self, *_: object) -> None:
        self._asked = True
        self.undo()


def _made(wanted: Wanted, start_ns: int) -> tuple[Fleet, Weather]:
    """Return the recorders, and what the network does to their packets."""
    from portbook.emulators.reftek import profiles
    from portbook.emulators.reftek.fleet import Fleet
    from portbook.emulators.reftek.replay import replay

    asked = profiles.Asked(
        wanted.units,
        _rate(wanted.rate_hz),
        wanted.coding.upper(),
        wanted.seed,
        start_ns,
        wanted.record_s,
        wanted.auxiliary,
        wanted.first_unit,
    )
    if wanted.record_s < 1:
        raise UsageError(f"an event lasts a second at least, got --record {wanted.record_s}")
    scene = profiles.scene(wanted.profile, asked)
    weather = scene.weather._replace(**wanted.weather)
    if not wanted.replay:
        return Fleet.of(scene), weather
    year = time.gmtime(start_ns // 1_000_000_000).tm_year
    made: dict[int, Iterator[Made]] = {}
    for number in range(max(wanted.units, len(wanted.replay))):
        octets = _recording(wanted.replay[number % len(wanted.replay)])
        own = int.from_bytes(octets[4:6])
        unit = own if number < len(wanted.replay) and own not in made else None
        while unit is None or unit in made:
            unit = wanted.first_unit + len(made) if unit is None else unit + 1
        made[unit] = replay(octets, year, None if unit == own else unit)
    return Fleet(made, seed=wanted.seed), weather


def _recording(path: Path) -> bytes:
    from portbook.protocols.reftek import packets

    try:
        octets = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    if not packets.is_header(octets):
        raise SourceError(f"{path} does not begin with a REF TEK packet; it is not replayed")
    return octets


def _carrier(wanted: Wanted, fleet: Fleet, weather: Weather, pace: Pace) -> Carrier:
    from portbook.emulators.reftek import linked, sending, server

    units, seed, elapsed = fleet.units, wanted.seed, pace.elapsed_ns
    if wanted.serve:
        return server.Server(wanted.serve, weather, seed, elapsed, patient=not wanted.speed)
    assert wanted.to
    if wanted.transport == "pbl1":
        most = sending.MOST_KEPT if wanted.speed else 1024
        return linked.Linked(wanted.to, units, weather, seed, elapsed, most)
    kind = sending.Udp if wanted.transport == "udp" else sending.Tcp
    return kind(wanted.to, units, weather, seed, elapsed, wanted.most_per_s)


def _served(carrier: Carrier, clients: int, stop: _Stop) -> bool:
    """Wait for clients where there are some to wait for; tell whether the user has had enough."""
    from portbook.emulators.reftek.server import Server

    if isinstance(carrier, Server):
        host, port = carrier.address
        click.echo(f"listening on {host} port {port}, waiting for clients: {clients}", err=True)
        while carrier.clients < clients and not stop.asked():
            carrier.await_clients(clients, 0.2)
    return stop.asked()


def _unit(text: str) -> int:
    try:
        unit = int(text, 16)
    except ValueError:
        unit = 0
    if len(text) != 4 or not 1 <= unit <= 0xFFFF:
        raise UsageError(f"a unit id is four hex digits, 0001 to FFFF, got {text!r}")
    return unit


def _rate(rate_hz: float) -> float:
    from portbook.seismic.tags import RATES_HZ

    if rate_hz not in RATES_HZ:
        known = " ".join(f"{one:g}" for one in RATES_HZ)
        raise UsageError(f"no recorder samples at {rate_hz:g} Hz; choose of {known}")
    return rate_hz


def _moment(start: str | None) -> int:
    from portbook.faces.times import moment_ns

    now_ns = time.time_ns()
    return moment_ns(start, now_ns) if start else now_ns // 1_000_000_000 * 1_000_000_000
