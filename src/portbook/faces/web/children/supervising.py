"""Starts a child, listens to what it says, and makes sure that it ends."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec

from portbook.faces.web.children.bounds import Bounds
from portbook.faces.web.children.telling import LONGEST_LINE, Said, understood

GRACE_S = 12.0  # a child has to end once it is told to
_STDERR_OCTETS = 8 << 10  # kept of what it complains
# -P: nothing is imported from the working folder
_PYTHON = (sys.executable, "-P", "-m")
_PASSED_ON = frozenset(
    (
        *("PATH", "HOME", "USERPROFILE", "LANG", "LANGUAGE", "TZ", "PYTHONPATH", "VIRTUAL_ENV"),
        *("SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LOCALAPPDATA", "APPDATA", "XDG_DATA_HOME"),
        *("XDG_CONFIG_HOME", "STATE_DIRECTORY", "CONFIGURATION_DIRECTORY", "PORTBOOK_BOOK"),
        *("PORTBOOK_SITE", "PORTBOOK_CLAIMS", "PORTBOOK_POLICY"),
    )
)


class Ended(NamedTuple):
    """How a child ended.

    code: exit code, or minus the number of the signal that killed it; late: it was killed because
    its time was over; complaint: the last line that it wrote on standard error
    """

    code: int
    late: bool
    complaint: str


async def run(
    module: str,
    arguments: Sequence[str],
    bounds: Bounds,
    heard: Callable[[Said], None],
    stop: asyncio.Event,
) -> Ended:
    """Run a child to its end; when cancelled, or out of time, it is killed.

    module: of `portbook.faces.web.children`; heard: takes what it says, line by line
    stop: once it is set, the child is told to end in good order
    Raises OSError when it cannot be started.
    """
    told = (f"--bounds={msgspec.json.encode(bounds).decode()}", f"--parent={os.getpid()}")
    process = await asyncio.create_subprocess_exec(
        *_PYTHON,
        f"portbook.faces.web.children.{module}",
        *told,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(os.environ),
        limit=LONGEST_LINE,
    )
    complaint = asyncio.create_task(_tail(process.stderr))
    late = False
    try:
        async with asyncio.timeout(bounds.seconds):
            await _until_end(process, heard, stop)
    except TimeoutError:
        late = True
    finally:
        # also when this was cancelled: no child outlives who looks after it
        with suppress(ProcessLookupError):
            if process.returncode is None:
                process.kill()
        await asyncio.shield(process.wait())
        said = await complaint
    return Ended(process.returncode or 0, late, said)


def environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a child needs, of our own: no secret is among them."""
    return {name: text for name, text in own.items() if name.upper() in _PASSED_ON}


async def _until_end(
    process: asyncio.subprocess.Process, heard: Callable[[Said], None], stop: asyncio.Event
) -> None:
    stopping = asyncio.create_task(_told_to_end(process, stop))
    try:
        assert process.stdout
        while line := await process.stdout.readline():
            said = understood(line)
            if said is not None:
                heard(said)
        await process.wait()
    except ValueError:  # a line without an end: the child is out of its mind
        process.kill()
    finally:
        stopping.cancel()


async def _told_to_end(process: asyncio.subprocess.Process, stop: asyncio.Event) -> None:
    await stop.wait()
    if process.stdin:
        process.stdin.close()
    await asyncio.sleep(GRACE_S)
    with suppress(ProcessLookupError):
        process.kill()


async def _tail(stream: asyncio.StreamReader | None) -> str:
    """Read to the end; return the last line, of a bounded stretch."""
    kept = b""
    while stream and (some := await stream.read(4096)):
        kept = (kept + some)[-_STDERR_OCTETS:]
    lines = kept.decode("utf-8", "replace").split("\n")
    return next((one.strip() for one in reversed(lines) if one.strip()), "")
