"""Other network namespaces of this machine, each listed once, with a name that people know.

Two processes share a namespace when `/proc/PID/net/tcp` is the same file for both: that may be
asked without privilege, unlike `/proc/PID/ns/net`.
Sources: namespaces(7), network_namespaces(7), ip-netns(8) for /run/netns.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from portbook.evidence import cgroups

_NAMES = "/run/netns"
_PIDS_KEPT = 4  # processes kept of each namespace, in case the first ones end


class Namespace(NamedTuple):
    """A network namespace that is not ours."""

    name: str
    pids: tuple[int, ...] = ()  # a few of its processes
    named: bool = False  # `ip netns` knows it by this name

    @property
    def files(self) -> tuple[str, ...]:
        """Return the files through which the namespace can be entered."""
        files = tuple(f"/proc/{pid}/ns/net" for pid in self.pids)
        return (f"{_NAMES}/{self.name}", *files) if self.named else files


def others(pids: Iterable[int]) -> tuple[Namespace, ...]:
    """Return the network namespaces of these processes but our own, and those with names."""
    own = _table("self")
    members: dict[int, list[int]] = {}
    for pid in pids:
        table = _table(pid)
        if table is None or table == own:
            continue
        kept = members.setdefault(table, [])
        if len(kept) < _PIDS_KEPT:
            kept.append(pid)
    names = _named()
    names.pop(_number("self") or 0, None)
    found = []
    for kept in members.values():
        number = next(filter(None, map(_number, kept)), None)
        name = names.pop(number or 0, None)
        found.append(Namespace(name or _name(kept, number), tuple(kept), name is not None))
    # what is left has no process of its own, yet a socket may have been left open in it
    return (*found, *(Namespace(name, named=True) for name in names.values()))


def _named() -> dict[int, str]:
    """Return the namespaces that `ip netns` has given names, by their inode numbers."""
    found = {}
    try:
        with os.scandir(_NAMES) as entries:
            for entry in entries:
                found[os.stat(entry.path).st_ino] = entry.name
    except OSError:
        pass  # none, or not ours to see: the namespace keeps its number
    return found


def _name(pids: list[int], number: int | None) -> str:
    for pid in pids:
        try:
            with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
                container = cgroups.place(cgroups.path_of(file.read())).container
        except OSError:
            continue
        if container:
            return f"container {container}"
    return f"net:[{number}]" if number else f"of process {pids[0]}"


def _table(pid: int | str) -> int | None:
    try:
        return os.stat(f"/proc/{pid}/net/tcp").st_ino
    except OSError:
        return None


def _number(pid: int | str) -> int | None:
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError:
        return None
