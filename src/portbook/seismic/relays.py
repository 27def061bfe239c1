"""What stands between recorders and us: an RTPD that we read from, which may be away. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Relay(NamedTuple):
    """One that is away, or was; who was heard by it is not to blame for that time.

    back_ns: since when it is there again, None while it is away
    """

    name: str
    back_ns: int | None
