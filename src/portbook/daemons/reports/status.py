"""Answers who asks how the receiver does, over HTTP: /status /metrics /alarms /health.

Only GET and HEAD, only these paths, one request a connection, in few threads and little time. The
loop swaps in a snapshot; making text of it is done here, so that nobody who asks holds up data.
Source: RFC 9112 (HTTP/1.1).
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable
from ipaddress import ip_address

import msgspec

from portbook.daemons.configuration.places import LOOPBACK, Network, admits
from portbook.daemons.reports.snapshot import Snapshot
from portbook.daemons.voices.documents import document

LARGEST_HEAD = 8192  # octets of a request
MOST_AT_ONCE = 16
LIMIT_S = 5.0  # for a request to come, and again for its answer to go
JSON = "application/json"
_REASONS = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}
Answer = tuple[int, str, bytes]


class Status:
    """Serves snapshots on a listening socket, which it takes over.

    allowed: networks that may ask
    """

    def __init__(self, listening: socket.socket, allowed: Iterable[Network] = LOOPBACK) -> None:
        self._listening = listening
        self._listening.setblocking(False)
        self._woken, self._waker = socket.socketpair()
        self._allowed = tuple(allowed)
        self._loopback = _is_loopback(listening.getsockname()[0])
        self._snapshot: Snapshot | None = None
        self._room = threading.Semaphore(MOST_AT_ONCE)
        self._ending = False
        self.asked = 0
        self.refused = 0
        self._thread = threading.Thread(target=self._accept, name="status", daemon=True)
        self._thread.start()

    def show(self, snapshot: Snapshot) -> None:
        """Answer with this from now on."""
        self._snapshot = snapshot

    def close(self) -> None:
        """Answer no more."""
        self._ending = True
        # Never a shutdown: it would deafen every copy of the socket, the watchdog's too.
        self._waker.close()
        self._thread.join(LIMIT_S)
        self._listening.close()
        self._woken.close()

    def _accept(self) -> None:
        ready = select.poll()
        ready.register(self._listening, select.POLLIN)
        ready.register(self._woken, select.POLLIN)
        while True:
            ready.poll()
            if self._ending:
                return
            try:
                peer, address = self._listening.accept()
            except BlockingIOError:  # it went away, or to another holder of the socket
                continue
            except OSError:
                time.sleep(0.05)  # no descriptor is free, say: later there may be
                continue
            peer.settimeout(LIMIT_S)
            if not admits(self._allowed, address[0]):
                self.refused += 1
                peer.close()
            elif not self._room.acquire(blocking=False):
                self._busy(peer)
            elif not self._begin(peer):
                self._room.release()
                self._busy(peer)

    def _begin(self, peer: socket.socket) -> bool:
        try:
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()
        except RuntimeError:  # the system gives no thread
            return False
        return True

    def _busy(self, peer: socket.socket) -> None:
        self.refused += 1
        with peer:
            peer.setblocking(False)
            _send(peer, _error(503, "too many ask at once; ask again"), False)

    def _serve(self, peer: socket.socket) -> None:
        try:
            with peer, contextlib.suppress(OSError):
                head = _head(peer)
                if head is None:
                    return
                self.asked += 1
                answer = self._answer(head)
                peer.settimeout(LIMIT_S)
                _send(peer, answer, head.startswith(b"HEAD "))
                _linger(peer)
        finally:
            self._room.release()

    def _answer(self, head: bytes) -> Answer:
        if len(head) > LARGEST_HEAD:
            return _error(431, f"a request has at most {LARGEST_HEAD} octets")
        if not head.endswith(b"\r\n\r\n"):
            return _error(408, "the request did not come to its end")
        request, *fields = head[:-4].decode("latin-1").split("\r\n")
        words = request.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return _error(400, "a request is: GET /status HTTP/1.1")
        if words[0] not in ("GET", "HEAD"):
            return _error(405, "only GET and HEAD are answered")
        if self._loopback and not _names_loopback(fields):
            # A page in a browser could else make it ask us, under a name that now means 127.0.0.1.
            return _error(403, "Host has to be localhost or a loopback address")
        page = PAGES.get(words[1].partition("?")[0])
        if page is None:
            return _error(404, f"there are {', '.join(PAGES)}")
        if self._snapshot is None:
            return _error(503, "the receiver is starting")
        return page(self._snapshot)


def _status(snapshot: Snapshot) -> Answer:
    return 200, JSON, msgspec.json.encode(document(snapshot)) + b"\n"


def _alarms(snapshot: Snapshot) -> Answer:
    return 200, JSON, msgspec.json.encode({"alarm": document(snapshot.alarms)}) + b"\n"


def _health(snapshot: Snapshot) -> Answer:
    """Return whether it is well, for a load balancer or a monitor: 200 or 503."""
    stale_s = (time.time_ns() - snapshot.at_ns) / 1e9
    troubles = list(snapshot.troubles)
    if stale_s > STALE_S:
        troubles.append(f"its loop stands still for {stale_s:.0f} s")
    told = {"well": not troubles, "troubles": troubles, "alarms": len(snapshot.alarms)}
    return 503 if troubles else 200, JSON, msgspec.json.encode(told) + b"\n"


def _metrics(snapshot: Snapshot) -> Answer:
    from portbook.daemons.reports import metrics

    return 200, metrics.CONTENT_TYPE, metrics.text(snapshot).encode()


STALE_S = 30.0
PAGES: dict[str, Callable[[Snapshot], Answer]] = {
    "/status": _status,
    "/metrics": _metrics,
    "/alarms": _alarms,
    "/health": _health,
}


def _error(code: int, detail: str) -> Answer:
    """Return an error in the one shape of all: RFC 9457, problem details."""
    told = {"title": _REASONS[code], "status": code, "detail": detail}
    return code, "application/problem+json", msgspec.json.encode(told) + b"\n"


def _head(peer: socket.socket) -> bytes | None:
    """Return a request up to its empty line, what came of it in time, or None for nothing."""
    deadline = time.monotonic() + LIMIT_S
    octets = b""
    while b"\r\n\r\n" not in octets and len(octets) <= LARGEST_HEAD:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        peer.settimeout(left)
        try:
            more = peer.recv(4096)
        except TimeoutError:
            break
        if not more:
            break
        octets += more
    end = octets.find(b"\r\n\r\n")
    return (octets if end < 0 else octets[: end + 4]) or None


def _send(peer: socket.socket, answer: Answer, head_only: bool) -> None:
    code, kind, body = answer
    head = (
        f"HTTP/1.1 {code} {_REASONS[code]}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\nConnection: close\r\n"
    )
    if code == 405:
        head += "Allow: GET, HEAD\r\n"
    with contextlib.suppress(OSError):
        peer.sendall(head.encode("ascii") + b"\r\n" + (b"" if head_only else body))


def _linger(peer: socket.socket) -> None:
    """Wait for the other side to go, so that a reset does not take the answer from it."""
    peer.shutdown(socket.SHUT_WR)
    deadline = time.monotonic() + 1.0
    while (left := deadline - time.monotonic()) > 0:
        peer.settimeout(left)
        if not peer.recv(4096):
            return


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _names_loopback(fields: Iterable[str]) -> bool:
    """Tell whether the request's one Host names this machine's loopback; none is HTTP/1.0."""
    hosts = [
        value.strip()
        for name, _, value in (one.partition(":") for one in fields)
        if name.lower() == "host"
    ]
    if len(hosts) != 1:
        return not hosts
    name = hosts[0]
    name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    return name.lower() == "localhost" or _is_loopback(name)
