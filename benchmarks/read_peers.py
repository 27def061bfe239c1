"""Which programs `read.py` can run here, and with which words: portbook's forms, and its peers."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from read_runs import Program

HERE = Path(__file__).parent
NDPI, TSHARK, SURICATA, DPKT = "ndpiReader", "tshark", "suricata", "dpkt"
SUMMARY, BRIEF, JSON = "--summary", "--brief --jsonl", "--json"
FORMS = (SUMMARY, BRIEF, JSON)
JOBS = "--jobs"
ABSENT, NOT_THERE = "not installed", "not there"


def ours(form: str) -> str:
    """Return the name of the row for a form of `portbook read`."""
    return f"portbook read {form}"


def reading(form: str, *captures: Path | str, packets: int) -> Program:
    """Return what reads captures in a form; nothing is kept in a book."""
    words = [sys.executable, "-m", "portbook", "read", *map(str, captures), "--no-book"]
    return Program(ours(form), [*words, *form.split()], packets)


@functools.cache
def has(option: str) -> bool:
    """Tell whether `portbook read` knows all options of a form."""
    words = [sys.executable, "-m", "portbook", "read", "--help"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    return all(word in told for word in option.split() if word.startswith("-"))


def quickest_form() -> str:
    """Return the form that prints least, of those that are there."""
    return next(form for form in FORMS if has(form))


def peer(name: str, capture: Path, packets: int, folder: Path, python: str) -> Program | None:
    """Return a peer's command for a capture; None when it is not installed.

    folder: for what it insists on writing; python: the interpreter that has dpkt
    """
    if name == DPKT:
        return Program(name, [python, str(HERE / "read_dpkt.py"), str(capture)], packets, peer=True)
    found = shutil.which(name)
    if found is None:
        return None
    words = {
        NDPI: ("-q", "-i", str(capture)),
        TSHARK: ("-r", str(capture), "-q", "-z", "conv,tcp", "-z", "conv,udp", "-z", "io,phs"),
        SURICATA: (
            *("-r", str(capture), "-l", str(folder), "-S", os.devnull),
            *("--runmode", "single", "-k", "none"),
        ),
    }[name]
    return Program(name, [found, *words], packets, peer=True)


def installed(name: str, python: str) -> bool:
    """Tell whether a peer can be run here."""
    if name != DPKT:
        return shutil.which(name) is not None
    try:
        done = subprocess.run([python, "-c", "import dpkt"], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def uncompiled(folder: Path) -> dict[str, str]:
    """Copy the package without what a compiler made; return the environment that takes the copy.

    It is what an installation without a compiler has. Raises RuntimeError when the copy is not
    what is imported, or reads with compiled code all the same.
    """
    spec = importlib.util.find_spec("portbook")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("portbook is not installed for this interpreter")
    source = Path(next(iter(spec.submodule_search_locations)))
    skipped = shutil.ignore_patterns("*.so", "*.pyd", "*.c", "__pycache__")
    copy = shutil.copytree(source, folder / "portbook", ignore=skipped)
    environment = {"PYTHONPATH": str(folder)}
    asks = "from portbook.evidence import readers; print(readers.COMPILED, readers.__file__)"
    words = [sys.executable, "-c", asks]
    mixed = {**os.environ, **environment}
    told = subprocess.run(words, env=mixed, capture_output=True, text=True, check=True).stdout
    if told.split() != ["False", str(copy / "evidence" / "readers.py")]:
        raise RuntimeError(f"the copy without compiled code is not what is run: {told.strip()}")
    # and its modules compiled to Python's own code once, as an installation has them
    compiling = [sys.executable, "-m", "compileall", "-q", str(folder)]
    subprocess.run(compiling, check=True)
    return environment
