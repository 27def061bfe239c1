"""What a child process may use, and how it makes sure of that before it reads anything.

The child bounds itself: the server has threads, and between fork and exec of such a process
nothing but exec is safe. Sources: setrlimit(2), prctl(2) (PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

import msgspec

_PARENT_DEATH = 1  # PR_SET_PDEATHSIG
_NICER = 5
ORPHAN = 6  # exit code: whoever started it is gone


class Bounds(msgspec.Struct, frozen=True):
    """What one child may use.

    memory: octets of address space; file: octets of the story's file; seconds: of wall clock, and
    of processor time, None: as long as it wants
    """

    memory: int = 2 << 30
    file: int = 8 << 30
    seconds: float | None = 600.0


def confine(bounds: Bounds) -> None:
    """Keep this process within its bounds, for good, and without new rights."""
    from portbook.evidence.privileges import give_up_capture

    give_up_capture()
    with suppress(OSError, AttributeError):
        os.nice(_NICER)  # pages go first
    try:
        import resource
    except ImportError:  # Windows: the server's clock is all that bounds it
        return
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, bounds.file)
    if sys.platform != "darwin":  # there it is refused, or does nothing
        _limit(resource.RLIMIT_AS, bounds.memory)
    if bounds.seconds is not None:
        # at the soft one comes SIGXCPU, which tells why, at the hard one SIGKILL
        _limit(resource.RLIMIT_CPU, max(1, round(bounds.seconds)), more=1)


def _limit(which: int, most: int, more: int = 0) -> None:
    import resource

    _, hard = resource.getrlimit(which)
    if hard == resource.RLIM_INFINITY or hard > most + more:
        hard = most + more
    resource.setrlimit(which, (min(most, hard), hard))


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, where it can do so."""
    if sys.platform != "linux":
        return
    import ctypes

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PARENT_DEATH, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(ORPHAN)


def end_with_stdin(end: Callable[[], None] | None = None) -> None:
    """End when standard input does, since whoever started it holds the other end of that.

    Called once rights are given up: on Linux each thread has its own.
    end: what to do then; None: leave at once
    """

    def wait() -> None:
        with suppress(OSError, ValueError):
            while os.read(0, 4096):
                pass
        if end:
            end()
        else:
            os._exit(ORPHAN)

    threading.Thread(target=wait, name="parent", daemon=True).start()
