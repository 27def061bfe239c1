"""What `read.py` measured on: the machine, and the versions of the programs, in one line."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from read_peers import DPKT, NDPI, SURICATA, TSHARK

VERSION = re.compile(r"\d+(?:\.\d+)+")
ASKED = {
    NDPI: (NDPI, "-h"),
    TSHARK: (TSHARK, "--version"),
    SURICATA: (SURICATA, "-V"),
    "gzip": ("gzip", "--version"),
    "zstd": ("zstd", "--version"),
}


def machine(python: str) -> str:
    """Return the machine and all versions; python: the interpreter that has dpkt."""
    asked = ASKED | {DPKT: (python, "-c", "import dpkt; print(dpkt.__version__)")}
    versions = [f"{name} {version}" for name, words in asked.items() if (version := _of(words))]
    cores = len(os.sched_getaffinity(0))
    here = f"{_processor()}, {cores} cores, Python {platform.python_version()}"
    return f"{here}; {', '.join(versions)}"


def _of(words: tuple[str, ...]) -> str | None:
    if shutil.which(words[0]) is None:
        return None
    # some write what they are to stderr, and end with an error for being asked
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    found = (
        VERSION.search(done.stdout + done.stderr) if done.stdout or not done.returncode else None
    )
    return found[0] if found else None


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    if told.is_file():
        for line in told.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()
