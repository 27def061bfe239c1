"""What a receiver would do by its settings, without starting it: addresses, disks, alarms."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from portbook.faces.cli.commands.doctor import Check
from portbook.faces.terminal import colours, safe, wrapped

if TYPE_CHECKING:
    from portbook.daemons.configuration.places import Endpoint
    from portbook.daemons.configuration.settings import Settings

GB = 1_000_000_000
_LISTENS = {
    "field": ("packets of recorders and gateways", "udp", "sources"),
    "clients": ("programs that read", "tcp", "clients"),
    "seedlink": ("SeedLink clients", "tcp", "clients"),
    "status": ("status and metrics", "tcp", "status"),
}


def checks(settings: Settings) -> list[Check]:
    """Return what was looked at; what could not work is not `fine`."""
    return [
        *_listening(settings),
        *_sources(settings),
        *_disks(settings),
        *_units(settings),
        *_alarms(settings),
    ]


def show(found: list[Check], where: str) -> None:
    """Print checks for people."""
    click.echo(f"{safe(where)}\n")
    for one in found:
        mark = f"{'ok' if one.fine else 'NO':<4}"
        if colours():
            mark = click.style(mark, fg="green" if one.fine else "red", bold=not one.fine)
        click.echo(mark + wrapped(f"{one.what}: {one.needs}", 4))
        if one.note:
            click.echo(f"      {wrapped(one.note, 6)}")
        if one.command:
            click.echo(f"      {safe(one.command)}")


def _listening(settings: Settings) -> Iterator[Check]:
    from portbook.daemons.configuration.places import endpoint

    for name, (what, transport, allowed) in _LISTENS.items():
        text = getattr(settings.listen, name)
        here = endpoint(text)
        if here is None:
            if name != "seedlink":
                yield Check(what, True, "off")
            continue
        note, remedy = _taken(here, transport), None
        if name == "field" and note is None:
            note, remedy = _room(settings)
        who = _who(settings, allowed, here, text)
        yield Check(what, True, f"{here}/{transport}, open for {who}", remedy, note)
        if name == "clients":  # one door for two: who may send goes by where packets come in
            who = _who(settings, "sources", here, settings.listen.field)
            yield Check("raw packet streams", True, f"{here}/{transport}, open for {who}")


def _who(settings: Settings, allowed: str, here: Endpoint, listening: str) -> str:
    """Return who may come to an address, by the networks told and by where is listened."""
    from portbook.daemons.configuration.places import EVERYWHERE, LOOPBACK, admitted

    told = getattr(settings.allow, allowed)
    those = admitted(told, listening)
    if here.on_loopback or those == LOOPBACK:
        return "this machine alone"
    if those == EVERYWHERE and not told:
        return f"EVERYBODY who can reach that address; name networks in allow.{allowed}"
    return ", ".join(map(str, those))


def _taken(here: Endpoint, transport: str) -> str | None:
    """Return a note when the port is in use; nothing is sent to find out."""
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    family = socket.AF_INET6 if ":" in here.address else socket.AF_INET
    with socket.socket(family, kind) as made:
        if transport == "tcp":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((here.address, here.port))
            if transport == "tcp":
                made.listen(1)
        except OSError as error:
            return (
                f"it cannot be had now: {error.strerror}. If the receiver or its watchdog runs "
                f"already, that is why; else see `portbook here --port {here.port}`"
            )
    return None


def _room(settings: Settings) -> tuple[str | None, str | None]:
    """Return a note when the system allows less room for datagrams than is asked, and a remedy."""
    from portbook.daemons.sources.buffers import enlarge

    octets = int(settings.listen.receive_mb * 1_000_000)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        buffer = enlarge(made, octets)
    if buffer.remedy is None:
        return None, None
    got = buffer.got_octets / 1e6
    told = f"this system gives {got:.1f} MB of room for datagrams, listen.receive_mb is more"
    return f"{told}; bursts may be lost", buffer.remedy


def _sources(settings: Settings) -> Iterator[Check]:
    for one in settings.upstream:
        unit = "all units" if int(one.unit, 16) == 0 else f"unit {one.unit}"
        yield Check("reads from an RTPD", True, f"{one.host}:{one.port}, {unit}, {one.packets}")
    for other in settings.datalink:
        yield Check("sends on by DataLink", True, f"{other.host}:{other.port}")
    if settings.allow.units:
        shown = ", ".join(settings.allow.units[:8])
        more = len(settings.allow.units) - 8
        yield Check("takes units", True, shown + (f" and {more} more" if more > 0 else ""))


def _disks(settings: Settings) -> Iterator[Check]:
    archive = settings.archive
    needed = settings.spool.most_octets
    yield _folder("spool", settings.folder, needed, f"spool.max_gb is {settings.spool.max_gb:g}")
    least = int(archive.min_free_gb * GB)
    why = f"archive.min_free_gb is {archive.min_free_gb:g}"
    for name, folder in (("raw archive", archive.raw), ("day files", archive.sds)):
        if folder:
            yield _folder(name, folder, least, why)
    if not archive.raw and not archive.sds:
        alone = "none: packets are served, and kept in the spool alone"
        yield Check("archive", True, alone, note="without one holes and clock steps are not told")
    elif archive.keep_days or archive.max_gb:
        limits = []
        if archive.keep_days:
            limits.append(f"older than {archive.keep_days:g} days")
        if archive.max_gb:
            limits.append(f"above {archive.max_gb:g} GB")
        yield Check("deletes", True, f"days {' or '.join(limits)}")


def _folder(name: str, text: str, needed: int, why: str) -> Check:
    """Return whether a folder can be written, or made, and has room."""
    path = Path(text)
    there = next((one for one in (path, *path.parents) if one.exists()), Path("/"))
    try:
        free = shutil.disk_usage(there).free
    except OSError as error:
        return Check(name, False, f"{path}: {error.strerror}")
    shown = f"{path}, {free / GB:.1f} GB free"
    if not there.is_dir():
        return Check(name, False, shown, note=f"{there} is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        return Check(name, False, shown, f"sudo install -d -o $USER {path}", "it is not writable")
    if free < needed:
        return Check(name, False, shown, note=f"too little: {why}")
    return Check(name, True, shown, note=None if there == path else "it will be made")


def _units(settings: Settings) -> Iterator[Check]:
    channels = len(settings.stations())
    if settings.unit:
        told = f"{len(settings.unit)} units, {channels} channels"
        yield Check("codes of channels", True, told)
    if settings.archive.sds and not channels:
        yield Check(
            "codes of channels",
            False,
            "there are none, so nothing would go to day files",
            note='write tables as [unit.AE4C] with network, station and stream.1 = ["HHZ", ...]',
        )


def _alarms(settings: Settings) -> Iterator[Check]:
    told = settings.alarms
    ways = ["the log", *([told.file] if told.file else [])]
    if told.webhook:
        ways.append("the webhook")
    if told.command:
        ways.append(told.command[0])
    found = not told.command or shutil.which(told.command[0]) is not None
    note = None if found else f"{told.command[0]} is no program that can be run"
    yield Check("tells alarms", found, ", ".join(ways), note=note)
