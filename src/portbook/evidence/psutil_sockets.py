"""This machine's sockets through psutil: the portable way, with what it cannot tell said in words.

Sources: psutil's documentation of net_connections(); its issue 1219 (macOS lists all only as
root); the differences on Linux were seen beside netlink.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from portbook.addresses import Scope, scope_of
from portbook.evidence import privileges
from portbook.evidence.commands import without_secrets
from portbook.evidence.procowners import printable
from portbook.ports import Transport
from portbook.records import Listener, Owner

if TYPE_CHECKING:
    from psutil import Process

LACKS = (
    "psutil does not tell: TCP sockets that are bound but do not listen, owners beyond the first "
    "of a shared socket, sockets bound twice to one address and port, whether an IPv6 socket "
    "also takes IPv4, other network namespaces"
)
_NOBODYS = ("TIME_WAIT", "CLOSE", "NONE", "DELETE_TCB")

Result = tuple[tuple[Listener, ...], tuple[str, ...]]


def listeners(port: int | None, established: bool, now_ns: int) -> Result:
    """Return records and sentences about what stayed hidden; see `evidence.listeners`.

    Raises OSError when the system gives no list at all.
    """
    found, hidden = _connections()
    owners: dict[int, Owner | None] = {}
    records = []
    for pid, connection in found:
        if not connection.laddr or port not in (None, connection.laddr.port):
            continue
        state = _state(connection, established)
        if state is None:
            continue
        if pid is not None and pid not in owners:
            owners[pid] = _owner(pid)
        records.append(_record(connection, state, owners.get(pid or 0), now_ns))
    lost = sum(record.owners_hidden for record in records)
    if lost:
        ask = privileges.command("here", privileges.OWNERS)
        sockets = "1 socket" if lost == 1 else f"{lost} sockets"
        hidden.append(f"owners of {sockets}: not permitted, or not told; try: {ask}")
    return tuple(dict.fromkeys(records)), (LACKS, *hidden)


def _connections() -> tuple[list[tuple[int | None, Any]], list[str]]:
    """Return (process, connection) pairs of the whole system, or of what we may see of it."""
    import psutil

    try:
        return [(one.pid, one) for one in psutil.net_connections("inet")], []
    except psutil.AccessDenied:
        pass  # macOS: the whole list is root's, one's own processes are not
    ask = privileges.command("here")
    return list(_own_connections()), [f"sockets of other users: not permitted; try: {ask}"]


def _own_connections() -> Iterator[tuple[int | None, Any]]:
    import psutil

    for process in psutil.process_iter():
        try:
            held = process.net_connections("inet")
        except psutil.Error:
            continue
        for connection in held:
            yield process.pid, connection


def _state(connection: Any, established: bool) -> str | None:
    """Return the state in portbook's words; None: not asked for, or nobody's."""
    if connection.type == socket.SOCK_DGRAM:
        return "connected" if connection.raddr else "unconnected"
    if connection.status == "LISTEN":
        return "listen"
    if not established or connection.status in _NOBODYS:
        return None
    return str(connection.status).lower().replace("_", "-")


def _record(connection: Any, state: str, owner: Owner | None, now_ns: int) -> Listener:
    address = str(connection.laddr.ip)
    mapped = address.lower().startswith("::ffff:") and "." in address
    ipv4 = connection.family == socket.AF_INET or mapped
    peer = None
    if connection.raddr:
        host = str(connection.raddr.ip)
        peer = f"[{host}]:{connection.raddr.port}" if ":" in host else (
            f"{host}:{connection.raddr.port}"
        )  # fmt: skip
    return Listener(
        transport=Transport.UDP if connection.type == socket.SOCK_DGRAM else Transport.TCP,
        address=address,
        port=connection.laddr.port,
        scope=Scope.LOOPBACK if address.startswith("127.") else scope_of(address),
        state=state,
        seen_ns=now_ns,
        owners=(owner,) if owner else (),
        owners_hidden=owner is None,
        family="ipv4" if ipv4 else "ipv6",
        user=owner.user if owner else None,
        unit=owner.unit if owner else None,
        container=owner.container if owner else None,
        peer=peer,
    )


def _owner(pid: int) -> Owner | None:
    if sys.platform == "linux":
        from portbook.evidence import procowners

        return procowners.owner(pid, {})
    import psutil

    try:
        process = psutil.Process(pid)
        with process.oneshot():
            return Owner(
                pid=pid,
                program=printable(process.name()),
                user=_ask(process, "username"),
                command=_ask(process, "cmdline"),
                executable=_ask(process, "exe"),
            )
    except psutil.Error:
        return None


def _ask(process: Process, what: str) -> str | None:
    """Return one fact of a process, or None where it may not be read."""
    import psutil

    try:
        answer = getattr(process, what)()
    except (psutil.Error, OSError):
        return None
    text = without_secrets(answer) if isinstance(answer, list) else str(answer)
    return printable(text) or None
