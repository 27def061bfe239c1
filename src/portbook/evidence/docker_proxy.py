"""Who stands behind docker-proxy: its command line names the container's address and port.

The process that owns a published port is Docker's own helper; the program that answers lives in
the container's network namespace. Source: moby, cmd/docker-proxy (its flags).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import NamedTuple

from portbook.records import Owner

NAMES = ("docker-proxy", "rootlessport")


class Behind(NamedTuple):
    """Where docker-proxy hands connections on to."""

    address: str
    port: int


def behind(command: str) -> Behind | None:
    """Read docker-proxy's command line, `... -container-ip 172.17.0.2 -container-port 80`."""
    words = command.split()
    values = {
        key.lstrip("-"): value for key, value in itertools.pairwise(words) if key.startswith("-")
    }
    address, port = values.get("container-ip"), values.get("container-port", "")
    if not address or not port.isdecimal() or int(port) > 65535:
        return None
    return Behind(address, int(port))


def proxy(owners: Iterable[Owner]) -> Owner | None:
    """Return the owner that only hands connections on, if there is one."""
    return next((owner for owner in owners if owner.program in NAMES), None)


def note(target: Behind | None, container: str | None, port: int) -> str:
    """Say who answers behind a published port, as far as it is known."""
    ask = f"docker ps --filter publish={port}"
    if target is None:
        return f"published by a container; to see which: {ask}"
    where = f"{target.address} port {target.port}"
    if container is None:
        return f"handed on to the container at {where}; to see which: {ask}"
    return f"handed on to container {container} at {where}"
