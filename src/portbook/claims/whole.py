"""A file on disk is the old one or the new one, never a part of either."""

from __future__ import annotations

import os
import stat
import tempfile


def write_whole(where: str, octets: bytes) -> None:
    """Write a file beside the old one, then put it in its place; its folder is made if need be.

    Raises OSError; nothing then stays behind. The old file's permissions are kept.
    """
    folder = os.path.dirname(os.path.abspath(where))
    os.makedirs(folder, exist_ok=True)
    handle, beside = tempfile.mkstemp(prefix=f".{os.path.basename(where)}-", dir=folder)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(octets)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp gives 0600, which would hide a system-wide table from its users.
        os.chmod(beside, _mode(where))
        os.replace(beside, where)
    except BaseException:
        os.unlink(beside)
        raise


def _mode(where: str) -> int:
    try:
        return stat.S_IMODE(os.stat(where).st_mode)
    except FileNotFoundError:
        return 0o644
