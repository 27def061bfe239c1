"""`portbook rtpd` as a program: settings, what it would do, a real run, how that one does."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.program import environment, portbook
from support.reftek import event

from portbook.daemons.configuration import settings
from portbook.daemons.reports.snapshot import ClientState, Snapshot, SourceState
from portbook.daemons.reports.status import Status
from portbook.faces.cli.receiver_options import _host
from portbook.records import Level
from portbook.seismic.alarms import Alarm, What
from portbook.seismic.clocks import ClockState
from portbook.seismic.instruments import Instrument, Verdict

WAIT_S = 60.0
DOCS = Path(__file__).parents[2] / "docs"
UNIT = '[unit.9D20]\nnetwork = "XX"\nstation = "TEST"\nstream.1 = ["HHZ", "HHN", "HHE"]\n'


@contextmanager
def receiver(**more: Any) -> Iterator[str]:
    """Serve a snapshot as a running receiver does; gives its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    one = Status(listening)
    now_ns = time.time_ns()
    told: dict[str, Any] = {
        "at_ns": now_ns,
        "started_ns": now_ns - 11_100 * 10**9,
        "pid": 77,
        "version": "0.0.1",
        "listening": {"field": "127.0.0.1:2543", "clients": "127.0.0.1:2543"},
        "totals": {"packets_taken": 12_345, "holes": 1, "packets_missing": 9, "datagrams": 4},
        "levels": {"spool_octets": 1.25e9, "spool_free_octets": 3.3e10},
        "peers": {"10.9.9.9": {"source not allowed": 3}},
        "instruments": (
            Instrument(
                "9D20",
                Verdict.UP,
                "up",
                packets=12_000,
                arrived_ns=now_ns - 2 * 10**9,
                data_arrived_ns=now_ns - 2 * 10**9,
                data_ns=now_ns - 10 * 10**9,
                address="10.1.0.5",
                clock=ClockState.LOCKED,
                quality=80,
                phase_error_us=12,
                holes=1,
                missing=9,
                health="BATTERY\x1b[31m LOW",
            ),
            Instrument("9EEF", Verdict.SILENT, "silent for 11 min", packets=1, first_ns=now_ns),
        ),
        "sources": (SourceState("rtpd.example:2543", "upstream", False, said="refused"),),
        "clients": (ClientState("10.2.0.7:4711", "reftek", 99, 3, "slink", "all units"),),
        "alarms": (
            Alarm("silence:9EEF", "silence", Level.ERROR, "unit 9EEF: silent", now_ns - 90 * 10**9),
        ),
        **more,
    }
    one.show(Snapshot(**told))
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        one.close()


def free_port() -> int:
    """Return a port that is free for TCP and for UDP now."""
    while True:
        with closing(socket.create_server(("127.0.0.1", 0))) as tcp:
            port: int = tcp.getsockname()[1]
            with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as udp:
                try:
                    udp.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return port


def test_help_begins_with_what_one_does_with_it(tmp_path: Path) -> None:
    ended = portbook(tmp_path, "rtpd", "--help")

    assert 0 == ended.code
    assert ended.out.index("portbook rtpd --upstream") < ended.out.index("Options:")
    for option in ("--reference", "--check", "--status", "--config", "--archive", "--sds"):
        assert option in ended.out


def test_the_reference_is_a_settings_file_that_it_reads(tmp_path: Path) -> None:
    ended = portbook(tmp_path, "rtpd", "--reference")
    (tmp_path / "rtpd.toml").write_text(ended.out)

    assert settings.reference() == ended.out
    assert 0 == portbook(tmp_path, "rtpd", "--config", "rtpd.toml", "--check").code


def test_check_says_what_it_would_do_and_who_may_reach_it(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "rtpd.toml").write_text(
        f'folder = "state"\n[listen]\nfield = "0.0.0.0:{port}"\nclients = "0.0.0.0:{port}"\n'
        f'status = "127.0.0.1:{free_port()}"\n'
        '[allow]\nclients = ["10.2.0.0/16"]\n[[upstream]]\nhost = "rtpd.example"\n'
        '[archive]\nraw = "raw"\nkeep_days = 30\nmin_free_gb = 0\n[spool]\nmax_gb = 0.1\n' + UNIT
    )
    ended = portbook(tmp_path, "rtpd", "--config", "rtpd.toml", "--check")

    assert (0, "") == (ended.code, ended.err)
    assert f"0.0.0.0:{port}/udp, open for EVERYBODY who can reach that address" in ended.out
    assert f"programs that read: 0.0.0.0:{port}/tcp, open for 10.2.0.0/16" in ended.out
    assert f"raw packet streams: 0.0.0.0:{port}/tcp, open for EVERYBODY" in ended.out
    assert "open for this machine alone" in ended.out
    assert "rtpd.example:2543, all units" in ended.out
    assert f"{tmp_path / 'raw'}, " in ended.out
    assert "days older than 30 days" in ended.out
    assert "1 units, 3 channels" in ended.out
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("field", "sources", "streams"),
    [
        ("", "", "this machine alone"),
        ("127.0.0.1:0", "", "this machine alone"),
        ("127.0.0.1:0", '"10.1.0.0/16"', "10.1.0.0/16"),
        ("0.0.0.0:0", "", "EVERYBODY who can reach that address; name networks in allow.sources"),
    ],
)
def test_check_says_who_may_send_streams(
    tmp_path: Path, field: str, sources: str, streams: str
) -> None:
    (tmp_path / "rtpd.toml").write_text(
        f'[listen]\nfield = "{field}"\nclients = "0.0.0.0:0"\nstatus = ""\n'
        f'[allow]\nsources = [{sources}]\nclients = ["10.2.0.0/16"]\n'
    )
    ended = portbook(tmp_path, "rtpd", "--config", "rtpd.toml", "--check", "--jsonl")
    (told,) = (one for one in ended.lines("check") if one["what"] == "raw packet streams")

    assert f"0.0.0.0:0/tcp, open for {streams}" == told["needs"]


def test_check_leaves_with_2_when_something_could_not_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "rtpd.toml").write_text(
        'folder = "file/state"\n[archive]\nraw = "raw"\nsds = "sds"\nmin_free_gb = 1e9\n'
        '[alarms]\ncommand = ["/nowhere/page"]\n'
    )
    ended = portbook(tmp_path, "rtpd", "--config", "rtpd.toml", "--check", "--jsonl")
    wrong = {one["what"]: one["note"] for one in ended.lines("check") if not one["fine"]}

    assert 2 == ended.code
    assert "is no folder" in wrong["spool"]
    assert "archive.min_free_gb" in wrong["raw archive"]
    assert "archive.min_free_gb" in wrong["day files"]
    assert "stream.1" in wrong["codes of channels"]
    assert "/nowhere/page is no program" in wrong["tells alarms"]


def test_check_tells_that_a_port_is_taken(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = portbook(tmp_path, "rtpd", "--listen", at, "--folder", "s", "--check")

    assert 0 == ended.code
    assert "it cannot be had now: Address already in use" in ended.out


def test_flags_beat_the_file_and_are_paths_of_the_working_folder(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "rtpd.toml").write_text(
        'folder = "state"\n[archive]\nraw = "raw"\nmin_free_gb = 0\n[spool]\nmax_gb = 0.1\n'
        '[[upstream]]\nhost = "a"\n'
    )
    (tmp_path / "map.toml").write_text(UNIT)
    ended = portbook(
        tmp_path,
        *("rtpd", "--config", "etc/rtpd.toml", "--archive", "mine", "--station", "map.toml"),
        *("--upstream", "b:2600", "--upstream", "[::1]:2601", "--check"),
    )

    assert 0 == ended.code
    assert f"{tmp_path / 'mine'}, " in ended.out
    assert f"{tmp_path / 'etc' / 'state'}, " in ended.out
    assert "b:2600, all units" in ended.out
    assert "::1:2601, all units" in ended.out
    assert ": a:2543" not in ended.out
    assert "1 units, 3 channels" in ended.out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--config", "nowhere.toml"], 4, "nowhere.toml: No such file"),
        (["--config", "bad.toml"], 2, "bad.toml: there is no key or table 'lisen'"),
        (["--config", "bad.toml", "--check"], 2, "did you mean 'listen'?"),
        (["--listen", "here"], 2, "'here' is no ADDRESS:PORT"),
        (["--source", "x"], 2, "the flags: allow.sources: 'x' is no network"),
        (["--upstream", "a:b"], 2, "write HOST, HOST:PORT"),
        (["--station", "nowhere.toml"], 4, "nowhere.toml: No such file"),
        (["--station", "bad.toml"], 2, r"tables [unit.XXXX]"),
        (["--check", "--status"], 2, "exclude each other"),
        (["--at", "127.0.0.1:1"], 2, "--at says where --status asks"),
        (["--json"], 2, "--status and --check"),
        (["--http", "", "--status", "--at", "x"], 2, "'x' is no ADDRESS:PORT"),
    ],
)
def test_what_cannot_be_is_said(tmp_path: Path, words: list[str], code: int, said: str) -> None:
    (tmp_path / "bad.toml").write_text("[lisen]\n")
    ended = portbook(tmp_path, "rtpd", *words)

    assert (code, "") == (ended.code, ended.out)
    assert said in ended.err


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("a", {"host": "a"}),
        ("a:1", {"host": "a", "port": 1}),
        ("[::1]:1", {"host": "::1", "port": 1}),
        ("[::1]", {"host": "::1"}),
        ("::1", {"host": "::1"}),
    ],
)
def test_an_upstream_is_read_as_people_write_it(text: str, host: dict[str, Any]) -> None:
    assert host == _host(text)


def test_status_shows_what_is_wrong_first(tmp_path: Path) -> None:
    (tmp_path / "rtpd.toml").write_text(UNIT)
    with receiver() as at:
        ended = portbook(tmp_path, "rtpd", "--config", "rtpd.toml", "--status", "--at", at)
    lines = ended.out.splitlines()

    assert (0, "") == (ended.code, ended.err)
    assert "portbook rtpd 0.0.1, process 77, up 3 h 5 min: well" == lines[0]
    assert "12,345 taken, 9 missing in 1 hole," in lines[2]
    assert "1.25 GB of spool, 33 GB free on its disk" in ended.out
    assert re.search(r"error +1 min 3\d s +silence +unit 9EEF: silent", ended.out)
    silent, up = (next(n for n, line in enumerate(lines) if f"{u} " in line[:5]) for u in _UNITS)
    assert silent < up
    assert re.search(r"9D20 +XX.TEST +up +[23][.\d]* s +8 s +locked, 12 us +80 ", lines[up])
    assert re.search(r"rtpd.example:2543 +upstream +down .*refused", ended.out)
    assert re.search(r"10.2.0.7:4711 +reftek +slink", ended.out)
    assert re.search(r"10.9.9.9 +source not allowed +3", ended.out)
    assert "\x1b" not in ended.out


_UNITS = ("9EEF", "9D20")


def test_status_tells_troubles_of_its_own(tmp_path: Path) -> None:
    with receiver(troubles=("the spool takes nothing", "the archiver is not running")) as at:
        ended = portbook(tmp_path, "rtpd", "--status", "--at", at)

    assert "up 3 h 5 min: the spool takes nothing; the archiver is not running\n" in ended.out


def test_long_tables_are_cut_unless_all_is_wanted(tmp_path: Path) -> None:
    many = tuple(Instrument(f"A{n:03}", Verdict.UP, "up") for n in range(50))
    with receiver(instruments=many) as at:
        short = portbook(tmp_path, "rtpd", "--status", "--at", at).out
        whole = portbook(tmp_path, "rtpd", "--status", "--at", at, "--all").out

    assert "… and 20 more; --all shows them" in short
    assert ("A049" in whole, "A049" in short) == (True, False)


def test_status_for_programs(tmp_path: Path) -> None:
    with receiver() as at:
        one = json.loads(portbook(tmp_path, "rtpd", "--status", "--at", at, "--json").out)
        every = portbook(tmp_path, "rtpd", "--status", "--at", at, "--jsonl").lines()

    assert ("receiver", 2) == (one["kind"], len(one["instruments"]))
    assert ["receiver", "instrument", "instrument", "source", "client", "alarm"] == [
        each["kind"] for each in every
    ]
    assert "instruments" not in every[0]
    assert "9D20" == every[1]["unit"]


def test_status_says_when_nobody_or_somebody_else_answers(tmp_path: Path) -> None:
    port = free_port()
    nobody = portbook(tmp_path, "rtpd", "--status", "--at", f"127.0.0.1:{port}")
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        starting = Status(listening)
        at = f"127.0.0.1:{listening.getsockname()[1]}"
        early = portbook(tmp_path, "rtpd", "--status", "--at", at)
        starting.close()
    (tmp_path / "off.toml").write_text('[listen]\nstatus = ""\n')
    off = portbook(tmp_path, "rtpd", "--config", "off.toml", "--status")

    assert 4 == nobody.code
    assert "nobody answers. Does `portbook rtpd` run?" in nobody.err
    assert 4 == early.code
    assert "the receiver is starting" in early.err
    assert 2 == off.code
    assert "--at" in off.err


@contextmanager
def running(home: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run a receiver until the end of the block, which SIGTERM brings where nothing else did."""
    with subprocess.Popen(
        [sys.executable, "-m", "portbook", "rtpd", *words],
        cwd=home,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            yield child
        finally:
            child.send_signal(signal.SIGTERM)
            out, err = child.communicate(timeout=WAIT_S)
            assert "" == out, err
            assert child.returncode in (0, -signal.SIGKILL), err


def test_a_receiver_that_is_started_by_flags_takes_archives_and_tells(tmp_path: Path) -> None:
    port, http = free_port(), free_port()
    (tmp_path / "map.toml").write_text(UNIT)
    asking = ("rtpd", "--status", "--at", f"127.0.0.1:{http}")
    with running(
        tmp_path,
        *("--folder", "state", "--archive", "raw", "--sds", "sds", "--station", "map.toml"),
        *("--listen", f"127.0.0.1:{port}", "--http", f"127.0.0.1:{http}"),
    ):
        _until(lambda: portbook(tmp_path, *asking).code == 0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as field:
            for packet in event("9D20"):
                field.sendto(packet, ("127.0.0.1", port))

        def archived() -> bool:
            told = json.loads(portbook(tmp_path, *asking, "--json").out)
            return bool(told["totals"].get("packets_archived") == 38)

        _until(archived)
        shown = portbook(tmp_path, *asking).out

    assert re.search(r"9D20 +up +", shown), shown
    assert 3 == len([*(tmp_path / "sds").rglob("*.D.*")])


def test_an_alarm_is_told_once_over_a_kill_and_its_end_once(tmp_path: Path) -> None:
    port, http = free_port(), free_port()
    told = tmp_path / "told.jsonl"
    keep = [sys.executable, "-c", f"import sys; open({str(told)!r}, 'a').write(sys.stdin.read())"]
    (tmp_path / "rtpd.toml").write_text(
        f'folder = "state"\n[listen]\nfield = "127.0.0.1:{port}"\nclients = ""\n'
        f'status = "127.0.0.1:{http}"\n[alarms]\nsilence_s = 1\ncommand = {json.dumps(keep)}\n'
        + UNIT
    )

    def alarms() -> list[tuple[str, str]]:
        lines = told.read_text().splitlines() if told.exists() else []
        return [(one["key"], one["state"]) for one in map(json.loads, lines)]

    with running(tmp_path, "--config", "rtpd.toml") as first:
        _until(lambda: alarms() == [("silence:9D20", "set")])
        _until(lambda: _written(tmp_path / "state" / "alarms-standing.json"))
        first.kill()
    with running(tmp_path, "--config", "rtpd.toml"):
        at = ("--at", f"127.0.0.1:{http}")
        _until(lambda: portbook(tmp_path, "rtpd", "--status", *at).code == 0)
        assert "never heard" in portbook(tmp_path, "rtpd", "--status", *at).out
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as field:
            field.sendto(event("9D20")[0], ("127.0.0.1", port))
        _until(lambda: len(alarms()) > 1)

    assert [("silence:9D20", "set"), ("silence:9D20", "cleared")] == alarms()[:2]


def test_who_was_heard_before_a_restart_is_known_after_it(tmp_path: Path) -> None:
    port, http = free_port(), free_port()
    words = ("--folder", "state", "--listen", f"127.0.0.1:{port}", "--http", f"127.0.0.1:{http}")
    asking = ("rtpd", "--status", "--at", f"127.0.0.1:{http}")
    with running(tmp_path, *words):
        _until(lambda: portbook(tmp_path, *asking).code == 0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as field:
            field.sendto(event("9D20")[0], ("127.0.0.1", port))
        _until(lambda: "9D20" in portbook(tmp_path, *asking).out)
    with running(tmp_path, *words):
        _until(lambda: portbook(tmp_path, *asking).code == 0)
        (one,) = json.loads(portbook(tmp_path, *asking, "--json").out)["instruments"]

    assert ("9D20", "up", 0) == (one["unit"], one["verdict"], one["packets"])
    assert one["arrived"] is not None


def _written(standing: Path) -> bool:
    """Tell whether what was told is known to be told: an end before that tells it again."""
    return standing.exists() and json.loads(standing.read_text())["untold"] == []


def _until(done: Any) -> None:
    deadline = time.monotonic() + WAIT_S
    while not done():
        assert time.monotonic() < deadline


def test_the_settings_that_the_docs_show_can_be_read() -> None:
    shown = re.findall(r"```toml\n(.*?)```", (DOCS / "rtpd.md").read_text(), re.DOTALL)

    assert len(shown) > 2
    for one in shown:
        settings.from_mapping(tomllib.loads(one), "docs/rtpd.md")


def test_the_docs_name_every_table_of_the_settings_and_every_kind_of_alarm() -> None:
    text = (DOCS / "rtpd.md").read_text()

    assert [] == [what.value for what in What if f"| `{what.value}` |" not in text]
    missing = [
        name
        for name in settings.Settings.__struct_fields__
        if not re.search(rf"\[+{name}[\].]|^{name} = ", text, re.MULTILINE)
    ]
    assert [] == missing
