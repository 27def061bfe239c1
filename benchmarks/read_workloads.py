"""The workloads of `read.py`: which file, who reads it, and what is to be shown by it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import read_files as files
import read_peers as peers
from read_goals import Goal, Measured
from read_peers import BRIEF, DPKT, FORMS, JOBS, JSON, NDPI, SUMMARY, SURICATA, TSHARK, ours
from read_runs import Program, turns

MB, GIB = 1_000_000, 1 << 30
ALIKE = 0.9  # of a decompressor's speed: what is told apart from it only by measuring
TWICE = 1.8  # of one core's speed on two


class Bench(NamedTuple):
    """What all workloads share.

    folder: of captures, maybe to be kept; scratch: of all else; python: the one that has dpkt
    """

    folder: Path
    scratch: Path
    packets: int
    turns: int
    tshark_packets: int
    pipe_gib: float
    captures: Path | None
    python: str

    def part(self, of: int) -> int:
        """Return a number that was chosen for five million packets, for as many as there are."""
        return max(1, of * self.packets // 5_000_000)


def few(bench: Bench) -> Measured:
    """Many packets in few conversations: the walk over packets counts."""
    path = files.traffic(bench.folder, bench.packets, bench.part(20_000))
    goals = [Goal(ours(form), NDPI, times=5) for form in (BRIEF, JSON)]
    goals += [Goal(ours(form), TSHARK, times=50) for form in (BRIEF, JSON)]
    goals += [Goal(ours(form), octets=100 * MB) for form in FORMS]
    title = f"{bench.packets:,} packets in {bench.part(20_000):,} conversations"
    return _beside(bench, title, path, bench.packets, (NDPI, TSHARK, SURICATA), goals)


def many(bench: Bench) -> Measured:
    """Few packets in each of many conversations: the table and the naming count."""
    path = files.traffic(bench.folder, bench.packets, bench.part(600_000))
    goals = [Goal(ours(SUMMARY), NDPI, times=15), Goal(ours(BRIEF), NDPI, times=4)]
    goals += [Goal(ours(form), octets=400 * MB) for form in (SUMMARY, BRIEF)]
    title = f"{bench.packets:,} packets in {bench.part(600_000):,} conversations"
    return _beside(bench, title, path, bench.packets, (NDPI, SURICATA), goals)


def mix(bench: Bench) -> Measured:
    """Real captures: all sizes of packets, many protocols, damaged ones too."""
    title = "A mix of real captures"
    goals = [Goal(ours(form), NDPI, times=4) for form in (BRIEF, JSON)]
    if bench.captures is None:
        why = "skipped: no folder of captures, name one with --captures"
        return Measured(title, {}, {ours(form): why for form in FORMS}, (NDPI,), tuple(goals))
    path = files.mix(bench.folder, bench.captures, bench.part(2_000_000))
    packets = files.count(path)
    title = f"{title}, {packets:,} packets"
    return _beside(bench, title, path, packets, (NDPI, TSHARK, SURICATA), goals)


def plain(bench: Bench) -> Measured:
    """The first one's like, without compiled code, beside another reader in plain Python."""
    packets, conversations = bench.part(1_000_000), bench.part(20_000)
    path = files.traffic(bench.folder, packets, conversations)
    environment = peers.uncompiled(bench.scratch / "uncompiled")
    programs = [
        peers.reading(form, path, packets=packets)._replace(environment=environment)
        for form in FORMS
        if peers.has(form)
    ]
    missing = _not_there()
    _add_peer(bench, DPKT, path, packets, programs, missing)
    title = f"Without a compiler, {packets:,} packets in {conversations:,} conversations"
    goals = tuple(Goal(ours(form), DPKT, times=4) for form in FORMS)
    return Measured(title, turns(programs, bench.turns, missing), missing, (DPKT,), goals)


def cores(bench: Bench) -> Measured:
    """One core and two: one file, and the same packets in two files."""
    path = files.traffic(bench.folder, bench.packets, bench.part(20_000))
    half = bench.packets // 2
    halves = files.cut(path, half), files.cut(path, bench.packets - half, half)
    programs: list[Program] = []
    missing: dict[str, str] = {}
    goals: list[Goal] = []
    for form in (SUMMARY, JSON):
        for title, captures in (("one file", (path,)), ("two files", halves)):
            if not peers.has(form):
                missing[f"{ours(form)}, {title}"] = peers.NOT_THERE
                continue
            read = peers.reading(form, *captures, packets=bench.packets)
            one, two = f"{read.name}, {title}", f"{read.name} {JOBS} 2, {title}"
            programs.append(read._replace(name=one))
            goals.append(Goal(two, one, times=TWICE))
            if peers.has(JOBS):
                command = [*read.command, JOBS, "2"]
                programs.append(read._replace(name=two, command=command, cores=2))
            else:
                missing[two] = peers.NOT_THERE
    notes = ("memory is that of the largest process",)
    done = turns(programs, bench.turns, missing)
    return Measured("One core and two", done, missing, (), tuple(goals), notes)


def packed(bench: Bench) -> Measured:
    """Packed files, beside the program that only unpacks them; two cores for either."""
    path = files.traffic(bench.folder, bench.packets, bench.part(20_000))
    form = peers.quickest_form()
    programs: list[Program] = []
    missing: dict[str, str] = {}
    goals: list[Goal] = []
    for program in ("gzip", "zstd"):
        name = f"{program} -dc"
        if not peers.installed(program, bench.python):
            missing[name] = peers.ABSENT
            continue
        target = files.packed(path, program)
        read = peers.reading(form, target, packets=bench.packets)
        read = read._replace(name=f"{read.name}, {target.suffix}", cores=2)
        unpack = Program(name, [program, "-dc", str(target)], bench.packets, cores=2, peer=True)
        programs += [unpack, read]
        goals.append(Goal(read.name, name, times=ALIKE))
    read = peers.reading(form, path, packets=bench.packets)
    programs.append(read._replace(name=f"{read.name}, not packed", cores=2))
    done = turns(programs, bench.turns, missing)
    return Measured("Packed files, on two cores", done, missing, (), tuple(goals))


def pipe(bench: Bench) -> Measured:
    """A generator of ever new conversations, through a pipe: memory has to stay bounded."""
    form = peers.quickest_form()
    source = [sys.executable, str(files.HERE / "read_pipe.py"), "--gib", str(bench.pipe_gib)]
    read = peers.reading(form, "-", packets=0)._replace(source=source)
    title = f"{bench.pipe_gib:g} GiB through a pipe, 10,000 new conversations every 25 MB"
    goals = (Goal(read.name, octets=GIB),)
    return Measured(title, turns([read], 1, {}), {}, (), goals, ("one turn",))


WORKLOADS = {one.__name__: one for one in (few, many, mix, plain, cores, packed, pipe)}


def _beside(
    bench: Bench, title: str, path: Path, packets: int, others: tuple[str, ...], goals: list[Goal]
) -> Measured:
    """Measure all forms of portbook beside others, on one core."""
    programs = [peers.reading(form, path, packets=packets) for form in FORMS if peers.has(form)]
    missing, notes = _not_there(), []
    for name in others:
        taken = packets
        if name == TSHARK and bench.tshark_packets < packets:
            taken = bench.tshark_packets
            notes.append(f"tshark had the first {taken:,} packets; its rate is that of those")
        _add_peer(
            bench,
            name,
            files.cut(path, taken) if taken < packets else path,
            taken,
            programs,
            missing,
        )
    return Measured(
        title, turns(programs, bench.turns, missing), missing, others, tuple(goals), tuple(notes)
    )


def _add_peer(
    bench: Bench,
    name: str,
    path: Path,
    packets: int,
    programs: list[Program],
    missing: dict[str, str],
) -> None:
    program = None
    if peers.installed(name, bench.python):
        program = peers.peer(name, path, packets, bench.scratch, bench.python)
    if program is None:
        missing[name] = peers.ABSENT
    else:
        programs.append(program)


def _not_there() -> dict[str, str]:
    return {ours(form): peers.NOT_THERE for form in FORMS if not peers.has(form)}
