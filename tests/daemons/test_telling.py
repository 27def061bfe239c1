"""Alarms are told once in each way, with real programs, real HTTP and a real file."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.daemons.configuration.settings import Alarms as AlarmSettings
from portbook.daemons.voices import channels, standing_alarms
from portbook.daemons.voices.posting import post
from portbook.daemons.voices.telling import FILE, Telling
from portbook.records import Level
from portbook.seismic.alarms import Alarms, What

WAIT_S = 30.0


class Log:
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, level: str, text: str) -> None:
        self.lines.append((level, text))

    def of(self, level: str) -> list[str]:
        return [text for one, text in self.lines if one == level]


class Hook(BaseHTTPRequestHandler):
    """A webhook; answers as its path says: /204, /500, /to (elsewhere), /slow."""

    got: ClassVar[list[tuple[str, Any]]] = []
    secret: ClassVar[str | None] = None

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Hook.got.append((self.path, body))
        Hook.secret = self.headers["Authorization"]
        if self.path == "/to":
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd")
        elif self.path == "/slow":
            self.wfile.write(b"HTTP/1.0 200 OK\r\n")
            for _ in range(200):  # never for as long as a read may take, and yet never done
                try:
                    self.wfile.write(b"X-A: b\r\n")
                except OSError:
                    return
                if self.server.ending.wait(0.05):  # type: ignore[attr-defined]
                    return
        else:
            self.send_response(int(self.path[1:4]))
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def hook() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Hook)
    server.ending = threading.Event()  # type: ignore[attr-defined]
    Hook.got.clear()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.ending.set()  # type: ignore[attr-defined]
    server.shutdown()
    thread.join()
    server.server_close()


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def settings(tmp_path: Path, **more: Any) -> AlarmSettings:
    return AlarmSettings(**{"file": str(tmp_path / "alarms.jsonl"), "limit_s": 10.0, **more})


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(one) for one in path.read_text().splitlines()]


def test_each_alarm_goes_every_way_once_and_its_end_once(tmp_path: Path, hook: str) -> None:
    written = tmp_path / "by command"
    keep = python(f"import sys; open({str(written)!r}, 'a').write(sys.stdin.read())")
    log, alarms = Log(), Alarms()
    telling = Telling(tmp_path, settings(tmp_path, command=keep, webhook=f"{hook}/204"), log)
    for now_ns in (10**18, 10**18 + 1):
        if told := alarms.set("silence:A", What.SILENCE, "unit A: silent", now_ns, unit="A"):
            telling.tell(told)
    if told := alarms.clear("silence:A", 10**18 + 5 * 10**9):
        telling.tell(told)
    if told := alarms.happened("restart:1", What.RESTART, "rtpd was restarted", 10**18):
        telling.tell(told)

    assert telling.settled(WAIT_S)
    assert telling.close()
    expected = [
        {
            "kind": "alarm",
            "key": "silence:A",
            "what": "silence",
            "level": "error",
            "message": "unit A: silent",
            "since": "2001-09-09T01:46:40.000000000Z",
            "unit": "A",
            "cleared": None,
            "state": "set",
        }
    ]
    got = lines(tmp_path / "alarms.jsonl")
    assert expected[0] == got[0]
    assert ["set", "cleared", "happened"] == [one["state"] for one in got]
    assert "2001-09-09T01:46:45.000000000Z" == got[1]["cleared"]
    assert got == lines(written)
    assert got == [body for _, body in Hook.got]
    assert ["alarm: unit A: silent [silence:A]"] == log.of("error")
    assert ["alarm over: unit A: silent [silence:A]"] == log.of("info")
    assert (3, 0, {}) == (telling.told, telling.failed, telling.troubles)


def test_what_stands_survives_a_restart_and_is_cleared_once(tmp_path: Path) -> None:
    first = Telling(tmp_path, settings(tmp_path), Log())
    before = Alarms(first.standing())
    for key in ("disk:/srv", "clock:A"):
        told = before.set(key, What.DISK, "m", 1, level=Level.WARNING)
        assert told is not None
        first.tell(told)
    assert first.settled(WAIT_S)
    first.close()

    second = Telling(tmp_path, settings(tmp_path), Log())
    after = Alarms(second.standing())
    assert ["clock:A", "disk:/srv"] == [one.key for one in after.standing()]
    assert after.set("disk:/srv", What.DISK, "m", 2) is None
    ended = after.clear("disk:/srv", 3)
    assert ended is not None
    second.tell(ended)
    assert second.settled(WAIT_S)
    second.close()

    third = Telling(tmp_path, settings(tmp_path), Log())
    assert ["clock:A"] == [one.key for one in third.standing()]
    third.close()
    told_of = [(one["key"], one["state"]) for one in lines(tmp_path / "alarms.jsonl")]
    assert [("disk:/srv", "set"), ("clock:A", "set"), ("disk:/srv", "cleared")] == told_of


def test_what_was_not_told_before_an_end_is_told_after_it(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    hold = python(f"open({str(gate)!r}).read()")
    first = Telling(tmp_path, settings(tmp_path, command=hold), Log())
    alarms = Alarms()
    for name in "abc":
        told = alarms.set(name, What.DROPS, "m", 1)
        assert told is not None
        first.tell(told)
    opened = os.open(gate, os.O_WRONLY)  # comes back when the command of the first one reads
    assert not first.close(0.0)
    os.close(opened)
    first._thread.join(WAIT_S)

    second = Telling(tmp_path, settings(tmp_path), Log())
    assert second.settled(WAIT_S)
    second.close()
    assert ["a", "b", "c"] == [one["key"] for one in lines(tmp_path / "alarms.jsonl")]


def test_what_waits_is_told_before_the_end_where_there_is_time(tmp_path: Path) -> None:
    telling = Telling(tmp_path, settings(tmp_path, command=python("")), Log())
    alarms = Alarms()
    for name in "abc":
        told = alarms.set(name, What.DROPS, "m", 1)
        assert told is not None
        telling.tell(told)

    assert telling.close(WAIT_S)
    assert 3 == telling.told == len(lines(tmp_path / "alarms.jsonl"))


def test_so_many_wait_and_the_log_has_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portbook.daemons.voices.telling.MOST_WAITING", 2)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    log, alarms = Log(), Alarms()
    hold = python(f"open({str(gate)!r}).read()")
    telling = Telling(tmp_path, settings(tmp_path, command=hold), log)
    for name in "abcd":
        told = alarms.set(name, What.DROPS, f"it is {name}", 1)
        assert told is not None
        telling.tell(told)
    opened = os.open(gate, os.O_WRONLY)
    telling.reload(settings(tmp_path))
    os.close(opened)

    assert telling.settled(WAIT_S)
    telling.close()
    assert 2 == telling.left_out
    assert [*"abcd"] == [one.key for one in telling.standing()]
    assert [*"ab"] == [one["key"] for one in lines(tmp_path / "alarms.jsonl")]
    said = log.of("error")
    assert [1, 4] == [sum("queue" in one for one in said), sum("it is" in one for one in said)]


@given(st.binary(max_size=200))
def test_no_file_of_what_stands_makes_it_stumble(octets: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        path.write_bytes(octets)
        kept, trouble = standing_alarms.read(path)

    assert (trouble is None) or kept.standing == ()


def test_a_damaged_file_of_what_stands_is_set_aside_and_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"standing": 7}')
    log = Log()
    telling = Telling(tmp_path, settings(tmp_path), log)
    telling.close()

    assert [] == telling.standing()
    assert "set aside" in log.of("warning")[0]
    assert '{"standing": 7}' == (tmp_path / FILE).with_suffix(".damaged").read_text()


def test_a_way_that_fails_is_told_once_and_once_when_it_works(tmp_path: Path) -> None:
    flag = tmp_path / "works"
    code = f"import os, sys; sys.exit(0 if os.path.exists({str(flag)!r}) else 'no pager')"
    log, alarms = Log(), Alarms()
    telling = Telling(tmp_path, settings(tmp_path, command=python(code)), log)

    def happen(name: str) -> None:
        told = alarms.happened(name, What.RESTART, "m", 1)
        assert told is not None
        telling.tell(told)
        assert telling.settled(WAIT_S)

    happen("a")
    happen("b")
    assert [f"alarms cannot be told by command: {sys.executable}: left with 1: no pager"] == log.of(
        "error"
    )
    assert 2 == telling.failed
    flag.touch()
    happen("c")
    assert ["alarms are told by command again"] == log.of("info")
    telling.close()


def test_a_reload_goes_other_ways(tmp_path: Path) -> None:
    telling = Telling(tmp_path, settings(tmp_path), Log())
    told = Alarms().set("a", What.DROPS, "m", 1)
    assert told is not None
    telling.reload(settings(tmp_path, file=str(tmp_path / "new" / "other.jsonl")))
    telling.tell(told)

    assert telling.settled(WAIT_S)
    telling.close()
    assert 1 == len(lines(tmp_path / "new" / "other.jsonl"))
    assert not (tmp_path / "alarms.jsonl").exists()


def test_the_file_of_alarms_is_set_aside_when_it_is_large(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    for n in range(5):
        assert channels.to_file(str(path), b"%d\n" % n, most_octets=5) is None

    assert b"3\n4\n" == path.read_bytes()
    assert b"0\n1\n2\n" == (tmp_path / "a.jsonl.1").read_bytes()


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    said = channels.to_file(str(tmp_path / "none" / "a.jsonl"), b"x\n")

    assert said is not None
    assert "No such file" in said
    (tmp_path / "file").touch()
    assert channels.prepared(str(tmp_path / "file" / "a.jsonl")) is not None


def test_a_command_is_no_shell_and_gets_its_words_as_they_are(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = (*python(f"import sys; open({str(out)!r}, 'w').write(sys.argv[1])"), "$(id); `id` >x")

    assert channels.to_command(words, b"{}\n", 10.0) is None
    assert "$(id); `id` >x" == out.read_text()


def test_a_command_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(60)"
    )
    said = channels.to_command(python(code), b"{}\n", 2.0)

    assert f"{sys.executable}: not done after 2 s, killed" == said
    own, child = map(int, pids.read_text().split())
    with pytest.raises(ProcessLookupError):
        os.kill(own, 0)
    deadline = time.monotonic() + WAIT_S
    while _alive(child) and time.monotonic() < deadline:  # its end is init's to see
        pass
    assert not _alive(child)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_command_that_leaves_a_child_behind_is_done_when_it_ends_itself(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    )

    assert channels.to_command(python(code), b"{}\n", 50.0) is None


def test_a_command_that_says_much_does_not_fill_our_memory() -> None:
    code = "import sys\nfor _ in range(500): sys.stdout.write('x' * 65536)\nsys.exit(3)"
    said = channels.to_command(python(code), b"{}\n", 60.0)

    assert said is not None
    assert f"{sys.executable}: left with 3: {'x' * 200}" == said


def test_a_command_that_does_not_read_is_no_trouble() -> None:
    assert channels.to_command(python("import os; os.close(0)"), b"x" * 4000, 10.0) is None


def test_a_command_that_is_not_there_is_said() -> None:
    assert channels.to_command(("/nowhere/page",), b"{}", 5.0) == (
        "/nowhere/page: No such file or directory"
    )


def test_a_command_does_not_get_what_systemd_gave_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    monkeypatch.setenv("NOTIFY_SOCKET", "@x")
    monkeypatch.setenv("LISTEN_FDS", "3")
    code = f"import json, os; json.dump(dict(os.environ), open({str(out)!r}, 'w'))"

    assert channels.to_command(python(code), b"{}", 10.0) is None
    got = json.loads(out.read_text())
    assert "PATH" in got
    assert not {"NOTIFY_SOCKET", "LISTEN_FDS"} & got.keys()


def test_a_webhook_that_refuses_or_leads_elsewhere_has_failed(hook: str) -> None:
    assert post(f"{hook}/204", b"{}", 10.0) is None
    assert post(f"{hook}/500", b"{}", 10.0) == f"{hook}: answered 500"
    assert post(f"{hook}/to", b"{}", 10.0) == f"{hook}: answered 302"
    assert ["/204", "/500", "/to"] == [path for path, _ in Hook.got]


def test_user_and_password_go_where_http_has_them(hook: str) -> None:
    assert post(hook.replace("//", "//user:w%40rd@") + "/204", b"{}", 10.0) is None
    assert "Basic dXNlcjp3QHJk" == Hook.secret


def test_a_webhook_that_answers_octet_by_octet_is_given_up_in_time(hook: str) -> None:
    assert post(f"{hook}/slow", b"{}", 1.0) == f"{hook}: not done after 1 s"


def test_a_webhook_without_anybody_is_said_without_its_secret() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    said = post(f"http://user:word@127.0.0.1:{port}/secret?token=1", b"{}", 5.0)

    assert f"http://127.0.0.1:{port}: Connection refused" == said


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
def test_no_other_scheme_is_opened(address: str) -> None:
    assert post(address, b"{}", 5.0) is not None
