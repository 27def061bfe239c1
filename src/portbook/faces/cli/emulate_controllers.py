"""`portbook emulate codesys|optommp|...|plant`: stand-ins for controllers over real sockets."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from portbook.errors import UsageError
from portbook.faces.cli.endpoints import endpoint
from portbook.faces.cli.options import Duration, Shape, shaped

if TYPE_CHECKING:
    from portbook.emulators.controllers import Device, Plate
    from portbook.emulators.controllers.running import Running
    from portbook.emulators.controllers.standing import Manners, Stand

PLATE = ("name", "vendor", "product", "version", "serial")
TITLES = {
    "codesys": "A CODESYS V3 runtime: announces itself, answers the name service.",
    "optommp": "An Opto 22 unit: its status over OptoMMP.",
    "enip": "An EtherNet/IP adapter: lists and tells its identity.",
    "modbus": "A Modbus/TCP server: registers, device identification.",
    "bacnet": "A BACnet/IP device: I-Am, properties of the device object.",
    "s7": "A Siemens S7 controller: two system status lists.",
    "opcua": "An OPC UA server: endpoints and servers, no session.",
    "snmp": "An SNMP agent: the system group, versions 1 and 2c.",
    "unitrends": "A Unitrends control channel: greets, never says more.",
    "ftp": "An FTP server: greets, lets nobody in.",
}
EXAMPLES = {
    "codesys": "--name press-1 --listen 127.0.0.11 --every 5",
    "optommp": "--product SNAP-PAC-S1 --version R9.5b",
    "enip": "--product 1756-ENBT/A --vendor 1 --serial 0x00524D8E",
    "modbus": "--listen 127.0.0.1:5020 --vendor Example --product EX-100",
    "bacnet": "--instance 2401 --name boiler",
    "s7": "--listen 127.0.0.1:10102 --version V3.2.6",
    "opcua": "--name line-2",
    "snmp": "--listen 127.0.0.1:1161 --community plant",
    "unitrends": "--data-port 1745",
    "ftp": "--listen 127.0.0.1:2121 --vendor 'Opto 22'",
}
Wrap = Callable[[Any], Any]
OWN: dict[str, tuple[Wrap, ...]] = {
    "codesys": (
        click.option(
            "--announce-to",
            multiple=True,
            metavar="ADDRESS",
            help="Announce to it; repeatable. Default: the subnet's broadcast address.",
        ),
        click.option(
            "--every",
            "period_s",
            default=60.0,
            show_default=True,
            type=click.FloatRange(0),
            metavar="SECONDS",
            help="Between announcements; 0: none.",
        ),
        click.option("--prefix", type=click.IntRange(1, 30), help="Length of the subnet's prefix."),
    ),
    "optommp": (
        click.option("--mac", metavar="MAC", help="Default: one of Opto 22's, of the address."),
        click.option("--cleared", is_flag=True, help="As if powerup was cleared already."),
    ),
    "bacnet": (
        click.option("--instance", default=4711, show_default=True, help="Of the device object."),
    ),
    "snmp": (
        click.option("--community", default="public", show_default=True, help="That is answered."),
    ),
    "unitrends": (
        click.option("--data-port", default=36092, show_default=True, help="That it announces."),
    ),
}
FAULTS = "silent, hang-up, dribble, times=N, cut=N, late=SECONDS, stranger=ADDRESS"


def commands() -> Iterator[click.Command]:
    """Give the subcommands: one for each stand-in, and `plant` for all of them."""
    for kind in TITLES:
        yield _command(kind)
    yield plant


def _command(kind: str) -> click.Command:
    """Return the subcommand of one stand-in."""

    def run(
        listen: str,
        yes: str | None,
        seconds: float | None,
        faults: tuple[str, ...],
        shape: Shape,
        prefix: int | None = None,
        **more: Any,
    ) -> int:
        from portbook.emulators.controllers.standing import Stand

        given = {key: more.pop(key) for key in PLATE}
        address, port = _where(listen)
        made = _device(kind, given, **more)
        manners = _manners(faults, yes)
        stand = Stand(made, address, port, prefix=prefix, yes=yes, manners=manners)
        return _serve([stand], seconds, shape)

    wrapped: Any = shaped(run)
    for option in (*OWN.get(kind, ()), *_common()):
        wrapped = option(wrapped)
    text = f"{TITLES[kind]}\n\n\b\n  portbook emulate {kind} {EXAMPLES[kind]}\n\n{RULES}"
    made: click.Command = click.command(name=kind, short_help=TITLES[kind], help=text)(wrapped)
    return made


RULES = """It says on which ports it listens, answers until Ctrl-C, and tells what it was asked.
It stands on loopback unless the address is said twice: --listen 10.0.0.5 --yes 10.0.0.5"""


def _common() -> list[Wrap]:
    """Return the options of every stand-in, the last one first in the help."""
    plate = [click.option(f"--{key}", help=f"Its {key}.") for key in reversed(PLATE)]
    return [
        click.option(
            "--fault", "faults", multiple=True, metavar="FAULT", help=f"Misbehave: {FAULTS}."
        ),
        click.option("--for", "seconds", type=Duration(), metavar="TIME"),
        click.option("--yes", metavar="ADDRESS", help="The address again, beyond loopback."),
        *plate,
        click.option(
            "--listen",
            default="127.0.0.1",
            show_default=True,
            metavar="ADDRESS[:PORT]",
            help="Where to stand; port 0: any that is free.",
        ),
    ]


@click.command(
    name="plant",
    short_help="One of each, on loopback addresses in a row.",
    help="""One of each stand-in, on loopback addresses in a row: 127.0.0.11, 127.0.0.12, ...

    \b
      portbook emulate plant
      portbook emulate plant --ports any --only codesys,modbus --jsonl

    Each has its true ports where they are free and yours to have, else any, and says so.
    """,
)
@click.option("--from", "first", default="127.0.0.11", show_default=True, metavar="ADDRESS")
@click.option("--ports", type=click.Choice(["true", "any"]), default="true", show_default=True)
@click.option("--only", metavar="NAMES", help="Some of them: codesys,modbus.")
@click.option("--name", default="plant", show_default=True, help="Their names begin so.")
@click.option("--for", "seconds", type=Duration(), metavar="TIME")
@shaped
def plant(
    first: str, ports: str, only: str | None, name: str, seconds: float | None, shape: Shape
) -> int:
    """Stand up one of each."""
    from ipaddress import IPv4Address

    from portbook.addresses import Scope, parse, scope_of
    from portbook.emulators.controllers.standing import Stand

    kinds = [one.strip() for one in only.split(",")] if only else [*TITLES]
    start = parse(first)
    last = str(start + len(kinds) - 1) if isinstance(start, IPv4Address) else ""
    if not isinstance(start, IPv4Address) or {scope_of(first), scope_of(last)} != {Scope.LOOPBACK}:
        raise UsageError(f"a plant stands on IPv4 loopback addresses in a row, got {first!r}")
    stands = []
    for step, kind in enumerate(kinds):
        made = _device(kind, {"name": f"{name}-{kind}"}, quiet=True)
        port = 0 if ports == "any" else None
        stands.append(Stand(made, str(start + step), port, or_any=True))
    return _serve(stands, seconds, shape)


def _where(listen: str) -> tuple[str, int | None]:
    from portbook.addresses import parse

    if parse(listen):
        return listen, None
    found = endpoint(listen, "127.0.0.1")
    return found.host, found.port


def _device(kind: str, given: dict[str, str | None], quiet: bool = False, **more: Any) -> Device:
    """Return a stand-in; texts that its protocol has no place for are told of."""
    from portbook.emulators.controllers import device

    made = device(kind)
    plate = _plate(made, given)
    untold = [f"--{key}" for key, text in given.items() if text and key not in made.carries]
    if untold and not quiet:
        click.echo(f"{made.title}: its protocol has no place for {', '.join(untold)}", err=True)
    return made(plate, **more)


def _plate(made: type[Device], given: dict[str, str | None]) -> Plate:
    import msgspec

    return msgspec.structs.replace(
        made.usual, **{key: text for key, text in given.items() if text is not None}
    )


def _manners(faults: tuple[str, ...], yes: str | None) -> Manners:
    from portbook.emulators.controllers.standing import Manners

    words: dict[str, tuple[str, Callable[[str], Any]]] = {
        "silent": ("silent", bool),
        "hang-up": ("hangs_up", bool),
        "dribble": ("dribbles", bool),
        "times": ("times", int),
        "cut": ("cut", int),
        "late": ("late_s", float),
        "stranger": ("stranger", str),
    }
    told: dict[str, Any] = {}
    for fault in faults:
        word, sign, value = fault.partition("=")
        if word not in words or bool(sign) is (words[word][1] is bool):
            raise UsageError(f"no fault {fault!r}; there are {FAULTS}")
        field, read = words[word]
        try:
            told[field] = True if read is bool else read(value)
        except ValueError as error:
            raise UsageError(f"--fault {word}= takes a number, got {value!r}") from error
    return Manners(**told)


def _serve(stands: list[Stand], seconds: float | None, shape: Shape) -> int:
    from portbook.emulators.controllers.running import Running
    from portbook.faces.cli.output import write_records

    with Running(*stands) as running, _stopping(running):
        for stand, text in running.listens:
            click.echo(f"{stand.device.title} listens on {text}", err=True)
        if shape is Shape.JSONL:
            write_records(running.places(), shape)
        running.serve(seconds=seconds)
        records = running.records()
    if shape is Shape.TABLE:
        _tell(running)
    else:
        write_records(records, shape)
    return 0


@contextmanager
def _stopping(running: Running) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end a run in good order; a second Ctrl-C ends it at once."""
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {one: signal.getsignal(one) for one in signals}

    def undo() -> None:
        for one, handler in before.items():
            signal.signal(one, handler)

    def stop(*_: object) -> None:
        undo()
        running.stop()

    for one in signals:
        signal.signal(one, stop)
    try:
        yield
    finally:
        undo()


def _tell(running: Running) -> None:
    from portbook.faces.terminal import print_table

    rows = [
        [one.protocol, what, count]
        for one in running.records()
        for what, count in (*one.asked.items(), ("not understood", one.strange))
        if count
    ]
    if rows:
        print_table("What was asked", ["protocol", "question", "times#"], rows)
    else:
        click.echo("nothing was asked")
