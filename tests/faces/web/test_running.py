"""The server: what it may bind, how it ends, what of a proxy it believes."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.guarded import PATIENCE_S, TOKEN, guarded_by_token, serving, until, until_closed
from support.program import environment

from portbook.errors import SourceError
from portbook.faces.web.running import address, bound

posix = pytest.mark.skipif(os.name != "posix", reason="signals and bounds are those of POSIX")
PROGRAM = """
import sys
from support.guarded import Echo
from portbook.faces.web.guard import Rules
from portbook.faces.web.running import bound, run
door = bound("127.0.0.1", 0)
run(Echo(), door, Rules(), ready=lambda: print(door.getsockname()[1], flush=True))
door.close()
print("ended", flush=True)
"""
BOUNDED = """
import resource, sys
from portbook.faces.web.guard import Limits
from portbook.faces.web.running import _affordable
soft, hard = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
print(_affordable(Limits()).connections, *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_a_port_that_is_taken_is_told_with_who_has_it() -> None:
    first = bound("127.0.0.1", 0)
    port = first.getsockname()[1]
    with first, pytest.raises(SourceError, match=f"127.0.0.1:{port}: the port is taken") as told:
        bound("127.0.0.1", port)

    if sys.platform == "linux":
        assert f"(pid {os.getpid()})" in str(told.value)


def test_an_address_that_is_not_ours_is_told() -> None:
    with pytest.raises(SourceError, match="no interface of this machine"):
        bound("192.0.2.1", 0)


@pytest.mark.parametrize(
    ("host", "tls", "wanted"),
    [
        ("127.0.0.1", False, "http://127.0.0.1:{port}/"),
        ("127.0.0.1", True, "https://127.0.0.1:{port}/"),
        ("::1", False, "http://[::1]:{port}/"),
        ("0.0.0.0", False, "http://localhost:{port}/"),
        ("::", True, "https://localhost:{port}/"),
    ],
)
def test_the_address_is_one_that_a_browser_here_can_open(host: str, tls: bool, wanted: str) -> None:
    if ":" in host and not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    with bound(host, 0) as door:
        assert wanted.format(port=door.getsockname()[1]) == address(door, tls)


def test_ipv6_is_served_by_its_own_name() -> None:
    with serving(host="::1") as here:
        for name in (f"[::1]:{here.port}", "localhost", "[0:0::1]"):
            assert 200 == here.ask("GET", "/", host=name).status


def test_what_a_stranger_says_of_a_proxy_is_not_believed() -> None:
    with serving(rules=guarded_by_token()) as here:
        told = here.ask(
            "GET", "/", authorization=f"Bearer {TOKEN}",
            x_forwarded_proto="https", x_forwarded_for="10.0.0.5",
        ).told  # fmt: skip

    assert ("http", "127.0.0.1") == (told["scheme"], told["client"])


@pytest.mark.parametrize("said", ["", "nonsense", "10.0.0.5, 127.0.0.1", "::1", "a" * 5000])
def test_whatever_a_proxy_says_of_a_reader_is_survived(said: str) -> None:
    rules = guarded_by_token(behind_proxy=True)
    with serving(rules=rules) as here:
        answer = here.ask(
            "GET", "/", authorization=f"Bearer {TOKEN}",
            x_forwarded_proto="https", x_forwarded_for=said,
        )  # fmt: skip

    assert 200 == answer.status


@contextmanager
def running(home: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a server as a process; gives it and its port."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(home),
        cwd=home,
    ) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order_with_its_streams(
    tmp_path: Path, number: signal.Signals
) -> None:
    with running(tmp_path) as (process, port):
        viewer = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        viewer.request("GET", "/events")
        answer = viewer.getresponse()
        assert b": hello\n" == answer.readline()
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert b"\n" == answer.read()  # ended by its last chunk, not cut
        viewer.close()

    assert (0, b"ended\n", b"") == (process.returncode, out, err)


@posix
def test_who_takes_nothing_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with (
        running(tmp_path) as (process, port),
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as sock,
    ):
        sock.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 200")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)
        until_closed(sock)

    assert 0 == process.returncode


@posix
@pytest.mark.parametrize(
    ("soft", "hard", "connections", "raised"),
    [
        (256, 4096, 2048, 2448),
        (4096, 4096, 2048, 4096),
        (256, 1024, 824, 1024),
        (128, 128, 64, 128),
    ],
)
def test_open_files_are_asked_for_and_connections_fit_what_is_granted(
    tmp_path: Path, soft: int, hard: int, connections: int, raised: int
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", BOUNDED, str(soft), str(hard)],
        env=environment(tmp_path),
        capture_output=True,
        check=True,
        timeout=60,
    )

    assert [connections, raised, hard] == [int(one) for one in re.findall(rb"\d+", ended.stdout)]


def test_many_connections_one_after_the_other_leave_none_behind() -> None:
    with serving() as here:
        for number in range(100):
            assert 200 == here.ask("GET", f"/{number}", connection="close").status
        until(lambda: len(here.running._connections) == 0)
