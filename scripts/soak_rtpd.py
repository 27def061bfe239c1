"""Soak: kill -9 and SIGSTOP a receiver under `portbook rtpid`, again and again, under load.

    scripts/soak --folder /tmp/soak --kills 1000 --stops 100

Meanwhile recorders send over PBL1 (acknowledged) and as plain datagrams, and clients connect all
the time. It counts refused connections, and how long it takes to notice and to serve again. At the
end the archive is read: no file damaged, no acknowledged packet lost, each there once. It goes on
where it was stopped: the state stands in FOLDER/soak.json. It leaves with 1 when anything of this
did not hold; times are told, and fail it only with --strict.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from portbook.daemons.watchdog import holding, restarts
from portbook.emulators.reftek import dates, writer
from portbook.emulators.reftek.linked import Linked
from portbook.emulators.reftek.weather import Weather

NANO = 1_000_000_000
LINKED, PLAIN = (0xD001, 0xD002), (0xB001, 0xB002)  # units
SAMPLES, STEP_NS = 250, 2_500_000_000  # of a packet at 100 samples/s
EVENT = 9000  # packets
SKIPPED = 5000  # packet numbers left out at a new beginning: the state may be that old
HELLO = b"\0\1\0\0\0\0"
PATIENCE_S = 60.0
NOTICE_S, AGAIN_S = 2.0, 1.0
SETTINGS = """
folder = "rtpd"
[listen]
field = "127.0.0.1:{field}"
clients = "127.0.0.1:{clients}"
status = "127.0.0.1:{status}"
[archive]
raw = "raw"
min_free_gb = 0
[watchdog]
backoff_s = 0 # one after the other dies here, and not by its own fault
most_backoff_s = 0
"""


class State:
    """What has to survive an end of the soak itself."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            told = json.loads(path.read_text())
        except FileNotFoundError:
            told = {}
        self.begun_ns: int = told.get("begun_ns") or time.time_ns() - 30 * 86400 * NANO
        names = ("field", "clients", "status")
        self.ports: dict[str, int] = told.get("ports") or {name: _free() for name in names}
        self.counts: Counter[str] = Counter(told.get("counts", {}))
        self.notice_s: dict[str, list[float]] = told.get("notice_s", {"kill": [], "stop": []})
        self.again_s: dict[str, list[float]] = told.get("again_s", {"kill": [], "stop": []})
        self.seen_s: dict[str, list[float]] = told.get("seen_s", {"kill": [], "stop": []})
        # by unit: number of the next packet; and of each session the first, and how many are safe
        self.next: dict[str, int] = told.get("next", {})
        self.safe: dict[str, list[list[int]]] = told.get("safe", {})

    def write(self) -> None:
        """Write it down as a whole."""
        told = {key: value for key, value in vars(self).items() if not key.startswith("_")}
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(told))
        new.replace(self._path)

    def session(self, unit: int) -> int:
        """Begin a session of a unit; return the number of its first packet."""
        key = f"{unit:04X}"
        first = self.next[key] + SKIPPED if key in self.next else 0
        self.safe.setdefault(key, []).append([first, 0])
        self.next[key] = first
        return first


def packet(unit: int, number: int, begun_ns: int) -> bytes:
    """Return the so-manyth packet of a unit: the same whenever it is asked for."""
    values = struct.pack(f">{SAMPLES}i", *range(number, number + SAMPLES))
    return writer.data(
        unit,
        dates.tag(begun_ns + number * STEP_NS),
        number % EVENT,
        event=1 + number // EVENT,
        stream=0,
        channel=0,
        samples=SAMPLES,
        coding="32",
        body=values,
    )


class Load:
    """Recorders that send and clients that connect, each in a thread, until `end`."""

    def __init__(self, state: State, rate: float) -> None:
        self._state, self._rate = state, rate
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self.left = 0
        works = (self._link, self._plain, self._connect)
        self._threads = [threading.Thread(target=self._guarded, args=(work,)) for work in works]
        self.failed: list[BaseException] = []
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Have what is on its way acknowledged, and end all."""
        self._ending.set()
        for thread in self._threads:
            thread.join()
        if self.failed:
            raise self.failed[0]

    def write(self) -> None:
        """Write the state down."""
        with self._lock:
            self._state.write()

    def count(self, name: str, number: int = 1) -> None:
        """Count something."""
        with self._lock:
            self._state.counts[name] += number

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self.failed.append(error)

    def _paced(self) -> Iterator[int]:
        """Give numbers at our rate until the end."""
        begun, number = time.monotonic(), 0
        while not self._ending.is_set():
            yield number
            number += 1
            self._ending.wait(max(0.0, begun + number / self._rate - time.monotonic()))

    def _link(self) -> None:
        state, target = self._state, ("127.0.0.1", self._state.ports["field"])
        carrier = Linked(target, LINKED, Weather(), 1, lambda: 0)
        with self._lock:
            firsts = {unit: state.session(unit) for unit in LINKED}
        for number in self._paced():
            for unit in LINKED:
                carrier.send(unit, packet(unit, firsts[unit] + number, state.begun_ns))
                self._sent(unit, firsts[unit] + number)
            carrier.attend(time.monotonic_ns() + int(NANO / self._rate / 2))
            self._safe(carrier)
        self.left = carrier.finish(PATIENCE_S)
        self._safe(carrier)
        carrier.close()

    def _safe(self, carrier: Linked) -> None:
        acknowledged = carrier.account()["acknowledged"]
        with self._lock:
            for unit in LINKED:
                self._state.safe[f"{unit:04X}"][-1][1] = acknowledged[unit]

    def _plain(self) -> None:
        state = self._state
        with self._lock:
            firsts = {unit: state.session(unit) for unit in PLAIN}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for number in self._paced():
                for unit in PLAIN:
                    octets = packet(unit, firsts[unit] + number, state.begun_ns)
                    sock.sendto(octets, ("127.0.0.1", state.ports["field"]))
                    self._sent(unit, firsts[unit] + number)

    def _sent(self, unit: int, number: int) -> None:
        with self._lock:
            self._state.next[f"{unit:04X}"] = number + 1

    def _connect(self) -> None:
        address = ("127.0.0.1", self._state.ports["clients"])
        while not self._ending.wait(0.02):
            self.count(asked(address)[0])


def asked(address: tuple[str, int]) -> tuple[str, float]:
    """Connect as a client does; return what became of it, and after how many seconds."""
    begun = time.monotonic()
    what = "answered"
    try:
        with socket.create_connection(address, PATIENCE_S) as client:
            client.sendall(HELLO)
            if client.recv(6) != HELLO:
                what = "cut"
    except ConnectionRefusedError:
        what = "refused"
    except ConnectionError:
        what = "cut"  # it was connected to the one that was killed
    except TimeoutError:
        what = "unanswered"
    return what, time.monotonic() - begun


class Watchdog:
    """The watchdog that is tried, and what it writes down."""

    def __init__(self, folder: Path, state: State) -> None:
        self.rtpd = folder / "rtpd"
        self._address = ("127.0.0.1", state.ports["clients"])
        self._status = f"http://127.0.0.1:{state.ports['status']}/status"
        config = folder / "rtpd.toml"
        config.write_text(SETTINGS.format(**state.ports))
        self._log = (folder / "log").open("ab")
        self._from = self._size()
        self._news: list[dict[str, Any]] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "portbook", "rtpid", "--config", config],
            stderr=self._log,
            cwd=folder,
        )
        self.serving()

    def serving(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Wait until a receiver serves again; return the lines of the end before, and of that."""
        until = time.monotonic() + PATIENCE_S
        while True:
            self._read()
            kinds = [line["kind"] for line in self._news]
            if "serving" in kinds:
                at = kinds.index("serving")
                end = next((line for line in self._news[:at] if line["kind"] == "end"), {})
                again = self._news[at]
                del self._news[: at + 1]
                return end, again
            if self._process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"nobody serves; see {self._log.name}")
            time.sleep(0.01)

    def hit(self, number: int) -> tuple[float, float, float]:
        """Send a signal to the receiver; return seconds to notice, to serve, and as a client sees.

        The last from the signal to the first answer that a client gets that comes at once.
        """
        pid = holding.lives(holding.read(str(self.rtpd)), "rtpd")
        at_s = time.time()
        begun = time.monotonic()
        os.kill(pid, number)
        while asked(self._address)[0] != "answered":
            if time.monotonic() - begun > PATIENCE_S:
                raise SystemExit(f"no answer for {PATIENCE_S:g} s; see {self._log.name}")
        seen_s = time.monotonic() - begun
        end, again = self.serving()
        return _seconds(end["time"]) - at_s, float(again["outage_s"]), seen_s

    def settle(self) -> None:
        """Wait until everything in the spool is archived: an end does not wait for it."""
        until = time.monotonic() + PATIENCE_S
        time.sleep(2.1)  # what the status tells is new once a second
        while True:
            with urllib.request.urlopen(self._status, timeout=PATIENCE_S) as answer:
                waiting = json.load(answer)["levels"]["spool_waiting_packets"]
            if not waiting:
                return
            if time.monotonic() > until:
                raise SystemExit(f"{waiting} packets are not archived; see {self._log.name}")
            time.sleep(0.5)

    def stop(self) -> int:
        """End it in good order; return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(PATIENCE_S)
        self._log.close()
        return code

    def _size(self) -> int:
        path = self.rtpd / restarts.NAME
        return path.stat().st_size if path.exists() else 0

    def _read(self) -> None:
        """Read on in what the watchdog writes down; it begins a new file at a mebibyte."""
        size = self._size()
        if size < self._from:
            self._from = 0
        if size > self._from:
            with (self.rtpd / restarts.NAME).open("rb") as file:
                file.seek(self._from)
                octets = file.read()
            whole = octets[: octets.rfind(b"\n") + 1]
            self._from += len(whole)
            self._news += [json.loads(line) for line in whole.splitlines()]


def _seconds(stamp: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(stamp).timestamp()


def _free() -> int:
    with socket.socket() as tcp:
        tcp.bind(("127.0.0.1", 0))
        port: int = tcp.getsockname()[1]
        return port


def checked(raw: Path, state: State) -> dict[str, int]:
    """Read the archive; return what is wrong with it, by name, and what is there."""
    found: Counter[str] = Counter(damaged=0, doubled=0, lost=0, strange=0, packets=0)
    held: dict[int, Counter[int]] = {unit: Counter() for unit in (*LINKED, *PLAIN)}
    for path in sorted(raw.glob("[0-9]*/*/*/*")):
        octets = path.read_bytes()
        found["damaged"] += len(octets) % writer.SIZE != 0
        for at in range(0, len(octets) - writer.SIZE + 1, writer.SIZE):
            one = octets[at : at + writer.SIZE]
            unit, number = int.from_bytes(one[4:6]), int.from_bytes(one[24:28])
            if unit in held and one == packet(unit, number, state.begun_ns):
                held[unit][number] += 1
            else:
                found["strange"] += 1
    for unit, numbers in held.items():
        key = f"{unit:04X}"
        found["packets"] += len(numbers)
        found["doubled"] += numbers.total() - len(numbers)
        safe = {n for first, count in state.safe.get(key, []) for n in range(first, first + count)}
        found["acknowledged"] += len(safe)
        found["lost"] += len(safe - numbers.keys())
        if unit in PLAIN:
            found["plain"] += len(numbers)
    return dict(found)


def cycle(watchdog: Watchdog, load: Load, state: State, what: str) -> None:
    """Hit once, and write down how it went."""
    time.sleep(random.uniform(0.2, 1.2))
    number = signal.SIGKILL if what == "kill" else signal.SIGSTOP
    notice_s, again_s, seen_s = watchdog.hit(number)
    state.notice_s[what].append(round(notice_s, 3))
    state.again_s[what].append(round(again_s, 3))
    state.seen_s[what].append(round(seen_s, 3))
    load.count(f"{what}s")
    load.write()


def told(state: State, archive: dict[str, int], left: int) -> dict[str, Any]:
    """Return the report."""
    plain = sum(state.next[f"{unit:04X}"] for unit in PLAIN)
    plain -= sum(first for unit in PLAIN for first, _ in _gaps(state, f"{unit:04X}"))
    report: dict[str, Any] = {"counts": dict(state.counts), "archive": archive, "left": left}
    report["plain_sent_about"] = plain
    for name in ("notice_s", "again_s", "seen_s"):
        for what, values in getattr(state, name).items():
            if values:
                middle = statistics.median(values)
                report[f"{what}_{name}"] = {"p50": round(middle, 3), "max": max(values)}
    return report


def _gaps(state: State, unit: str) -> list[list[int]]:
    """Return the numbers that were left out at new beginnings, as [count, 0]."""
    return [[SKIPPED, 0]] * (len(state.safe.get(unit, [])) - 1)


def faults(report: dict[str, Any], strict: bool) -> list[str]:
    """Return what did not hold."""
    counts, archive = report["counts"], report["archive"]
    found = [f"{counts[name]} {name}" for name in ("refused", "unanswered") if counts.get(name)]
    wrong = [name for name in ("damaged", "doubled", "lost", "strange") if archive[name]]
    found += [f"{archive[name]} {name} in the archive" for name in wrong]
    if report["left"]:
        found.append(f"{report['left']} packets were never acknowledged")
    if strict:
        for what in ("kill", "stop"):
            for name, most in (("notice_s", NOTICE_S), ("again_s", AGAIN_S)):
                worst = report.get(f"{what}_{name}", {"max": 0})["max"]
                if worst > most:
                    found.append(f"{what}: {name} {worst} is above {most}")
    return found


def main() -> int:
    """Soak, and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--stops", type=int, default=100)
    parser.add_argument("--rate", type=float, default=20.0, help="packets a second and unit")
    parser.add_argument("--strict", action="store_true", help="fail on times as well")
    words = parser.parse_args()
    words.folder.mkdir(parents=True, exist_ok=True)
    state = State(words.folder.absolute() / "soak.json")
    watchdog = Watchdog(words.folder.absolute(), state)
    load = Load(state, words.rate)
    try:
        for what in _order(
            words.kills - state.counts["kills"], words.stops - state.counts["stops"]
        ):
            cycle(watchdog, load, state, what)
            done = state.counts["kills"] + state.counts["stops"]
            if not done % 50:
                print(f"{done} of {words.kills + words.stops}", file=sys.stderr, flush=True)
    finally:
        load.end()
        load.write()
        watchdog.settle()
        code = watchdog.stop()
    report = told(state, checked(words.folder / "raw", state), load.left)
    wrong = faults(report, words.strict)
    if code:
        wrong.append(f"the watchdog ended with {code}")
    print(json.dumps({**report, "wrong": wrong}, indent=1))
    return 1 if wrong else 0


def _order(kills: int, stops: int) -> list[str]:
    """Return what is to be done still, freezes spread among the deaths."""
    left = ["kill"] * max(0, kills) + ["stop"] * max(0, stops)
    random.shuffle(left)
    return left


if __name__ == "__main__":
    sys.exit(main())
