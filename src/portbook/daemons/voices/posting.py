"""POSTs JSON to the one address that the user named: http or https, no redirects, in its time."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
import urllib.error
import urllib.request
from base64 import b64encode
from typing import Any
from urllib.parse import unquote, urlsplit


def post(address: str, octets: bytes, limit_s: float) -> str | None:
    """Send the octets; return why it failed, or None. Answers other than 2xx are failures."""
    deadline = _Deadline(limit_s)
    late = f"{_place(address)}: not done after {limit_s:g} s"
    try:
        with deadline, _opener(deadline).open(_request(address, octets), timeout=limit_s) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        error.close()
        status = error.code
    except (OSError, http.client.HTTPException, ValueError) as error:
        return late if deadline.passed else f"{_place(address)}: {_why(error)}"
    if deadline.passed:  # a head that was cut short looks like a whole one
        return late
    return None if 200 <= status < 300 else f"{_place(address)}: answered {status}"


def _request(address: str, octets: bytes) -> urllib.request.Request:
    """Return what is asked; user and password of the address go where HTTP has them (RFC 7617)."""
    parts = urlsplit(address)
    headers = {"Content-Type": "application/json", "User-Agent": "portbook"}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return urllib.request.Request(address, data=octets, method="POST", headers=headers)


def _place(address: str) -> str:
    """Return an address without what may be secret in it: user, path and query."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return str(getattr(reason, "strerror", None) or reason)[:200]


class _Deadline:
    """Shuts the connection at a moment, so that octets one by one cannot hold us."""

    def __init__(self, limit_s: float) -> None:
        self._ends = time.monotonic() + limit_s
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(limit_s, self._shut)
        self._timer.daemon = True

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    @property
    def passed(self) -> bool:
        """Tell whether it is over."""
        return time.monotonic() >= self._ends

    def guard(self, made: socket.socket) -> None:
        """Shut this socket in time; made: connected."""
        with self._lock:
            self._socket = made
        if self.passed:
            self._shut()

    def _shut(self) -> None:
        with self._lock:
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)


def _opener(deadline: _Deadline) -> urllib.request.OpenerDirector:
    """Return what opens http and https, by a proxy where the environment names one, and no more."""

    class Plain(http.client.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            deadline.guard(self.sock)

    class Secure(http.client.HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            deadline.guard(self.sock)

    class OverPlain(urllib.request.HTTPHandler):
        def http_open(self, req: Any) -> Any:
            return self.do_open(Plain, req)

    class OverSecure(urllib.request.HTTPSHandler):
        def https_open(self, req: Any) -> Any:
            return self.do_open(Secure, req)

    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        OverPlain(),
        OverSecure(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener
