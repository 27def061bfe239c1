"""How long the list of this machine's sockets takes, beside ss, in one run.

    python benchmarks/listeners.py [SOCKETS [PROCESSES]]

Opens 20,000 sockets in 60 processes on 127/8: half listen on TCP, a tenth hear UDP, the rest are
connections. Prints milliseconds: the best and the middle of the runs, which take turns so that a
busy machine is busy for all of them.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from portbook.evidence.listeners import listeners

RUNS = 9
FINE = (0, 3)  # 3: all that could be seen was told, something stayed hidden
SPARE = 64  # descriptors that a process needs beside its sockets


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    processes = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    # an installed program stands compiled; with this set, one in a work tree never would
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with crowd(count, processes) as port:
        print(f"{count} sockets in {processes} processes, {RUNS} runs each, milliseconds")
        ways = dict(contenders(port))
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(RUNS):
            for name, run in ways.items():
                began = time.perf_counter()
                run()
                taken[name].append(1000 * (time.perf_counter() - began))
        show(taken)


def contenders(port: int) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "library, all, with owners", lambda: listeners(now_ns=0)
    yield "library, one port, with owners", lambda: listeners(port, now_ns=0)
    yield "library, all, psutil", lambda: listeners(now_ns=0, way="psutil")
    if shutil.which("ss"):
        yield "ss -tulnp", lambda: run("ss", "-tulnp")
        yield "ss -tulnp, one port", lambda: run("ss", "-tulnp", "sport", "=", f":{port}")
    here = [sys.executable, "-m", "portbook", "here"]
    if subprocess.run([*here, "--port", "1"], capture_output=True, check=False).returncode in FINE:
        yield "portbook here --jsonl", lambda: run(*here, "--jsonl")
        yield "portbook here --port", lambda: run(*here, "--jsonl", "--port", str(port))


def run(*command: str) -> None:
    # both write to the same place: a pipe that is read to its end
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode not in FINE:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: nothing to compare")


def show(taken: dict[str, list[float]]) -> None:
    rival = min(taken.get("ss -tulnp", [float("nan")]))
    for name, times in taken.items():
        best, middle = min(times), statistics.median(times)
        print(f"{name:32} best {best:7.1f}  middle {middle:7.1f}  of ss {best / rival:5.2f}")


@contextmanager
def crowd(count: int, processes: int) -> Iterator[int]:
    """Open the sockets; give one port that somebody listens on."""
    each = count // processes
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < each + SPARE:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(each + SPARE, hard), hard))
    ready, tell = os.pipe()
    children = []
    try:
        for index in range(processes):
            child = os.fork()
            if child == 0:
                hold(index, each, tell)
            children.append(child)
        os.close(tell)
        ports = [int(os.read(ready, 6)) for _ in range(processes)]
        yield ports[processes // 2]
    finally:
        os.close(ready)
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def hold(index: int, each: int, tell: int) -> None:
    """Open one process's share, say so, and wait for the end."""
    try:
        host = f"127.{1 + index // 250}.{1 + index % 250}.1"
        kept = [listening(host) for _ in range(each // 2)]
        kept += [hearing(host) for _ in range(each // 10)]
        while len(kept) + 2 <= each:
            client = socket.create_connection(kept[0].getsockname())
            kept += [client, kept[0].accept()[0]]
        os.write(tell, b"%6d" % kept[0].getsockname()[1])
        signal.pause()
    finally:
        os._exit(1)


def listening(host: str) -> socket.socket:
    made = socket.socket()
    made.bind((host, 0))
    made.listen()
    return made


def hearing(host: str) -> socket.socket:
    made = socket.socket(type=socket.SOCK_DGRAM)
    made.bind((host, 0))
    return made


if __name__ == "__main__":
    main()
