"""The question whether a receiver still answers: six octets each way, then goodbye.

It takes no client's place: it never gets as far as asking for packets. An answer is whatever shows
that the other side acts, a refusal or an orderly end too; only silence is none.
Source: reftek.md 2.2, 2.5 (the server speaks second, BREAK is the orderly end).
"""

from __future__ import annotations

import errno
import select
import socket
from contextlib import suppress

HELLO = b"\0\1\0\0\0\0"
GOODBYE = b"\0\x08\0\0\0\0"
ENOUGH = 6  # octets
SECOND_NS = 1_000_000_000


class Question:
    """One question at a time; it never waits."""

    def __init__(self, limit_s: float) -> None:
        self._limit_ns = int(limit_s * SECOND_NS)
        self._socket: socket.socket | None = None
        self._asked_ns = 0
        self._told = False  # the six octets are sent
        self._heard = 0

    @property
    def open(self) -> bool:
        """Tell whether an answer is waited for."""
        return self._socket is not None

    def fileno(self) -> int:
        """Return the descriptor to poll, -1 when there is no question."""
        return -1 if self._socket is None else self._socket.fileno()

    @property
    def events(self) -> int:
        """Return what to poll for."""
        return select.POLLIN if self._told else select.POLLOUT

    def ask(self, address: tuple[str, int], now_ns: int) -> None:
        """Begin a question, unless one is open."""
        if self._socket is not None:
            return
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._asked_ns, self._told, self._heard = now_ns, False, 0
        if self._socket.connect_ex(address) not in (0, errno.EINPROGRESS):
            self.drop()

    def step(self, now_ns: int) -> bool | None:
        """Go on; return True for an answer, False for silence, None while it is not known yet."""
        if self._socket is None:
            return None
        answered = self._go_on()
        if answered is None and now_ns - self._asked_ns < self._limit_ns:
            return None
        if answered:
            with suppress(OSError):
                self._socket.send(GOODBYE)
        self.drop()
        return bool(answered)

    def drop(self) -> None:
        """Let go of the question."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _go_on(self) -> bool | None:
        assert self._socket is not None
        try:
            if not self._told:
                self._told = self._socket.send(HELLO) == len(HELLO)
            octets = self._socket.recv(ENOUGH - self._heard)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError as error:
            # not connected yet; anything else was said by the other side, so it acts
            return None if error.errno == errno.ENOTCONN else True
        self._heard += len(octets)
        return True if not octets or self._heard >= ENOUGH else None


def near(address: str, port: int) -> tuple[str, int]:
    """Return where to ask a socket of this machine that is bound to an address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address), port
