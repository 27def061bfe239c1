"""How fast `portbook read` is, beside other programs on the same files in the same run.

    python benchmarks/read.py [--captures FOLDER] [--peers-python PYTHON]
    python benchmarks/read.py --only few,many --json
    python benchmarks/read.py --captures FOLDER --peers-python PYTHON --into docs/speed.md

Writes captures into a temporary folder (or `--folder`, to keep and take them again), then runs
portbook and whoever is installed of ndpiReader, tshark, Suricata and dpkt in turn, each a process
of its own on one core. The shortest of `--turns` counts, and the most memory. What is not
installed is not measured, and a goal that speaks of it is not shown. Workloads, for `--only`:

    few     5 million packets in 20,000 conversations     cores   one core and two
    many    the same in 600,000                           packed  gzip and zstd
    mix     real captures, joined                         pipe    memory, through a pipe
    plain   without compiled code

Progress goes to stderr. Exit code 0 when all goals are met, else 1; docs/speed.md reads the table.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from read_goals import MET, Measured, document, markdown, text
from read_machine import machine
from read_runs import FailedError
from read_workloads import WORKLOADS, Bench

BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and return 0 when every goal is met, 1 when not, 2 when a program fails."""
    told = _parser().parse_args(arguments)
    if told.into and not (told.into.is_file() and BEGIN in told.into.read_text()):
        print(f"{told.into} has no line {BEGIN!r}", file=sys.stderr)
        return 2
    if told.into and told.only:
        print("--into takes no --only: it renews all tables of the page", file=sys.stderr)
        return 2
    names = told.only.split(",") if told.only else list(WORKLOADS)
    unknown = [name for name in names if name not in WORKLOADS]
    if unknown:
        print(f"no workload {unknown[0]}; there are {', '.join(WORKLOADS)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        folder = told.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(
            folder,
            Path(scratch),
            told.packets,
            told.turns,
            told.tshark_packets,
            told.pipe_gib,
            told.captures,
            told.peers_python,
        )
        try:
            done = _measured(bench, names, tables=not (told.json or told.markdown))
        except FailedError as error:
            print(error, file=sys.stderr)
            return 2
    if told.into:
        lines = [f"Measured on {machine(told.peers_python)}.", ""]
        _put(told.into, [*lines, *(line for one in done for line in markdown(one))])
    if told.json:
        print(json.dumps([document(one) for one in done], indent=1))
    elif told.markdown:
        print("\n".join(line for one in done for line in markdown(one)))
    return 0 if all(verdict == MET for one in done for _, verdict in one.verdicts()) else 1


def _put(page: Path, lines: list[str]) -> None:
    """Put lines between the marks of a page."""
    before, rest = page.read_text().split(BEGIN, 1)
    _, after = rest.split(END, 1)
    body = "\n".join(lines).rstrip()
    page.write_text(f"{before}{BEGIN}\n{body}\n{END}{after}")


def _measured(bench: Bench, names: list[str], *, tables: bool) -> list[Measured]:
    done = []
    for name in names:
        print(f"{name}:", file=sys.stderr, flush=True)
        done.append(WORKLOADS[name](bench))
        if tables:
            print("\n".join(text(done[-1])), flush=True)
    return done


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--packets", type=int, default=5_000_000, help="all else goes with it")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", help="workloads, with commas")
    parser.add_argument("--folder", type=Path, help="keep the captures here")
    parser.add_argument("--captures", type=Path, help="folder of real captures")
    parser.add_argument("--peers-python", default=sys.executable, help="that has dpkt")
    parser.add_argument("--tshark-packets", type=int, default=500_000, help="tshark reads so many")
    parser.add_argument(
        "--pipe-gib", type=float, default=2.0, help="how much goes through the pipe"
    )
    parser.add_argument("--json", action="store_true", help="one document")
    parser.add_argument("--markdown", action="store_true", help="tables for a page")
    parser.add_argument("--into", type=Path, help="put them into this page, between its marks")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
