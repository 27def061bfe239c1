"""systemd's socket units: who will answer where pid 1 still holds the socket.

Before the first connection the owner is systemd itself; the unit's file says for whom.
Source: systemd.socket(5), systemd.unit(5) (order of folders, drop-ins, an empty value resets).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from portbook.ports import Transport

FOLDERS = (  # what stands first wins
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
_KINDS = {"ListenStream": Transport.TCP, "ListenDatagram": Transport.UDP}
_VALUE = re.compile(r"(?:(?P<host>\[[0-9A-Fa-f:.]+\]|[0-9.]+):)?(?P<port>\d{1,5})\Z")
_FILES_LIMIT = 4096
_FILE_OCTETS = 65536

Held = tuple[Transport, str | None, int]  # transport, address or None for any, port


def units(folders: Iterable[str] = FOLDERS) -> dict[Held, str]:
    """Return the socket units of this machine by what they listen on."""
    order = tuple(folders)
    found: dict[Held, str] = {}
    for name in _names(order):
        for held in listens(_texts(name, order)):
            found.setdefault(held, name)
    return found


def unit_for(known: dict[Held, str], transport: Transport, address: str, port: int) -> str | None:
    """Return the unit that listens on an address and port; a unit for any address comes last."""
    return known.get((transport, address, port)) or known.get((transport, None, port))


def listens(texts: Iterable[str]) -> tuple[Held, ...]:
    """Read a unit's file and its drop-ins, in their order; UNIX sockets and the like are left."""
    held: list[Held] = []
    for text in texts:
        for line in text.splitlines():
            key, equals, value = line.partition("=")
            transport = _KINDS.get(key.strip())
            if transport is None or not equals:
                continue
            if not value.strip():
                held = [one for one in held if one[0] is not transport]
                continue
            match = _VALUE.match(value.strip())
            if match and int(match["port"]) <= 65535:
                host = match["host"]
                address = host.strip("[]") if host else None
                held.append((transport, address, int(match["port"])))
    return tuple(held)


def _names(folders: tuple[str, ...]) -> list[str]:
    names: set[str] = set()
    for folder in folders:
        try:
            names.update(name for name in os.listdir(folder) if name.endswith(".socket"))
        except OSError:
            continue
    return sorted(names)[:_FILES_LIMIT]


def _texts(name: str, folders: tuple[str, ...]) -> Iterator[str]:
    for folder in folders:
        text = _text(f"{folder}/{name}")
        if text is not None:
            yield text
            break
    dropped: dict[str, str] = {}
    for folder in folders:
        try:
            parts = os.listdir(f"{folder}/{name}.d")
        except OSError:
            continue
        for part in parts:
            if part.endswith(".conf"):
                dropped.setdefault(part, f"{folder}/{name}.d/{part}")
    for part in sorted(dropped):
        yield _text(dropped[part]) or ""


def _text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_FILE_OCTETS)
    except OSError:
        return None
