"""An upload on its way to disk: a piece at a time, no larger than it may be."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from portbook.errors import UsageError

_TOGETHER = 1 << 20  # octets written at once
_LEFT_FREE = 256 << 20  # octets of the disk that stay free


class TooLargeError(UsageError):
    """An upload has more octets than one may have."""


async def stored(chunks: AsyncIterator[bytes], path: Path, most: int) -> int:
    """Write an upload to a file that only its owner may read; return its octets.

    Nothing stays when it is cut or refused. Raises TooLargeError, UsageError for an empty one or
    a disk that is full, OSError when it cannot be written; what `chunks` raises goes through.
    """
    file = open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")  # noqa: SIM115
    try:
        with file:
            total = await _written(chunks, file, path.parent, most)
        if not total:
            raise UsageError("the capture is empty; there is nothing to read")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return total


async def _written(chunks: AsyncIterator[bytes], file: IO[bytes], folder: Path, most: int) -> int:
    total, waiting = 0, bytearray()
    async for chunk in chunks:
        total += len(chunk)
        if total > most:
            raise TooLargeError(
                f"the capture is larger than {most} octets, which is all that may be uploaded; "
                "read it with `portbook read`, or let more in: --most-upload"
            )
        waiting += chunk
        if len(waiting) >= _TOGETHER:
            await asyncio.to_thread(_write, file, bytes(waiting), folder)
            waiting.clear()
    await asyncio.to_thread(_write, file, bytes(waiting), folder)
    return total


def _write(file: IO[bytes], octets: bytes, folder: Path) -> None:
    if shutil.disk_usage(folder).free < _LEFT_FREE + len(octets):
        raise UsageError(
            f"less than {_LEFT_FREE >> 20} MiB of the disk are free; make room: remove captures "
            "that nobody needs any more"
        )
    file.write(octets)
