"""Processes that hold sockets, for tests of what listens here: pipes say when, nobody sleeps."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

NOBODY = 65534
CLONE_NEWNET, CLONE_NEWNS = 0x40000000, 0x00020000

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")


def tcp(address: str = "127.0.0.1", port: int = 0, *, listening: bool = True) -> socket.socket:
    """Return a TCP socket that is bound, and listens with a backlog of 7 unless told not to."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.bind((address, port))
        if listening:
            made.listen(7)
    except OSError:
        made.close()
        raise
    return made


def udp(address: str = "127.0.0.1", port: int = 0, *, shared: bool = False) -> socket.socket:
    """Return a UDP socket that is bound; shared: others may bind the same port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM)
    if shared:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((address, port))
    except OSError:
        made.close()
        raise
    return made


def number(made: socket.socket) -> int:
    """Return the port that a socket is bound to."""
    port: int = made.getsockname()[1]
    return port


@contextmanager
def process(prepare: Callable[[], Any]) -> Iterator[tuple[int, Any]]:
    """Fork a process that calls `prepare`, keeps what it made, and waits; give (pid, answer).

    The answer is what `prepare` returns beside what it keeps: (kept, answer). When it raises
    PermissionError the test is skipped.
    """
    ready, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        _wait_in_child(prepare, ready, tell)
    os.close(tell)
    try:
        with os.fdopen(ready, "rb") as pipe:
            answer = pickle.loads(pipe.read() or pickle.dumps(RuntimeError("the child died")))
        if isinstance(answer, PermissionError):
            pytest.skip(f"the system does not allow it: {answer}")
        if isinstance(answer, Exception):
            raise answer
        yield pid, answer
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)


def _wait_in_child(prepare: Callable[[], Any], ready: int, tell: int) -> None:
    try:
        os.close(ready)
        try:
            kept, answer = prepare()
        except Exception as error:
            kept, answer = None, error
        with os.fdopen(tell, "wb") as pipe:
            pickle.dump(answer, pipe)
        while kept is not None or answer is not None:
            signal.pause()
    finally:
        os._exit(0)


def as_nobody(ask: Callable[[], Any], before: Callable[[], None] | None = None) -> Any:
    """Return what `ask` returns in a process of the user nobody, without any capability.

    before: called in that process while it is still root
    """

    def unprivileged() -> tuple[None, Any]:
        if before is not None:
            before()
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        return None, ask()

    with process(unprivileged) as (_, answer):
        return answer


def leave(namespace: int = CLONE_NEWNET) -> None:
    """Put this process into a new namespace; PermissionError where that is not allowed."""
    import ctypes

    if ctypes.CDLL(None, use_errno=True).unshare(namespace) != 0:
        raise PermissionError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def rename(name: str) -> None:
    """Give this process another program name, as the kernel shows it."""
    with open("/proc/self/comm", "w", encoding="ascii") as file:
        file.write(name)
