"""Sockets of a Linux machine: asked of the kernel, given owners, made into records.

A socket of another network namespace carries that namespace's name. One that ended between the
kernel's answer and the look at its owners is left out; one whose owners may not be seen keeps
the user and the control group that the kernel tells.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from portbook.evidence import kernel_sockets, namespaces, privileges, procowners, surroundings
from portbook.evidence.kernel_sockets import Told
from portbook.evidence.namespaces import Namespace
from portbook.evidence.procowners import Holders
from portbook.evidence.sockdiag import Raw
from portbook.evidence.socket_records import Recorder, Surface
from portbook.records import Listener

Result = tuple[tuple[Listener, ...], tuple[str, ...]]


def listeners(port: int | None, established: bool, now_ns: int, way: str | None) -> Result:
    """Return records and sentences about what stayed hidden; see `evidence.listeners`."""
    with _collector_paused():
        return _listeners(port, established, now_ns, way)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the garbage collector from looking through thousands of new tuples again and again.

    Nothing here makes cycles; at 20,000 sockets it took a sixth of the time.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _listeners(port: int | None, established: bool, now_ns: int, way: str | None) -> Result:
    pids = procowners.all_pids()
    own, hidden = _own(port, established, way)
    surfaces = [Surface(None, own)]
    for space in namespaces.others(pids):
        told, sentence = _other(space, port, established, way)
        hidden += sentence
        if told is not None:
            surfaces.append(Surface(space, told))
    inodes = {raw.inode for surface in surfaces for raw in surface.told.sockets}
    held = _once_more(procowners.holders(inodes, pids), inodes, pids)
    gone = _gone(own.sockets, held, way)
    records = Recorder(held, now_ns, surroundings.ephemeral()).records(surfaces, gone)
    hidden += _hidden_owners(records, held)
    hidden += _hidden_processes()
    return tuple(records), tuple(dict.fromkeys(hidden))


def _own(port: int | None, established: bool, way: str | None) -> tuple[Told, list[str]]:
    if way == "text":
        return _text(port, established)
    try:
        told = kernel_sockets.by_netlink(port, established)
    except OSError as error:
        if way == "netlink":
            raise
        told, sentences = _text(port, established)
        return told, [*sentences, f"the kernel's list over netlink: {error.strerror or error}"]
    return told, list(told.missing)


def _text(port: int | None, established: bool) -> tuple[Told, list[str]]:
    told = kernel_sockets.by_text(port, established)
    return told, [*told.missing, f"{_TEXT_LACKS}: /proc/net does not tell"]


_TEXT_LACKS = (
    "TCP sockets that are bound but do not listen, and whether an IPv6 socket also takes IPv4"
)


def _other(
    space: Namespace, port: int | None, established: bool, way: str | None
) -> tuple[Told | None, list[str]]:
    """Read another namespace's sockets: by entering it where that is allowed, else by text."""
    if way != "text":
        for file in space.files:
            try:
                told = kernel_sockets.by_netlink_in(file, port, established)
            except OSError:
                continue  # not permitted, or its process ended: the next one, then the text
            return told, list(told.missing)
    for pid in space.pids:
        try:
            told = kernel_sockets.by_text(port, established, f"/proc/{pid}/net")
        except OSError:
            continue
        lacks = f"in other network namespaces: {_TEXT_LACKS}"
        if way != "text":
            ask = privileges.command("here", (*privileges.OWNERS, privileges.SYS_ADMIN))
            lacks += f"; they show with: {ask}"
        return told, [*told.missing, lacks]
    return None, []  # all its processes ended meanwhile


def _once_more(held: Holders, inodes: set[int], pids: Iterable[int]) -> Holders:
    """Look at processes that began while the others were looked at, for sockets without owner."""
    missing = inodes - held.pids.keys()
    if not missing:
        return held
    new = set(procowners.all_pids()).difference(pids)
    late = procowners.holders(missing, sorted(new))
    return Holders({**held.pids, **late.pids}, held.refused + late.refused)


def _gone(sockets: list[Raw], held: Holders, way: str | None) -> set[int]:
    """Return the inodes that had an end while their owners were looked for.

    Only those whose owners we should have seen: a socket of somebody else's simply stays hidden.
    """
    ours = os.geteuid()
    lost = [
        raw
        for raw in sockets
        if raw.inode not in held.pids and (not held.refused or raw.uid == ours)
    ]
    if not lost or way == "text":
        return set()
    try:
        return {raw.inode for raw in lost} - kernel_sockets.still_there(lost)
    except OSError:
        return set()  # no netlink here: what was told stands


def _hidden_owners(records: list[Listener], held: Holders) -> list[str]:
    count = sum(record.owners_hidden for record in records)
    if not count:
        return []
    sockets = "1 socket" if count == 1 else f"{count} sockets"
    if not privileges.sees_all_owners():
        ask = privileges.command("here", privileges.OWNERS)
        return [f"owners of {sockets}: not permitted; they show with: {ask}"]
    if held.refused:
        return [
            f"owners of {sockets}: not permitted; a process that keeps its descriptors even from "
            "this user has rights that we lack: run portbook on the host, outside any container"
        ]
    return [
        f"owners of {sockets}: no process that can be seen from here holds them; they belong to "
        "the kernel or to another pid namespace: run portbook on the host, outside any container"
    ]


def _hidden_processes() -> list[str]:
    if os.path.isdir("/proc/1"):
        return []
    ask = privileges.command("here", privileges.OWNERS)
    return [f"processes of other users: /proc hides them (hidepid); they show with: {ask}"]
