"""The receiver as a process: real sockets, real signals, real files."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemons.running import SETTINGS, Client, Running, handing_over, running
from support import program, reftek
from support.looping import looping
from support.ringserver import RingServer

from portbook.daemons.watchdog.notify import VARIABLES
from portbook.protocols.reftek.link_sender import LinkSender
from portbook.seismic.spool import Spool

UNIT, OTHER = "9D20", "AE4C"
EVENT = reftek.event(UNIT, seconds=60)
HEAVY = ("numpy", "pymseed", "rich", "psutil", "tomlkit", "sqlite3", "click", "urllib.request")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="its sockets are Linux's")


@pytest.fixture
def rtpd(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as made:
        yield made


def _ring(home: Path) -> tuple[int, list[bytes]]:
    """Return what the ring holds, and from which sequence on, as a start would find it."""
    spool = Spool(home / "rtpd" / "spool")
    first, entries = spool.refill(100_000)
    spool.close()
    return first, [one.arrival.octets for one in entries]


def test_datagrams_come_out_at_a_client_and_in_the_archive(rtpd: Running) -> None:
    client = Client(rtpd.ports["clients"])
    rtpd.udp(*EVENT)

    assert client.packets(len(EVENT)) == EVENT
    told = rtpd.total("packets_archived", len(EVENT))
    assert told["totals"]["packets_delivered"] == len(EVENT)
    assert told["troubles"] == []
    client.close()
    assert rtpd.end() == 0
    assert reftek.held(rtpd.home / "raw").keys() == set(EVENT)
    assert reftek.held(rtpd.home / "raw").total() == len(EVENT)


def test_a_stream_of_packets_over_tcp_is_taken_too(rtpd: Running) -> None:
    client = Client(rtpd.ports["clients"])
    with socket.create_connection(("127.0.0.1", rtpd.ports["clients"])) as stream:
        stream.sendall(b"".join(EVENT))

    assert client.packets(len(EVENT)) == EVENT
    client.close()


def test_what_is_refused_is_counted_and_costs_the_rest_nothing(tmp_path: Path) -> None:
    settings = SETTINGS + f'[allow]\nunits = ["{UNIT}"]\n[unit.{UNIT}]\naddresses = ["127.0.0.1"]\n'
    with running(tmp_path, settings) as rtpd:
        client = Client(rtpd.ports["clients"])
        rtpd.udp(reftek.event(OTHER)[0], b"OPTIONS sip:x SIP/2.0", b"\xff" * 1024)
        rtpd.udp(EVENT[0][:6] + b"\xff" * 1018)
        rtpd.udp(*EVENT[:3], source="127.0.0.2")
        rtpd.udp(b"\x01\x02" + EVENT[0], *EVENT[1:])

        assert client.packets(len(EVENT)) == EVENT
        told = rtpd.total("packets_refused", 5)
        assert told["peers"] == {
            "127.0.0.1": {
                "unit not allowed": 1,
                "datagram of something else": 1,
                "1024 octets that are no packet": 1,
                "impossible packet: header": 1,
            },
            "127.0.0.2": {"unit from a wrong address": 3},
        }
        assert [one["key"] for one in told["alarms"]] == [f"address:{UNIT}"]
        client.close()
        assert rtpd.end() == 0
    assert reftek.held(tmp_path / "raw").keys() == set(EVENT)


def test_after_kill_9_the_ring_goes_on_and_the_archive_has_each_once(tmp_path: Path) -> None:
    parts = [EVENT[at : at + 12] for at in range(0, len(EVENT), 12)]
    sent: list[bytes] = []
    for part in parts:
        with running(tmp_path) as rtpd:
            client = Client(rtpd.ports["clients"])
            rtpd.udp(*part)
            assert client.packets(len(part)) == part  # and nothing of before
            client.close()
            sent += part
            assert rtpd.end(signal.SIGKILL) == -signal.SIGKILL
        assert _ring(tmp_path) == (0, sent)
    with running(tmp_path) as rtpd:
        assert rtpd.total("packets_archived", len(sent))["levels"]["ring_packets"] == len(sent)
        assert rtpd.end() == 0
    held = reftek.held(tmp_path / "raw")

    assert held.total() == len(EVENT)
    assert held.keys() == set(EVENT)


class Sender:
    """A sender of our own link over a socket, with a clock that follows the real one."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(0.05)
        self.place = ("127.0.0.1", port)
        self.sender = LinkSender(int(UNIT, 16), lambda: 77)

    def turn(self) -> None:
        """Send what is due, and hear what comes within a moment."""
        for octets in self.sender.to_send(time.time_ns()):
            self.socket.sendto(octets, self.place)
        try:
            octets = self.socket.recv(2048)
        except (TimeoutError, ConnectionError):
            return
        self.sender.take(octets, time.time_ns())


def test_a_link_is_acknowledged_over_kill_9_and_loses_nothing(tmp_path: Path) -> None:
    field = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    field.bind(("127.0.0.1", 0))
    sender = Sender(field.getsockname()[1])
    more = handing_over({"field": field})
    for part in (EVENT[:10], EVENT[10:50], EVENT[50:]):
        for one in part:
            sender.sender.offer(one)
        before = sender.sender.acknowledged
        with running(tmp_path, **more) as rtpd:
            while sender.sender.acknowledged < before + len(part) // 2:
                sender.turn()
            rtpd.end(signal.SIGKILL)
    with running(tmp_path, **more) as rtpd:
        while sender.sender.pending:
            sender.turn()
        assert rtpd.end() == 0
    _, held = _ring(tmp_path)
    field.close()
    sender.socket.close()

    assert held == EVENT


def test_datagrams_wait_in_a_socket_that_was_handed_over(tmp_path: Path) -> None:
    field = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    field.bind(("127.0.0.1", 0))
    clients = socket.socket()
    clients.bind(("127.0.0.1", 0))
    clients.listen()
    more = handing_over({"field": field, "clients": clients})
    with running(tmp_path, **more) as rtpd:
        assert rtpd.ports["field"] == field.getsockname()[1]
        assert "(handed over)" in rtpd.hear("listens for field")
        rtpd.udp(*EVENT[:5])
        rtpd.total("packets_delivered", 5)
        assert rtpd.end() == 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for one in EVENT[5:10]:
            sock.sendto(one, field.getsockname())
    with running(tmp_path, **more) as rtpd:
        rtpd.total("packets_delivered", 5)
        assert rtpd.end() == 0
    field.close()
    clients.close()

    assert _ring(tmp_path) == (0, EVENT[:10])


def test_a_reload_changes_what_is_allowed_and_loses_no_packet(rtpd: Running) -> None:
    client = Client(rtpd.ports["clients"])
    rtpd.udp(*EVENT[:4])
    path = rtpd.home / "rtpd.toml"
    path.write_text(SETTINGS + f'[allow]\nunits = ["{OTHER}"]\n[ring]\npackets = 512\n')
    rtpd.process.send_signal(signal.SIGHUP)
    assert "allow.units" in rtpd.hear("reloaded:")
    assert "ring.packets" in rtpd.hear("need a restart")
    rtpd.udp(EVENT[4])
    rtpd.total("packets_refused", 1)
    path.write_text("allow = 5")
    rtpd.process.send_signal(signal.SIGHUP)
    assert "stay as they were" in rtpd.hear("reload: ", 2)
    path.write_text(SETTINGS)
    rtpd.process.send_signal(signal.SIGHUP)
    rtpd.hear("reloaded:", 2)
    rtpd.udp(*EVENT[4:])

    assert client.packets(len(EVENT)) == EVENT
    client.close()
    assert rtpd.end() == 0


def test_a_full_disk_is_an_alarm_and_takes_nothing_until_there_is_room(tmp_path: Path) -> None:
    full = SETTINGS.replace("min_free_gb = 0", "min_free_gb = 1000000000")
    with running(tmp_path, full) as rtpd:
        client = Client(rtpd.ports["clients"])
        rtpd.udp(*EVENT[:3])
        told = rtpd.total("packets_unroomed", 3)
        assert "disk:spool" in [one["key"] for one in told["alarms"]]
        assert told["troubles"]
        (tmp_path / "rtpd.toml").write_text(SETTINGS)
        rtpd.process.send_signal(signal.SIGHUP)
        rtpd.hear("reloaded:")
        rtpd.udp(*EVENT)

        assert client.packets(len(EVENT)) == EVENT
        rtpd.until(lambda told: not [a for a in told["alarms"] if a["key"] == "disk:spool"])
        client.close()
        assert rtpd.end() == 0


def test_the_archivers_death_costs_nothing(rtpd: Running) -> None:
    def archiver() -> int:
        found = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(rtpd.process.pid)],
            capture_output=True,
            text=True,
            check=True,
        )
        pids = [int(one) for one in found.stdout.split()]
        return pids[0] if pids else 0

    rtpd.udp(*EVENT[:10])
    rtpd.total("packets_archived", 10)
    os.kill(archiver(), signal.SIGKILL)
    rtpd.udp(*EVENT[10:])
    rtpd.total("packets_archived", len(EVENT))

    assert "signal 9" in rtpd.hear("the archiver ended")
    assert rtpd.end() == 0
    assert reftek.held(rtpd.home / "raw").total() == len(EVENT)


def test_one_receiver_reads_from_another_and_comes_back_to_it(tmp_path: Path) -> None:
    near, far = tmp_path / "near", tmp_path / "far"
    near.mkdir()
    far.mkdir()
    clients = socket.socket()
    clients.bind(("127.0.0.1", 0))
    clients.listen()
    more = handing_over({"clients": clients})
    port = clients.getsockname()[1]
    chain = f'[[upstream]]\nhost = "127.0.0.1"\nport = {port}\n'
    with running(near, SETTINGS + chain) as reader:
        client = Client(reader.ports["clients"])
        for part in (EVENT[:30], EVENT[30:]):
            with running(far, **more) as source:
                source.until(lambda told: told["clients"])
                source.udp(*part)
                assert client.packets(len(part)) == part
                assert source.end(signal.SIGKILL)
        told = reader.status()
        assert [one["how"] for one in told["sources"]] == ["upstream"]
        client.close()
        assert reader.end() == 0
    clients.close()

    assert reftek.held(near / "raw").total() == len(EVENT)


class SeedLinkClient:
    """A client of SeedLink 4 that wants everything, from a sequence on."""

    def __init__(self, port: int, after: str = "ALL") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.stream = self.socket.makefile("rb")
        for line in ("SLPROTO 4.0", "STATION *", f"DATA {after}"):
            self.socket.sendall(line.encode() + b"\r\n")
            assert self.stream.readline() == b"OK\r\n"
        self.socket.sendall(b"END\r\n")

    def records(self, count: int) -> list[tuple[int, bytes]]:
        """Return the next records with their sequences."""
        found = []
        for _ in range(count):
            head = self.stream.read(17)
            assert head[:2] == b"SE"
            self.stream.read(head[16])
            octets = self.stream.read(int.from_bytes(head[4:8], "little"))
            found.append((int.from_bytes(head[8:16], "little"), octets))
        return found

    def close(self) -> None:
        self.stream.close()
        self.socket.close()


def test_seedlink_clients_find_their_place_after_kill_9(tmp_path: Path) -> None:
    settings = SETTINGS.replace("[spool]", 'seedlink = "127.0.0.1:0"\n[spool]')
    data = [one for one in EVENT if one[:2] == b"DT"]
    with running(tmp_path, settings) as rtpd:
        rtpd.udp(*EVENT)
        client = SeedLinkClient(rtpd.ports["seedlink"])
        before = client.records(2 * len(data))  # 500 samples of 16 bits fill more than one
        client.close()
        assert rtpd.end(signal.SIGKILL)
    more = reftek.event(UNIT, seconds=10, number=2, at_s=90)
    with running(tmp_path, settings) as rtpd:
        client = SeedLinkClient(rtpd.ports["seedlink"])
        assert client.records(len(before)) == before
        late = SeedLinkClient(rtpd.ports["seedlink"], after=str(before[-3][0]))
        assert late.records(3)[-3:] == before[-3:]
        rtpd.udp(*more)
        fresh = client.records(2 * len([one for one in more if one[:2] == b"DT"]))
        for one in (client, late):
            one.close()
        assert rtpd.end() == 0

    bodies = [octets[64 : 64 + 2 * int.from_bytes(octets[30:32])] for _, octets in before]
    assert [one[24:] for one in data] == [a + b for a, b in zip(*[iter(bodies)] * 2, strict=True)]
    assert [one for one, _ in before + fresh] == sorted({one for one, _ in before + fresh})


def test_a_ringserver_gets_every_record_once_over_its_own_end_and_kill_9(tmp_path: Path) -> None:
    data = [one for one in EVENT if one[:2] == b"DT"]
    more = reftek.event(UNIT, seconds=10, number=2, at_s=90)
    many = 2 * len(data)  # 500 samples of 16 bits fill more than one
    with looping() as loop:
        server = RingServer()
        loop.run(server.start())
        told = SETTINGS + f'[[datalink]]\nhost = "127.0.0.1"\nport = {server.port}\n'
        with running(tmp_path, told) as rtpd:
            rtpd.udp(*EVENT[:40])
            loop.until(lambda: len(server.ring) == 2 * sum(one in data for one in EVENT[:40]))
            loop.run(server.stop())
            rtpd.udp(*EVENT[40:])
            rtpd.total("packets_delivered", len(EVENT))
            rtpd.until(lambda told: [a for a in told["alarms"] if a["what"] == "upstream"])
            loop.run(server.start())
            loop.until(lambda: len(server.ring) == many)
            (row,) = rtpd.until(lambda told: told["clients"][0]["lag"] == 0)["clients"]

            assert (row["how"], row["name"]) == ("datalink", f"127.0.0.1:{server.port}")
            rtpd.until(lambda told: not told["alarms"])
            assert rtpd.end(signal.SIGKILL)
        with running(tmp_path, told) as rtpd:
            rtpd.udp(*more)
            loop.until(lambda: len(server.ring) == many + 2 * (len(more) - 2))
            assert rtpd.end() == 0
        loop.run(server.stop())

    bodies = [one.data[64 : 64 + 2 * int.from_bytes(one.data[30:32])] for one in server.ring]
    assert [one[24:] for one in data + [one for one in more if one[:2] == b"DT"]] == [
        a + b for a, b in zip(*[iter(bodies)] * 2, strict=True)
    ]


def test_datagrams_that_found_no_room_are_counted_and_are_an_alarm(tmp_path: Path) -> None:
    small = SETTINGS.replace("[spool]", "receive_mb = 0.1\n[spool]")
    with running(tmp_path, small) as rtpd:
        rtpd.process.send_signal(signal.SIGSTOP)
        rtpd.udp(*(EVENT * 10))
        rtpd.process.send_signal(signal.SIGCONT)
        told = rtpd.until(lambda told: told["totals"]["datagrams_dropped"])
        total = told["totals"]["datagrams_dropped"] + told["totals"]["datagrams"]

        assert total == 10 * len(EVENT)
        assert "drops:field" in [one["key"] for one in told["alarms"]]
        assert rtpd.end() == 0


def test_a_port_that_is_taken_names_who_has_it(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        (tmp_path / "rtpd.toml").write_text(
            SETTINGS.replace('clients = "127.0.0.1:0"', f'clients = "127.0.0.1:{port}"')
        )
        rtpd = Running(tmp_path, {})

        assert rtpd.end(0) == 4
    (line,) = rtpd.said
    assert f"listen.clients: 127.0.0.1:{port}/tcp is taken by " in line
    assert "choose another port" in line


def test_a_folder_that_another_receiver_uses_is_refused(rtpd: Running) -> None:
    second = Running(rtpd.home, {})

    assert second.end(0) == 4
    assert str(rtpd.home / "rtpd" / "spool") in "".join(second.said)


class Watchdog:
    """Hears what a receiver tells of itself."""

    def __init__(self, place: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(place))
        self.socket.settimeout(30)

    def hear(self, key: str) -> dict[str, str]:
        """Return the next message that has a key."""
        while True:
            lines = self.socket.recv(8192).decode().split("\n")
            told = dict(line.split("=", 1) for line in lines)
            if key in told:
                return told


def test_the_heartbeat_tells_what_moved(tmp_path: Path) -> None:
    watchdog = Watchdog(tmp_path / "notify")
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
    with running(tmp_path, environ=environ) as rtpd:
        assert watchdog.hear("READY")["MAINPID"] == str(rtpd.process.pid)
        rtpd.udp(*EVENT)
        while (told := watchdog.hear("WATCHDOG"))["X_PORTBOOK_PACKETS"] != str(len(EVENT)):
            pass
        assert told["X_PORTBOOK_WAITING"] == "0"
        rtpd.process.send_signal(signal.SIGHUP)
        watchdog.hear("RELOADING")
        watchdog.hear("READY")
        assert rtpd.end() == 0
        watchdog.hear("STOPPING")
    watchdog.socket.close()
    assert "NOTIFY_SOCKET" in VARIABLES  # so that a watchdog never hands its own on


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_in_good_order(rtpd: Running, number: int) -> None:
    client = Client(rtpd.ports["clients"])

    assert rtpd.end(number) == 0
    assert client.socket.recv(6)[:2] == b"\0\x08"  # BREAK
    client.close()


def test_nothing_heavy_is_loaded_before_it_listens(tmp_path: Path) -> None:
    code = (
        "import sys, portbook.daemons.running.rtpd, portbook.daemons.running.parts\n"
        f"print([one for one in {HEAVY!r} if one in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=program.environment(tmp_path),
        check=True,
    )

    assert done.stdout == "[]\n"
