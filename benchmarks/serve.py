"""How fast `portbook serve` answers, how much its pages weigh, how soon its viewers know.

    python benchmarks/serve.py [--sightings 1000000] [--viewers 500] [--seconds 8] [--book FILE]

As asked for: a port's page within 50 ms and 100 kB with all that it loads; 1,000 of them a second
with the load generator on the same cores; 500 live viewers; and the same with a million sightings
in the book. The server is the real program; `book.py` makes the book, unless one is given,
which is then written to.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple
from urllib.parse import urlsplit

import psutil
from serve_load import CONNECTIONS, WRK, arrivals, load, viewers

from portbook.book import Book
from portbook.ports import Transport
from portbook.records import Service

SERVE = (sys.executable, "-m", "portbook", "serve", "--listen", "127.0.0.1:0")
GOAL_MS, GOAL_OCTETS, GOAL_RATE = 50, 100_000, 1000
TURNS = 12  # a list is asked for so often, each time by another address
RUN = int(time.time()) % 0xFFFF + 1
CHANGES = 10  # in the book, while viewers look
ADDRESSES = (
    "/",
    "/services",
    "/services?order=-last",
    "/services?text=modbus&host=10.0.0.0/8",
    "/services?protocol=modbus",
    "/devices",
    "/devices?text=plc",
    "/announcements",
    "/findings?level=warning",
    "/search?q=modbus",
    "/search?q=plc-774095",
)


class Got(NamedTuple):
    """One answer."""

    ms: float
    octets: int
    status: int
    text: str


class Server:
    """The real `portbook serve`, with a home of its own."""

    def __init__(self, folder: Path, book: Path) -> None:
        self.book = book
        self._log = (folder / "serve.log").open("wb")
        began = time.monotonic()
        self._process = subprocess.Popen(
            [*SERVE, "--book", str(book)],
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)},
            text=True,
        )
        assert self._process.stdout is not None
        said = re.search(r"https?://[^ ]+", self._process.stdout.readline())
        if said is None:
            raise SystemExit((folder / "serve.log").read_text())
        self.home = said[0].rstrip("/")
        self.start_s = time.monotonic() - began
        self._connection = http.client.HTTPConnection(urlsplit(self.home).netloc, timeout=120)

    def ask(self, path: str, **headers: str) -> Got:
        """Ask once, over a connection that is kept."""
        began = time.perf_counter()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request("GET", path, headers=named)
        answer = self._connection.getresponse()
        body = answer.read()
        took = 1000 * (time.perf_counter() - began)
        plain = answer.getheader("content-encoding") is None
        return Got(took, len(body), answer.status, body.decode() if plain else "")

    def octets(self) -> int:
        """Return how much memory it holds."""
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def end(self) -> None:
        """End it, as a person would."""
        self._connection.close()
        self._process.send_signal(signal.SIGINT)
        self._process.wait(20)
        self._log.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sightings", type=int, default=1_000_000)
    parser.add_argument("--viewers", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--book", type=Path)
    asked = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program stands compiled
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), asked) as server:
        print(f"begins within {server.start_s:.1f} s, {server.octets() >> 20} MiB")
        single(server)
        weight(server)
        lists(server)
        crowd(server, asked.seconds)
        live(server, asked.viewers, asked.seconds)
        print(f"in the end {server.octets() >> 20} MiB")


@contextmanager
def serving(folder: Path, asked: argparse.Namespace) -> Iterator[Server]:
    book = asked.book or folder / "book.sqlite"
    if asked.book is None:
        from book import fill

        fill(book, asked.sightings)
    with Book.open(book, readonly=True) as opened:
        size = opened.size()
    count = sum(size.sightings.values())
    print(f"a book of {count:,} sightings, {size.octets >> 20} MiB")
    server = Server(folder, book)
    try:
        yield server
    finally:
        server.end()


def single(server: Server) -> None:
    """Time pages of ports that nobody has asked for, and the same ones again."""
    ports = Random(1).sample(range(65536), 100)
    server.ask("/1743")  # templates are compiled once in the life of a server
    first, again = ([server.ask(f"/{port}").ms for port in ports] for _ in range(2))
    print("page of a port, made:   " + told(first), goal(max(first) <= GOAL_MS))
    print("page of a port, kept:   " + told(again))


def weight(server: Server) -> None:
    """Weigh a port's page with all that it loads."""
    page = server.ask("/1743").text
    parts = sorted(set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page)))
    paths = ("/1743", *parts)
    plain = {path: server.ask(path).octets for path in paths}
    packed = sum(server.ask(path, accept_encoding="gzip").octets for path in paths)
    each = ", ".join(f"{path} {octets:,}" for path, octets in plain.items())
    total = sum(plain.values())
    print(f"weight: {total:,} octets, {packed:,} packed ({each})", goal(total <= GOAL_OCTETS))


def lists(server: Server) -> None:
    """Time what must look through the whole book; each answer is made anew."""
    for path in ADDRESSES:
        mark = "&" if "?" in path else "?"
        got = [server.ask(f"{path}{mark}turn={turn}") for turn in range(TURNS)]
        took = [one.ms for one in got]
        wrong = sorted({one.status for one in got} - {200})
        fine = max(took) <= GOAL_MS and not wrong
        print(f"{path:40} " + told(took), goal(fine), *wrong)


def crowd(server: Server, seconds: float) -> None:
    """Let readers ask for port pages as fast as they can."""
    print(f"{'wrk' if WRK else 'a client of our own'}, {CONNECTIONS} connections, same cores:")
    ports = Random(2).sample(range(65536), 500)
    server.ask("/1743", accept_encoding="gzip")  # what the first of a page costs is told above
    rated("one page", server, ["/1743"], seconds)
    rated("500 pages in turn", server, [f"/{port}" for port in ports], seconds)


def live(server: Server, count: int, seconds: float) -> None:
    """Let many look while the book changes: how soon do they know, and what do readers get?"""
    written: dict[str, int] = {}
    with viewers(server.home, count) as child, Book.open(server.book) as book:
        for number in range(CHANGES):
            written |= change(book, number)
            time.sleep(0.3 + number % 7 / 10)  # the server asks the book once a second
        time.sleep(2)
        with changing(server.book):
            ports = Random(3).sample(range(65536), 100)
            title = f"100 pages, {count} viewers, changes"
            rated(title, server, [f"/{port}" for port in ports], seconds)
        seen = {mark: sorted(seen) for mark, seen in arrivals(child).items() if mark in written}
    missing = CHANGES * count - sum(map(len, seen.values()))
    waited = [(ns - written[mark]) / 1e6 for mark, times in seen.items() for ns in times]
    spread = [(times[-1] - times[0]) / 1e6 for times in seen.values()]
    print(f"{count} viewers, {CHANGES} changes in the book, {missing} not told:")
    print("  written until shown:  " + told(waited), goal(missing == 0))
    print("  first to last viewer: " + told(spread))


def change(book: Book, number: int) -> dict[str, int]:
    """Write something new in the book; return its mark and when it stood there."""
    now_ns = time.time_ns()
    address = f"fd99::{RUN:x}:{number + 1:x}"  # new also in a book that other runs wrote to
    one = Service(address, 502, Transport.TCP, ("modbus",), ("mbap",), 1, now_ns, now_ns, "eth9")
    book.record("local", "eth9", now_ns, services=[one], whole=False)
    return {address: time.monotonic_ns()}


@contextmanager
def changing(book: Path) -> Iterator[None]:
    """Write in the book each second, from a process of its own."""
    child = subprocess.Popen(
        [sys.executable, "-c", _CHANGING, str(Path(__file__).parent), str(book)]
    )
    try:
        yield
    finally:
        child.kill()
        child.wait()


_CHANGING = """
import sys, time
sys.path.insert(0, sys.argv[1])
from serve import Book, change
with Book.open(sys.argv[2]) as book:
    for number in range(1000, 60_000):
        change(book, number)
        time.sleep(1)
"""


def rated(title: str, server: Server, paths: Sequence[str], seconds: float) -> None:
    got = load(server.home, paths, seconds)
    print(
        f"  {title:36} {got.rate:8,.0f}/s  p50 {got.p50_ms:6.2f} ms, p99 {got.p99_ms:6.2f} ms"
        f"{f', {got.wrong} WRONG' if got.wrong else ''}",
        goal(got.rate >= GOAL_RATE and not got.wrong),
    )


def told(ms: list[float]) -> str:
    ms = sorted(ms)
    return f"p50 {ms[len(ms) // 2]:7.2f} ms, p99 {ms[int(len(ms) * 0.99)]:7.2f} ms"


def goal(reached: bool) -> str:
    return " reached" if reached else " MISSED"


if __name__ == "__main__":
    main()
