"""Serves a guarded program by HTTP, with or without TLS, until somebody ends it.

Uvicorn speaks HTTP. The socket is our own, so that a taken port is told in our words; signals end
it with streams closed and exit code 0; connections are bounded by `guard.connections`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from types import FrameType
from typing import Any

import msgspec
from uvicorn import Config, Server
from uvicorn.importer import import_from_string

from portbook.addresses import parse
from portbook.errors import SourceError
from portbook.faces.web.guard import Guard, Limits, Rules, guarded
from portbook.faces.web.guard.asgi import ASGIApp
from portbook.faces.web.guard.connections import Connections, Door, watched

BACKLOG = 256  # also how many are accepted in one turn of the loop
KEEP_ALIVE_S = 5
LAST_S = 3  # for answers that are on their way when the end comes
GONE_S = 60  # a reader whose machine is gone without a word
_SPARE_FILES = 200  # descriptors for the book, captures, children
_PARSERS = {
    True: "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol",
    False: "uvicorn.protocols.http.h11_impl:H11Protocol",
}


def bound(host: str, port: int) -> Door:
    """Return a listening socket. port: 0 for any free one.

    Raises SourceError telling who holds the port, or what else is in the way.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small writes at once (TCP_NODELAY) only where the protocol is told, not 0
    door = Door(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # connections have what their listener has
            door.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GONE_S * 1000)
        door.bind((host, port))
        door.listen(BACKLOG)
    except OSError as error:
        door.close()
        raise SourceError(_trouble(host, port, error)) from error
    door.setblocking(False)
    return door


def address(door: socket.socket, tls: bool) -> str:
    """Return where a browser on this machine finds the pages."""
    host, port = door.getsockname()[:2]
    here = parse(host)
    if here is None or here.is_unspecified:
        host = "localhost"
    usual = 443 if tls else 80
    name = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{name}{'' if port == usual else f':{port}'}/"


def run(
    app: ASGIApp,
    door: Door,
    rules: Rules,
    *,
    tls: ssl.SSLContext | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGINT or SIGTERM; a second SIGINT does not wait for answers on their way.

    ready: called once everything listens. Raises SystemExit when the program cannot begin.
    """
    server(app, door, rules, tls=tls, ready=ready).run([door])


def server(
    app: ASGIApp,
    door: Door,
    rules: Rules,
    *,
    tls: ssl.SSLContext | None = None,
    ready: Callable[[], None] = lambda: None,
) -> WebServer:
    """Return the server of a program, not yet running; `should_exit` ends it."""
    rules = msgspec.structs.replace(rules, limits=_affordable(rules.limits))
    guard = guarded(app, rules)
    connections = door.connections = Connections(rules.limits)
    parser: Any = import_from_string(_PARSERS[find_spec("httptools") is not None])
    config = Config(
        guard,
        interface="asgi3",
        loop="asyncio",
        http=watched(parser, connections),
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="error",  # what strangers send is no news
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=rules.behind_proxy,
        forwarded_allow_ips=["127.0.0.1", "::1"],
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=LAST_S,
        ssl_context_factory=(lambda *_: tls) if tls else None,
    )
    return WebServer(config, guard, connections, ready)


class WebServer(Server):
    """Uvicorn's server, with an end of our own."""

    def __init__(
        self, config: Config, guard: Guard, connections: Connections, ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._guard, self._connections, self._ready = guard, connections, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin, and say so."""
        await super().startup(sockets=sockets)
        # claims and templates stay as long as the program: each search for garbage among them
        # would hold up all readers for 20 to 90 ms
        gc.collect()
        gc.freeze()
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End: streams first, since they end by themselves never."""
        self._guard.stop()
        await super().shutdown(sockets=sockets)
        self._connections.close()
        await asyncio.sleep(0)  # what was ended lets go of its sockets in the next turn

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take signals as the wish to end; uvicorn would raise them again and end with -15."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        taken = (signal.SIGINT, signal.SIGTERM)
        before = {one: signal.signal(one, self._asked_to_end) for one in taken}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def _asked_to_end(self, number: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit and number == signal.SIGINT
        self.should_exit = True


def _affordable(limits: Limits) -> Limits:
    """Return limits that the system's bound on open files allows; it is raised as far as may be."""
    if sys.platform == "win32":
        return limits
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections + 2 * _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return limits
    most = max(soft - _SPARE_FILES, soft // 2)
    return msgspec.structs.replace(limits, connections=min(limits.connections, most))


def _trouble(host: str, port: int, error: OSError) -> str:
    what = f"--listen {f'[{host}]' if ':' in host else host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return f"{what}: the port is taken{_by_whom(port)}; end that, or choose another port"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{what}: {error.strerror}; ports below 1024 need CAP_NET_BIND_SERVICE"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{what}: no interface of this machine has that address; see `ip address`"
    return f"{what}: {error.strerror or error}"


def _by_whom(port: int) -> str:
    from portbook.evidence.listeners import listeners
    from portbook.ports import Transport

    try:
        seen = listeners(port, now_ns=time.time_ns()).listeners
    except OSError:
        return f"; `portbook here --port {port}` shows by whom"
    those = [one for one in seen if one.transport is Transport.TCP]
    return _owners(those) or f"; `sudo portbook here --port {port}` shows by whom"


def _owners(those: Sequence[Any]) -> str:
    owners = {
        f"{owner.program or 'a process'} (pid {owner.pid})" for one in those for owner in one.owners
    }
    units = {f"the unit {one.unit}" for one in those if one.unit and not one.owners}
    found = sorted(owners | units)
    return f" by {', '.join(found)}" if found else ""
