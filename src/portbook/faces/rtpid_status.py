"""How the watchdog of a folder does, from what it wrote there; drawn for people."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click
import msgspec

from portbook.daemons.watchdog import holding, restarts
from portbook.daemons.watchdog.rtpid import LOCK
from portbook.faces.terminal import print_table, safe, wrapped
from portbook.faces.times import short

ROWS = 20
_MICROSECOND_NS = 1000


class Watchdog(msgspec.Struct, frozen=True, tag="watchdog", tag_field="kind"):
    """A folder's watchdog and its receiver; pids are None for what does not run."""

    folder: str
    pid: int | None
    receiver: int | None
    starts: int  # of receivers, by this watchdog
    locked: str | None  # what the operator wrote when he said hands off


class Restart(msgspec.Struct, frozen=True, tag="restart", tag_field="kind"):
    """An end of a receiver, and how long it took until one served again."""

    at_ns: int
    pid: int
    what: str  # died hangs stuck waiting silent stalled late stopped
    why: str
    outage_s: float | None  # None: none serves since


def watchdog(folder: str) -> Watchdog:
    """Return how it stands now."""
    told = holding.read(folder)
    pid = holding.lives(told, "rtpid")
    starts = told.get("starts")
    return Watchdog(
        folder=folder,
        pid=pid or None,
        receiver=holding.lives(told, "rtpd") or None,
        starts=starts if pid and isinstance(starts, int) else 0,
        locked=lock_text(folder),
    )


def ends(folder: str) -> list[Restart]:
    """Return the ends that are written down, oldest first."""
    return list(_ends(restarts.read(folder)))


def lock_text(folder: str) -> str | None:
    """Return what the operator's lock says, None when there is none."""
    try:
        with open(os.path.join(folder, LOCK), encoding="utf-8", errors="replace") as file:
            return file.read(500).strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"it cannot be read: {error.strerror}"


def show(state: Watchdog, found: list[Restart]) -> None:
    """Print it for people: what runs, and the last restarts with their reasons."""
    click.echo(wrapped(f"{safe(state.folder)}: {_sentence(state)}", 2))
    if state.locked is not None:
        said = f": {safe(state.locked)}" if state.locked else ""
        click.echo(
            wrapped(f"Locked by its operator{said}. `portbook rtpid --release` ends that.", 2)
        )
    if not found:
        return
    click.echo("")
    rows = [
        [
            short(one.at_ns),
            one.what,
            "-" if one.outage_s is None else f"{one.outage_s:.2f} s",
            safe(one.why),
        ]
        for one in found[-ROWS:]
    ]
    print_table("Ends of receivers", ("when", "what", "until served", "why"), rows)


def _sentence(state: Watchdog) -> str:
    if state.pid is None:
        return "no watchdog runs" + (
            f"; a receiver does, pid {state.receiver}" if state.receiver else ""
        )
    if state.receiver is None:
        return f"the watchdog runs, pid {state.pid}, and no receiver"
    return f"watchdog pid {state.pid}, receiver pid {state.receiver}, started {state.starts} times"


def _ends(lines: list[dict[str, Any]]) -> Iterator[Restart]:
    for number, line in enumerate(lines):
        at_ns = _at_ns(line.get("time"))
        if line["kind"] != "end" or at_ns is None:
            continue
        again = next((one for one in lines[number:] if one["kind"] == "serving"), None)
        outage = again.get("outage_s") if again else None
        yield Restart(
            at_ns=at_ns,
            pid=_whole(line.get("pid")),
            what=str(line.get("what", "")),
            why=str(line.get("why", "")),
            outage_s=float(outage) if isinstance(outage, int | float) else None,
        )


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _at_ns(text: object) -> int | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return round(moment.timestamp() * 1e6) * _MICROSECOND_NS
