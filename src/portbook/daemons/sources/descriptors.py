"""Descriptors: as many as connections may need, and some that no connection gets.

A receiver without any left could not begin the next file of its spool, nor start its archiver
again, nor end in good order; whoever may connect could bring that about.
"""

from __future__ import annotations

import resource
from contextlib import suppress

RESERVED = 64  # for files, the archiver, the status, what is told, and the end
_HALF = 2  # of a very low limit: no more than this part is kept back


def allow(wanted: int) -> int:
    """Raise our own limit as far as is wanted and the system lets us; return what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft < most:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    return soft


def spare(descriptor: int) -> bool:
    """Tell whether a connection that has just got this one leaves enough for all else.

    The system gives the lowest one that is free, so its number says how many are in use.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return True
    return descriptor < soft - min(RESERVED, soft // _HALF)
