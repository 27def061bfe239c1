"""A small program behind the real guard and the real server, on loopback, in its own thread."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, NamedTuple

from portbook.faces.web.guard import Rules
from portbook.faces.web.guard.credentials import Credentials
from portbook.faces.web.running import WebServer, bound, server

PATIENCE_S = 20.0
TOKEN = "horse-battery-staple-9"
FORM = "application/x-www-form-urlencoded"


class Answer(NamedTuple):
    """What came back. headers: names in lower case, the last of each."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        return json.loads(self.body)


class Echo:
    """Tells what it was asked, as JSON; /events never ends, /hold until `release` is set."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.read_octets = 0  # of bodies
        self.held = threading.Semaphore(0)  # one for each request that is held
        self.release = threading.Event()
        self.left: list[str] = []  # paths of streams that ended

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        path = scope["path"]
        self.asked.append((scope["method"], path))
        if path == "/events":
            await self._stream(path, receive, send)
            return
        if path == "/hold":
            self.held.release()
            await asyncio.to_thread(self.release.wait, PATIENCE_S)
        if path == "/large":
            await answer(send, 200, b"x" * 30_000_000)
            return
        if path == "/not-modified":
            await answer(send, 304, b"")
            return
        if path == "/missing":
            await answer(send, 404, b"no")
            return
        body = b""
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            self.read_octets += len(message.get("body", b""))
            if not message.get("more_body"):
                break
        client = scope["client"] and scope["client"][0]
        told = {"path": path, "octets": len(body), "scheme": scope["scheme"], "client": client}
        await answer(send, 200, json.dumps(told).encode())

    async def _stream(self, path: str, receive: Any, send: Any) -> None:
        kind = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": kind})
        await send({"type": "http.response.body", "body": b": hello\n\n", "more_body": True})
        self.held.release()
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self.left.append(path)


async def answer(send: Any, status: int, body: bytes) -> None:
    kind = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": kind})
    await send({"type": "http.response.body", "body": body})


async def _live(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


class Served:
    """A server that runs, and ways to ask it."""

    def __init__(self, host: str, port: int, running: WebServer, tls: bool) -> None:
        self.host, self.port, self.running = host, port, running
        self._tls = tls

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.name}"

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Ask once; `content_type="..."` is the header Content-Type."""
        made: http.client.HTTPConnection
        if self._tls:
            made = http.client.HTTPSConnection(
                self.host, self.port, timeout=PATIENCE_S, context=trusting()
            )
        else:
            made = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE_S)
        with closing(made) as connection:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            came = connection.getresponse()
            found = {name.lower(): value for name, value in came.getheaders()}
            return Answer(came.status, found, came.read())

    def log_in(self, secret: str = TOKEN, path: str = "/login", **headers: str) -> Answer:
        """Send the form."""
        told = {"content_type": FORM, "origin": self.origin, **headers}
        return self.ask("POST", path, f"secret={secret}".encode(), **told)

    def connect(self) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=PATIENCE_S)

    def raw(self, octets: bytes) -> bytes:
        """Send octets and return all that comes until the server closes."""
        with self.connect() as sock:
            with suppress(OSError):  # it may close before it has read everything
                sock.sendall(octets)
            return until_closed(sock)


def until_closed(sock: socket.socket) -> bytes:
    found = b""
    try:
        while octets := sock.recv(65536):
            found += octets
    except ConnectionResetError:
        pass
    return found


def trusting() -> ssl.SSLContext:
    """Return a client's context that takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def until(condition: Callable[[], object]) -> None:
    """Wait until something holds in another thread."""
    end = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, "it never came about"
        pause.wait(0.005)


def guarded_by_token(**more: Any) -> Rules:
    return Rules(credentials=Credentials([TOKEN]), **more)


@contextmanager
def serving(
    app: Any = None,
    rules: Rules | None = None,
    *,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> Iterator[Served]:
    """Serve a program until left."""
    door = bound(host, 0)
    started = threading.Event()
    running = server(app or Echo(), door, rules or Rules(), tls=tls, ready=started.set)
    thread = threading.Thread(target=running.run, args=([door],), daemon=True)
    thread.start()
    try:
        assert started.wait(PATIENCE_S)
        yield Served(*door.getsockname()[:2], running, tls is not None)
    finally:
        running.should_exit = True
        thread.join(PATIENCE_S)
        door.close()
        assert not thread.is_alive()
