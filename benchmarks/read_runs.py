"""Runs programs in turn, each a process of its own on chosen cores, and keeps the best of each."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Program(NamedTuple):
    """Something to run.

    command: the words; cores: how many it may use; packets: how many it gets to read;
    source: the command whose output it gets on standard input; peer: not ours, so it may fail
    """

    name: str
    command: Sequence[str]
    packets: int
    cores: int = 1
    environment: Mapping[str, str] = {}
    source: Sequence[str] = ()
    peer: bool = False


class Run(NamedTuple):
    """What one program took: the shortest of its turns, and the most memory of them.

    cpu_seconds: of all its processes, which others on the same core do not lengthen
    """

    seconds: float
    octets: int  # peak of resident memory
    packets: int
    cpu_seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Return packets a second."""
        return self.packets / self.seconds


class FailedError(Exception):
    """A program that was to be measured ended with an error."""


def turns(programs: Iterable[Program], count: int, missing: dict[str, str]) -> dict[str, Run]:
    """Run every program `count` times, one after the other in each turn.

    missing: gets the peers that failed, with what they wrote
    Raises FailedError with what the program wrote when another does not end with 0.
    """
    best: dict[str, Run] = {}
    listed = list(programs)
    for turn in range(count):
        for program in [one for one in listed if one.name not in missing]:
            try:
                run = measured(program)
            except FailedError as error:
                if not program.peer:
                    raise
                missing[program.name] = str(error)
                best.pop(program.name, None)
                continue
            before = best.get(program.name, run)
            best[program.name] = Run(
                min(run.seconds, before.seconds),
                max(run.octets, before.octets),
                run.packets,
                min(run.cpu_seconds, before.cpu_seconds),
            )
            said = f"{program.name}: {run.seconds:.2f} s, {run.octets / 1e6:.0f} MB"
            print(f"  turn {turn + 1} of {count}: {said}", file=sys.stderr, flush=True)
    return best


def measured(program: Program) -> Run:
    """Run a program once, its output thrown away."""
    cores = sorted(os.sched_getaffinity(0))
    # the last ones: what else the system does is mostly on the first
    mine = set(cores[-program.cores :])
    with tempfile.TemporaryFile() as errors:
        source = None
        if program.source:
            source = subprocess.Popen(
                program.source,
                stdout=subprocess.PIPE,
                stderr=errors,
                preexec_fn=lambda: os.sched_setaffinity(0, set(cores[:1])),
            )
        began = time.perf_counter()
        child = subprocess.Popen(
            program.command,
            stdin=source.stdout if source else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={**os.environ, **program.environment},
            preexec_fn=lambda: os.sched_setaffinity(0, mine),
        )
        if source and source.stdout:
            source.stdout.close()
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        fed = source.wait() if source else 0
        if child.returncode or fed:
            errors.seek(0)
            lines = errors.read()[-2000:].decode(errors="replace").strip().splitlines()
            code = child.returncode or fed
            raise FailedError(f"{program.name} ended with {code}: {lines[-1] if lines else ''}")
    cpu_seconds = used.ru_utime + used.ru_stime
    return Run(seconds, used.ru_maxrss * 1024, program.packets, cpu_seconds)


def warm(path: Path) -> None:
    """Read a file once, so that nobody is the one who waits for the disk."""
    with path.open("rb", buffering=0) as file:
        block = bytearray(1 << 20)
        while file.readinto(block):
            pass
