"""The status over real HTTP: four pages, few threads, little time, no tricks."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from portbook.daemons.configuration.places import EVERYWHERE, networks
from portbook.daemons.reports import metrics, status
from portbook.daemons.reports.snapshot import ClientState, Snapshot, SourceState
from portbook.daemons.reports.status import LARGEST_HEAD, MOST_AT_ONCE, Status
from portbook.records import Level
from portbook.seismic.alarms import Alarm
from portbook.seismic.clocks import ClockState
from portbook.seismic.instruments import Instrument, StreamState, Verdict

NOW = 1_800_000_000_000_000_000
UP = Instrument(
    "AE4C",
    Verdict.UP,
    "up",
    packets=7,
    arrived_ns=NOW,
    data_ns=NOW - 10**9,
    clock=ClockState.LOCKED,
    quality=100,
    streams=(StreamState(1, 7, NOW, NOW - 10**9, 5.0, ended=False, missing=0, late=False),),
)
STRANGE = 'a"b\\c\nd'


def snapshot(**more: object) -> Snapshot:
    told: dict[str, object] = {
        "at_ns": time.time_ns(),
        "started_ns": NOW,
        "pid": 4,
        "instruments": (UP, Instrument("9EEF", Verdict.NEVER, "never heard")),
        "sources": (SourceState(STRANGE, "upstream", True), SourceState("b:1", "link", False)),
        "clients": (ClientState("10.0.0.1:5", "reftek", 9, 1),),
        "totals": {"packets_taken": 12, "Bad name": 3},
        "levels": {"spool_octets": 1.5},
        "refused": {STRANGE: 2},
        "alarms": (Alarm("a", "disk", Level.ERROR, "full", NOW),),
        **more,
    }
    return Snapshot(**told)  # type: ignore[arg-type]


@pytest.fixture
def served() -> Iterator[tuple[Status, int]]:
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)
    one = Status(listening)
    one.show(snapshot())
    yield one, listening.getsockname()[1]
    one.close()


def ask(
    port: int, path: str = "/status", method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.headers), body


def raw(port: int, octets: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
        peer.sendall(octets)
        peer.shutdown(socket.SHUT_WR)
        got = b""
        while more := peer.recv(65536):
            got += more
    return got


def test_the_status_is_one_document(served: tuple[Status, int]) -> None:
    code, headers, body = ask(served[1])
    told = json.loads(body)

    assert (200, "application/json", "no-store") == (
        code,
        headers["Content-Type"],
        headers["Cache-Control"],
    )
    assert ("receiver", "2027-01-15T08:00:00.000000000Z") == (told["kind"], told["started"])
    assert ("up", "2027-01-15T08:00:00.000000000Z") == (
        told["instruments"][0]["verdict"],
        told["instruments"][0]["streams"][0]["arrived"],
    )
    assert "full" == told["alarms"][0]["message"]


def test_alarms_and_health_have_pages_of_their_own(served: tuple[Status, int]) -> None:
    assert "disk" == json.loads(ask(served[1], "/alarms")[2])["alarm"][0]["what"]
    assert (200, True) == ((got := ask(served[1], "/health"))[0], json.loads(got[2])["well"])
    served[0].show(snapshot(troubles=("the disk is full",)))
    code, _, body = ask(served[1], "/health?verbose=1")
    assert (503, ["the disk is full"]) == (code, json.loads(body)["troubles"])


def test_a_loop_that_stands_still_is_not_well(served: tuple[Status, int]) -> None:
    served[0].show(snapshot(at_ns=time.time_ns() - 90 * 10**9))
    code, _, body = ask(served[1], "/health")

    assert 503 == code
    assert re.fullmatch("its loop stands still for 9[0-9] s", json.loads(body)["troubles"][0])


def test_before_the_first_snapshot_it_says_so() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    one = Status(listening)
    try:
        assert 503 == ask(listening.getsockname()[1])[0]
    finally:
        one.close()


def test_metrics_can_be_read_by_the_format(served: tuple[Status, int]) -> None:
    code, headers, body = ask(served[1], "/metrics")
    rows, kinds = parsed(body.decode())

    assert (200, metrics.CONTENT_TYPE) == (code, headers["Content-Type"])
    assert 12 == rows["portbook_rtpd_packets_taken_total", ()]
    assert 1.5 == rows["portbook_rtpd_spool_octets", ()]
    assert 2 == rows["portbook_rtpd_faults_total", (("fault", STRANGE),)]
    assert 1 == rows["portbook_rtpd_source_up", (("source", STRANGE), ("how", "upstream"))]
    assert 1 == rows["portbook_rtpd_unit_up", (("unit", "AE4C"),)]
    assert 0 == rows["portbook_rtpd_unit_up", (("unit", "9EEF"),)]
    assert NOW / 1e9 == rows["portbook_rtpd_unit_last_packet_seconds", (("unit", "AE4C"),)]
    assert ("portbook_rtpd_unit_last_packet_seconds", (("unit", "9EEF"),)) not in rows
    assert ("portbook_rtpd_unit_clock_quality", (("unit", "9EEF"),)) not in rows
    assert 1 == rows["portbook_rtpd_alarms_standing", (("what", "disk"),)]
    assert all(name.endswith("_total") == (kind == "counter") for name, kind in kinds.items())
    assert not any("Bad" in name for name in kinds)


def parsed(
    text: str,
) -> tuple[dict[tuple[str, tuple[tuple[str, str], ...]], float], dict[str, str]]:
    """Read the exposition format: each family has HELP, TYPE and its rows together, once."""
    rows: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    kinds: dict[str, str] = {}
    family = ""
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ")[2]
            assert family not in kinds
        elif line.startswith("# TYPE "):
            assert family == line.split(" ")[2]
            kinds[family] = line.split(" ")[3]
        else:
            match = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? (\S+)", line)
            assert match, line
            assert family == match[1]
            labels = re.findall(r'([a-z]+)="((?:[^"\\]|\\.)*)"', match[2] or "")
            plain = tuple((key, _plain(value)) for key, value in labels)
            assert (match[1], plain) not in rows
            rows[match[1], plain] = float(match[3])
    return rows, kinds


def _plain(value: str) -> str:
    return re.sub(r"\\(.)", lambda one: {"n": "\n"}.get(one[1], one[1]), value)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/status/",
        "/../status",
        "//status",
        "/%73tatus",
        "http://127.0.0.1/status",
        "/etc",
        "*",
    ],
)
def test_there_are_no_other_paths(served: tuple[Status, int], path: str) -> None:
    octets = raw(served[1], f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    assert octets.startswith(b"HTTP/1.1 404 ")
    assert b"problem+json" in octets


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get"])
def test_there_is_no_other_method(served: tuple[Status, int], method: str) -> None:
    octets = raw(served[1], f"{method} /status HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    assert octets.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nAllow: GET, HEAD\r\n" in octets


def test_head_has_no_body(served: tuple[Status, int]) -> None:
    code, headers, body = ask(served[1], method="HEAD")

    assert (200, b"") == (code, body)
    assert int(headers["Content-Length"]) > 100


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("localhost", 200),
        ("127.0.0.1:2581", 200),
        ("[::1]:2581", 200),
        ("LOCALHOST:1", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
        ("10.0.0.1", 403),
    ],
)
def test_on_loopback_only_loopback_names_are_answered(
    served: tuple[Status, int], host: str, code: int
) -> None:
    assert code == ask(served[1], Host=host)[0]


def test_two_hosts_are_none_and_http_1_0_needs_none(served: tuple[Status, int]) -> None:
    twice = raw(served[1], b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n")
    old = raw(served[1], b"GET /health HTTP/1.0\r\n\r\n")

    assert twice.startswith(b"HTTP/1.1 403 ")
    assert old.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b"\xff\xfe\r\n\r\n", b"400"),
        (b"GET /status\r\n\r\n", b"400"),
        (b"GET  /status HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /status HTTP/2\r\n\r\n", b"400"),
        (b"GET /status HTTP/1.1\r\nHost: localhost\r\n", b"408"),
        (b"GET /status HTTP/1.1\r\nX: " + b"a" * LARGEST_HEAD + b"\r\n\r\n", b"431"),
        (b"x" * (LARGEST_HEAD + 5000), b"431"),
    ],
)
def test_what_is_no_request_is_told_so(
    served: tuple[Status, int], octets: bytes, code: bytes
) -> None:
    assert raw(served[1], octets).startswith(b"HTTP/1.1 " + code)


def test_silence_is_left_alone(served: tuple[Status, int]) -> None:
    assert b"" == raw(served[1], b"")
    assert 200 == ask(served[1])[0]


def test_a_slow_request_is_given_up(
    served: tuple[Status, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "LIMIT_S", 0.2)
    with socket.create_connection(("127.0.0.1", served[1]), timeout=20) as peer:
        peer.sendall(b"GET /st")

        assert peer.recv(100).startswith(b"HTTP/1.1 408 ")


def test_so_many_at_once_and_no_more(served: tuple[Status, int]) -> None:
    one, port = served
    waiting = [socket.create_connection(("127.0.0.1", port)) for _ in range(MOST_AT_ONCE)]
    for peer in waiting:
        peer.sendall(b"G")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as too_many:
        assert too_many.recv(100).startswith(b"HTTP/1.1 503 ")
    assert threading.active_count() < MOST_AT_ONCE + 12
    for peer in waiting:
        peer.close()
    deadline = time.monotonic() + 20
    while (got := _tried(port)) != 200 and time.monotonic() < deadline:
        pass
    assert 200 == got
    assert one.refused >= 1


def _tried(port: int) -> int | None:
    try:
        return ask(port)[0]
    except OSError:
        return None


def test_who_is_not_allowed_is_not_answered() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    one = Status(listening, networks(["10.0.0.0/8"]))
    one.show(snapshot())
    try:
        assert b"" == raw(listening.getsockname()[1], b"")
        assert 1 == one.refused
    finally:
        one.close()


def test_elsewhere_any_host_name_is_answered() -> None:
    listening = socket.create_server(("0.0.0.0", 0))
    one = Status(listening, EVERYWHERE)
    one.show(snapshot())
    try:
        assert 200 == ask(listening.getsockname()[1], Host="rtpd.example.org")[0]
    finally:
        one.close()


def test_closing_ends_its_thread() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    one = Status(listening)
    one.close()

    assert not one._thread.is_alive()
    assert -1 == listening.fileno()


def test_closing_leaves_another_holders_copy_of_the_socket_able_to_listen() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    copy = listening.dup()  # as `portbook rtpid` and systemd keep one
    first = Status(listening)
    first.show(snapshot(pid=1))

    assert 1 == json.loads(ask(port)[2])["pid"]

    first.close()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as early:  # nobody serves now
        second = Status(copy)
        second.show(snapshot(pid=2))
        early.sendall(b"GET /status HTTP/1.0\r\n\r\n")
        answer = b""
        while more := early.recv(65536):
            answer += more
    second.close()

    assert 2 == json.loads(answer.partition(b"\r\n\r\n")[2])["pid"]
