"""How a running receiver does: asked over HTTP, and drawn for people."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from portbook.errors import SourceError, UsageError
from portbook.faces.cli.options import Shape
from portbook.faces.terminal import print_table, safe, wrapped
from portbook.faces.times import lasting

if TYPE_CHECKING:
    from portbook.daemons.configuration.settings import Settings

ROWS = 30
LARGEST_OCTETS = 64 << 20
LIMIT_S = 10.0
_WORST_FIRST = ("silent", "data stopped", "upstream away", "never heard", "up")
Told = dict[str, Any]


def asked(where: str) -> Told:
    """Return what the receiver at ADDRESS:PORT tells; raises SourceError when it does not."""
    from portbook.daemons.configuration.places import endpoint

    here = endpoint(where)
    if here is None:
        raise UsageError(
            "its settings have no address for the status; say where with --at 127.0.0.1:2581"
        )
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(here.address, here.address)
    connection = http.client.HTTPConnection(host, here.port, timeout=LIMIT_S)
    try:
        connection.request("GET", "/status")
        answer = connection.getresponse()
        octets = answer.read(LARGEST_OCTETS)
        told = json.loads(octets)
    except ConnectionRefusedError:
        raise SourceError(
            f"{where}: nobody answers. Does `portbook rtpd` run? It answers where [listen] status "
            "says; ask elsewhere with --at ADDRESS:PORT"
        ) from None
    except (OSError, http.client.HTTPException) as error:
        raise SourceError(f"{where}: {error or type(error).__name__}") from error
    except ValueError:
        raise SourceError(f"{where}: what answers there is not portbook rtpd") from None
    finally:
        connection.close()
    if not isinstance(told, dict) or (answer.status == 200 and told.get("kind") != "receiver"):
        raise SourceError(f"{where}: what answers there is not portbook rtpd")
    if answer.status != 200:
        raise SourceError(f"{where}: {safe(told.get('detail') or answer.reason)}")
    return told


def write(told: Told, shape: Shape) -> None:
    """Write it for programs: one document, or the receiver and then each of its records a line."""
    out = sys.stdout
    if shape is Shape.JSON:
        out.write(json.dumps(told) + "\n")
        return
    lists = {"instruments": "instrument", "sources": "source", "clients": "client"}
    out.write(json.dumps({key: told[key] for key in told if key not in (*lists, "alarms")}) + "\n")
    for key, kind in (*lists.items(), ("alarms", "alarm")):
        for one in _rows(told, key):
            out.write(json.dumps({"kind": kind, **one}) + "\n")


def stations(settings: Settings | None) -> Mapping[str, str]:
    """Return `XX.TEST` by unit, as the settings name them."""
    if settings is None:
        return {}
    return {
        unit: f"{about.network}.{about.station}"
        for unit, about in settings.unit.items()
        if about.station
    }


def show(told: Told, names: Mapping[str, str], everything: bool) -> None:
    """Print it: what it does, what is wrong, then instruments, sources and clients."""
    now = _time(told.get("at"))
    for line in _head(told, now):
        click.echo(wrapped(line, 2) if line.startswith("  ") else safe(line))
    click.echo()
    _alarms(told, now)
    rows = sorted(
        _rows(told, "instruments"),
        key=lambda one: (_place(str(one.get("verdict"))), str(one.get("unit"))),
    )
    columns = _instrument(names, now, rows)
    _table("Instruments", columns, rows, everything)
    _table("Sources", _source(now), _rows(told, "sources"), everything)
    _table("Clients", _client(now), _rows(told, "clients"), everything)
    peers = told.get("peers") or {}
    refused = [
        {"peer": peer, "what": name, "times": times}
        for peer, each in peers.items()
        for name, times in each.items()
    ]
    _table("Refused", _REFUSED, sorted(refused, key=lambda one: -one["times"]), everything)


def _head(told: Told, now: float) -> Iterator[str]:
    totals, levels = told.get("totals") or {}, told.get("levels") or {}
    well = "; ".join(map(str, told.get("troubles") or ())) or "well"
    up = lasting(max(0.0, now - _time(told.get("started"))))
    yield f"portbook rtpd {told.get('version')}, process {told.get('pid')}, up {up}: {well}"
    places = told.get("listening") or {}
    if places:
        shown = (
            f"{name} {place}/{'udp' if name == 'field' else 'tcp'}"
            for name, place in places.items()
        )
        yield f"  listens on {', '.join(shown)}"
    parts = [f"{_count(totals, 'packets_taken')} taken"]
    parts += _parts(totals, (("packets_delivered", "delivered"), ("packets_archived", "archived")))
    holes = "hole" if totals.get("holes") == 1 else "holes"
    missing = f"{_count(totals, 'packets_missing')} missing in {_count(totals, 'holes')} {holes}"
    parts += [missing, f"{_count(totals, 'duplicates')} repeated"]
    yield f"  packets: {', '.join([*parts, _count(totals, 'packets_refused') + ' refused'])}"
    if "datagrams" in totals:
        lost = _parts(totals, (("datagrams_dropped", "thrown away by the system"),))
        yield f"  datagrams: {', '.join([_count(totals, 'datagrams') + ' read', *lost])}"
    spool = [f"{_octets(levels.get('spool_octets'))} of spool"]
    spool += _parts(levels, (("spool_waiting_packets", "packets wait for the archive"),))
    for key, name in (("spool", "its disk"), ("archive", "the archive's disk")):
        if f"{key}_free_octets" in levels:
            spool.append(f"{_octets(levels[f'{key}_free_octets'])} free on {name}")
    yield f"  {', '.join(spool)}"


def _parts(numbers: Told, named: Sequence[tuple[str, str]]) -> list[str]:
    return [f"{_count(numbers, key)} {words}" for key, words in named if key in numbers]


def _alarms(told: Told, now: float) -> None:
    rows = _rows(told, "alarms")
    columns: tuple[Column, ...] = (
        ("level!", lambda one: one.get("level")),
        ("for#", lambda one: _ago(one.get("since"), now)),
        ("what!", lambda one: one.get("what")),
        ("message", lambda one: one.get("message")),
    )
    _table("Alarms", columns, rows, True)


Column = tuple[str, Callable[[Told], object]]
_REFUSED: tuple[Column, ...] = (
    ("from!", lambda one: one["peer"]),
    ("what", lambda one: one["what"]),
    ("times#", lambda one: one["times"]),
)


def _instrument(names: Mapping[str, str], now: float, rows: Sequence[Told]) -> tuple[Column, ...]:
    columns: list[Column] = [("unit!", lambda one: one.get("unit"))]
    if names:
        columns.append(("station!", lambda one: names.get(str(one.get("unit")), "")))
    columns += [
        ("state", lambda one: one.get("said")),
        ("last packet#", lambda one: _ago(one.get("arrived"), now)),
        ("data behind#", lambda one: _behind(one)),
        ("clock!", lambda one: _clock(one)),
        ("quality#?", lambda one: one.get("quality") if one.get("clock") != "unknown" else ""),
        ("packets#?", lambda one: f"{one.get('packets', 0):,}"),
    ]
    if any(one.get("clock_steps") for one in rows):
        columns.append(("clock set#", lambda one: _times(one.get("clock_steps"))))
    if any(one.get("holes") for one in rows):
        columns.append(("missing#", lambda one: one.get("missing") or ""))
    columns += [
        ("from!?", lambda one: one.get("address") or ""),
        ("says?", lambda one: one.get("health") or ""),
    ]
    return tuple(columns)


def _source(now: float) -> tuple[Column, ...]:
    return (
        ("source!", lambda one: one.get("name")),
        ("how!", lambda one: one.get("how")),
        ("state!", lambda one: "up" if one.get("up") else "down"),
        ("for#?", lambda one: _ago(one.get("since"), now)),
        ("packets#", lambda one: f"{one.get('packets', 0):,}"),
        ("says?", lambda one: one.get("said") or ""),
    )


def _client(now: float) -> tuple[Column, ...]:
    return (
        ("client!", lambda one: one.get("name")),
        ("by!", lambda one: one.get("how")),
        ("program?", lambda one: one.get("program") or ""),
        ("wants?", lambda one: one.get("wants") or ""),
        ("for#?", lambda one: _ago(one.get("since"), now)),
        ("packets#", lambda one: f"{one.get('packets', 0):,}"),
        ("behind#", lambda one: one.get("lag") or ""),
        ("says?", lambda one: one.get("said") or ""),
    )


def _table(title: str, columns: Sequence[Column], rows: Sequence[Told], everything: bool) -> None:
    if not rows:
        return
    shown = rows if everything else rows[:ROWS]
    kept = [  # a spare column that says nothing in any row is left out
        (name, value)
        for name, value in columns
        if "?" not in name or any(value(one) not in ("", None) for one in shown)
    ]
    print_table(
        f"{title} ({len(rows)})",
        [name for name, _ in kept],
        [["" if value(one) is None else value(one) for _, value in kept] for one in shown],
    )
    if len(shown) < len(rows):
        click.echo(f"  … and {len(rows) - len(shown)} more; --all shows them\n")


def _rows(told: Told, key: str) -> list[Told]:
    found = told.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _place(verdict: str) -> int:
    return _WORST_FIRST.index(verdict) if verdict in _WORST_FIRST else 0


def _times(count: object) -> str:
    return f"{count} x" if count else ""


def _clock(one: Told) -> str:
    state, error = str(one.get("clock")), one.get("phase_error_us")
    if state == "unknown":
        return "not told" if one.get("packets") else ""
    return f"{state}, {error} us" if error is not None else state


def _behind(one: Told) -> str:
    arrived, data = one.get("data_arrived"), one.get("data")
    if not arrived or not data:
        return ""
    late_s = _time(arrived) - _time(data)
    return lasting(late_s) if late_s >= 0 else f"{lasting(-late_s)} ahead"


def _ago(moment: Any, now: float) -> str:
    return lasting(round(max(0.0, now - _time(moment)), 1)) if moment else ""


def _time(text: Any) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return 0.0


def _count(numbers: Told, key: str) -> str:
    value = numbers.get(key, 0)
    return f"{value:,.0f}" if isinstance(value, int | float) else "?"


def _octets(value: Any) -> str:
    if not isinstance(value, int | float):
        return "?"
    size, unit = float(value), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{size:.3g} {unit}" if size < 1000 else f"{size:.0f} {unit}"
