"""The driver that coverage guides: atheris, a child process for each target.

Everything of portbook must be imported within `instrumented()`, once, before the first child:
instrumenting takes seconds, a fork none.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

from fuzz.mutating import Failure, seeds
from fuzz.target import LONGEST_S, Target

try:
    import atheris
except ImportError:  # no wheel for this Python or this machine
    atheris = None

MOST_MEMORY_MB = 2048
MOST_TOLD = 3000  # characters of what a child said last


@contextlib.contextmanager
def instrumented(package: str = "portbook") -> Iterator[None]:
    """Make what is imported within tell where it went, as far as it is of one package."""
    with (
        contextlib.redirect_stderr(io.StringIO()),  # a line for each module
        atheris.instrument_imports(include=[package]),
    ):
        yield


def run(
    target: Target, *, runs: int | None, seconds: float | None, kept: Path | None = None
) -> int:
    """Run one target in a child of its own; return how many inputs it was given.

    kept: where inputs that lead further stay

    Raises Failure with the input that the child ended on.
    """
    # not TemporaryDirectory: a child that falls would take it along
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        code = _child(target, _words(target, folder, runs, seconds, kept), folder / "told")
        told = (folder / "told").read_text(errors="replace")
        if code:
            bad = next(iter(sorted(folder.glob("bad-*"))), None)
            octets = bad.read_bytes() if bad else b""
            why = told[max(0, told.rfind("Traceback"), len(told) - MOST_TOLD) :]
            raise Failure(octets, RuntimeError(f"the run ended with {code}\n{why}"))
        done = re.findall(r"^Done (\d+) runs", told, re.MULTILINE)
        return int(done[-1]) if done else 0
    finally:
        shutil.rmtree(folder)


def _words(
    target: Target, folder: Path, runs: int | None, seconds: float | None, kept: Path | None
) -> list[str]:
    """Return libFuzzer's command line; the seeds are written where it says."""
    (folder / "seeds").mkdir()
    for at, octets in enumerate(seeds(target)):
        (folder / "seeds" / f"{at:05}").write_bytes(octets)
    words = [
        target.name,
        "-seed=1",
        f"-timeout={LONGEST_S}",
        f"-rss_limit_mb={MOST_MEMORY_MB}",
        f"-max_len={target.largest}",
        f"-artifact_prefix={folder}/bad-",
        *([f"-runs={runs}"] if runs is not None else []),
        *([f"-max_total_time={max(1, round(seconds))}"] if seconds is not None else []),
    ]
    if kept:
        (kept / target.name).mkdir(parents=True, exist_ok=True)
        words.append(str(kept / target.name))
    return [*words, str(folder / "seeds")]


def _child(target: Target, words: list[str], told: Path) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def check(octets: bytes) -> None:
        try:
            target.check(octets)
        except BaseException:
            told.with_name("bad-raised").write_bytes(octets)
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)

    try:
        with told.open("wb") as log:  # libFuzzer is talkative; read when something went wrong
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            atheris.Setup(words, check)
            atheris.Fuzz()  # ends the process
    finally:
        os._exit(1)
