"""`portbook serve` as a program: what it refuses to begin with, and how it lives and ends."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
import pytest
from support.program import environment, portbook

from portbook.faces.cli.lazy import Commands
from portbook.faces.web.settings import HOST, MOST_UPLOAD, PORT, octets

pytest.importorskip("litestar", reason="pages need the extra: portbook[web]")
WAIT_S = 60.0
ROOT = Path(__file__).parents[3]
TOKEN = "horse-battery-staple-9"
UNIT = (ROOT / "deploy" / "systemd" / "portbook-serve.service").read_text()


def command() -> click.Command:
    found = Commands().get_command(click.Context(click.Group()), "serve")
    assert found is not None
    return found


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    return path


def test_help_begins_with_what_one_does_with_it(tmp_path: Path) -> None:
    ended = portbook(tmp_path, "serve", "--help")

    assert 0 == ended.code
    assert ended.out.index("portbook serve --open") < ended.out.index("Options:")
    assert "ssh -L" in ended.out
    assert "--token " not in ended.out  # a secret on the command line is everybody's


def test_the_docs_tell_every_option() -> None:
    told = (ROOT / "docs" / "serve.md").read_text()

    assert [] == [
        option for one in command().params for option in one.opts if f"`{option}" not in told
        and f" {option} " not in told and f", `{option}" not in told
    ]  # fmt: skip


def test_the_usual_port_is_one_that_nobody_claims(tmp_path: Path) -> None:
    ended = portbook(tmp_path, "port", f"{PORT}/tcp", "--jsonl")
    kinds = {one["claim"] for one in ended.lines("claim")}

    assert {"unassigned"} == kinds
    (listen,) = (one for one in command().params if one.name == "listen")
    assert f"{HOST}:{PORT}" == listen.default


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["--listen", "0.0.0.0:0"], 2, "--make-token"),
        (["--listen", "[::]:0"], 2, "--make-token"),
        (["--behind-proxy"], 2, "--make-token"),
        (["--listen", "0.0.0.0:0", "--token-file", "token"], 2, "--plain --yes 0.0.0.0"),
        (["--listen", "0.0.0.0:0", "--token-file", "token", "--plain"], 2, "--yes 0.0.0.0"),
        (["--listen", "plant.example:8743"], 2, "write an address"),
        (["--listen", "127.0.0.1"], 2, "HOST:PORT"),
        (["--listen", "127.0.0.1:99999"], 2, "HOST:PORT"),
        (["--listen", "192.0.2.1:0", "--token-file", "token", "--plain", "--yes", "192.0.2.1"], 4,
         "no interface of this machine"),
        (["--plain"], 2, "off loopback"),
        (["--key", "key.pem"], 2, "without --certificate"),
        (["--certificate", "absent.pem"], 2, "openssl req"),
        (["--token-file", "absent"], 4, "No such file"),
        (["--token-file", "weak"], 2, "too short"),
        (["--password-file", "weak"], 2, "too short"),
        (["--host-name", "a b"], 2, "--host-name"),
        (["--most-upload", "many"], 2, "200MB"),
        (["--interface", "no-such-0"], 2, "there is none of that name"),
        (["--capture", "absent.pcap"], 4, "absent.pcap"),
        (["--rtpd", "nowhere"], 2, "HOST:PORT"),
        (["--language", "tlh"], 2, "--language tlh"),
        (["--token", TOKEN], 2, "No such option"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_before_anything_is_opened(
    tmp_path: Path, token: Path, words: list[str], code: int, why: str
) -> None:
    (tmp_path / "weak").write_text("hunter2\n")
    ended = portbook(tmp_path, "serve", *words)

    assert code == ended.code, ended.err
    assert why in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "data").exists()
    assert "hunter2" not in ended.err + ended.out
    if "--token" not in words:
        assert TOKEN not in ended.err + ended.out


def test_a_weak_variable_is_refused(tmp_path: Path) -> None:
    ended = portbook(tmp_path, "serve", "--listen", "127.0.0.1:0", PORTBOOK_TOKEN="hunter2")

    assert 2 == ended.code
    assert "PORTBOOK_TOKEN" in ended.err
    assert "hunter2" not in ended.err


def test_a_new_token_is_written_and_not_shown(tmp_path: Path) -> None:
    ended = portbook(tmp_path, "serve", "--make-token", "new")
    secret = (tmp_path / "new").read_text().strip()

    assert 0 == ended.code
    assert "--token-file new" in ended.out
    assert secret not in ended.out + ended.err
    assert 2 == portbook(tmp_path, "serve", "--make-token", "new").code


def test_a_port_that_is_taken_is_told_with_who_has_it(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as held:
        ended = portbook(tmp_path, "serve", "--listen", f"127.0.0.1:{held.getsockname()[1]}")

    assert 4 == ended.code
    assert "the port is taken" in ended.err
    if sys.platform == "linux":
        assert f"(pid {os.getpid()})" in ended.err


class Run:
    """A server that runs."""

    def __init__(self, process: subprocess.Popen[bytes], scheme: str, port: int) -> None:
        self.process, self.scheme, self.port = process, scheme, port
        self.out = self.err = ""

    def ask(self, path: str, **headers: str) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)) as made:
            made.request("GET", path, headers={n.replace("_", "-"): v for n, v in headers.items()})
            answer = made.getresponse()
            return answer.status, answer.read()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=WAIT_S)
        self.out, self.err = self.out + out.decode(), err.decode()
        return self.process.returncode


@contextmanager
def served(home: Path, *words: str, **more: str) -> Iterator[Run]:
    with subprocess.Popen(
        [sys.executable, "-m", "portbook", "serve", "--listen", "127.0.0.1:0", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(home, **more),
        cwd=home,
    ) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline().decode()
            found = re.search(r"(https?)://127\.0\.0\.1:(\d+)/", first)
            if not found:
                process.kill()
                raise AssertionError(first + process.communicate()[1].decode())
            run = Run(process, found[1], int(found[2]))
            run.out = first
            yield run
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_end_and_leaves_with_0(
    tmp_path: Path, number: signal.Signals
) -> None:
    with served(tmp_path, "--book", "plant.book") as run:
        status, body = run.ask("/1743")
        assert (200, True) == (status, b"1743" in body)
        assert (tmp_path / "plant.book").exists()
        with socket.create_connection(("127.0.0.1", run.port), timeout=WAIT_S) as viewer:
            viewer.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert viewer.recv(100).startswith(b"HTTP/1.1 ")
            assert 0 == run.end(number)

    assert "" == run.err
    assert 1 == len(run.out.splitlines())


def test_a_token_is_needed_where_one_was_told_and_is_never_shown(
    tmp_path: Path, token: Path
) -> None:
    token.chmod(0o644)
    with served(tmp_path, "--token-file", "token", "--log-requests") as run:
        assert 401 == run.ask("/1743")[0]
        assert 200 == run.ask("/1743?q=private", authorization=f"Bearer {TOKEN}")[0]
        assert 200 == run.ask("/login", accept="text/html")[0]
        assert 200 == run.ask("/static/style.css")[0]
        assert 421 == run.ask("/", host="rebound.example")[0]
        assert 0 == run.end()

    assert TOKEN not in run.out + run.err
    assert "private" not in run.err
    assert "every user of this machine can read it" in run.err
    assert re.search(r"^GET /1743 200 \d+\.\d ms$", run.err, re.MULTILINE)


def test_the_variable_lets_in_and_no_child_sees_it(tmp_path: Path) -> None:
    with served(tmp_path, PORTBOOK_TOKEN=TOKEN) as run:
        assert 401 == run.ask("/1743")[0]
        assert 200 == run.ask("/1743", authorization=f"Bearer {TOKEN}")[0]
        assert 0 == run.end()
    assert TOKEN not in run.out + run.err


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_tls_of_its_own_lets_it_listen_for_all(tmp_path: Path, token: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "9", "-subj", "/CN=x", "-addext", "subjectAltName=DNS:plant.example",
         "-keyout", "key.pem", "-out", "cert.pem"],
        check=True, capture_output=True, cwd=tmp_path, timeout=60,
    )  # fmt: skip
    words = ["--certificate", "cert.pem", "--key", "key.pem", "--token-file", "token"]
    from support.guarded import trusting

    with served(tmp_path, *words) as run:
        assert "https" == run.scheme
        made = http.client.HTTPSConnection(
            "127.0.0.1", run.port, timeout=WAIT_S, context=trusting()
        )
        with closing(made):
            made.request("GET", "/1743", headers={
                "Authorization": f"Bearer {TOKEN}", "Host": "plant.example"})  # fmt: skip
            answer = made.getresponse()
            assert 200 == answer.status
            assert answer.headers["strict-transport-security"]
            answer.read()
        assert 0 == run.end()


@pytest.mark.skipif(os.name != "posix", reason="the browser here is a shell script")
def test_open_opens_the_address_and_tells_no_secret(tmp_path: Path, token: Path) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
    browser.chmod(0o700)
    with served(tmp_path, "--open", "--token-file", "token", BROWSER=f"{browser} %s") as run:
        from support.guarded import until

        until(opened.exists)
        assert f"http://127.0.0.1:{run.port}/" == opened.read_text().strip()
        assert 0 == run.end()


@pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")
def test_whoever_started_it_hears_that_it_is_ready(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(WAIT_S)
        with served(tmp_path, NOTIFY_SOCKET=str(tmp_path / "notify")) as run:
            assert b"READY=1" in heard.recv(4096)
            assert 0 == run.end()


def test_the_unit_runs_the_command_with_options_that_it_has() -> None:
    known = {option for one in command().params for option in one.opts}
    told = set(re.findall(r"(--[a-z-]+)", UNIT))

    assert "ExecStart=/usr/bin/env portbook serve\n" in UNIT
    assert told <= known


@pytest.mark.parametrize(
    "line",
    ["NoNewPrivileges=yes", "CapabilityBoundingSet=", "ProtectSystem=strict", "ProtectHome=yes",
     "PrivateTmp=yes", "PrivateDevices=yes", "RestrictNamespaces=yes", "DynamicUser=yes",
     "MemoryDenyWriteExecute=yes", "StateDirectory=portbook", "Type=notify",
     "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK"],
)  # fmt: skip
def test_the_unit_may_do_no_more_than_it_has_to(line: str) -> None:
    assert f"\n{line}\n" in UNIT


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze, the witness, is absent"
)
def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    path = tmp_path / "portbook-serve.service"
    path.write_text(UNIT)
    ended = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert [] == [line for line in ended.stderr.splitlines() if "portbook" in line]
    assert 0 == ended.returncode


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("1", 1), ("200MB", 200_000_000), ("1G", 10**9), ("512KiB", 524_288), ("2 tib", 2 << 40),
     ("512MB", MOST_UPLOAD), ("7k", 7000)],
)  # fmt: skip
def test_sizes_are_read_as_people_write_them(text: str, wanted: int) -> None:
    assert wanted == octets(text)


@pytest.mark.parametrize("text", ["", "many", "-1", "1.5G", "1ib", "9" * 16, "1GBB", "1 G B"])
def test_what_is_no_size_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        octets(text)
