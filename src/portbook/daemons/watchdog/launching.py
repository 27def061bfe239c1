"""Becomes the watchdog: reads what the settings ask for, opens the sockets, and turns into `rtpid`.

Reading settings takes modules that a program which must never end should not carry along, so it
is replaced (exec) by one that has the sockets in its hands, the same way as rtpd gets them later.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import msgspec

from portbook.daemons.configuration.settings import Settings
from portbook.daemons.sources.doors import opened
from portbook.daemons.watchdog import holding, watchdog_alarms
from portbook.daemons.watchdog.child import in_order
from portbook.daemons.watchdog.notify import listen_variables
from portbook.daemons.watchdog.rtpid import Plan
from portbook.daemons.watchdog.vitals import Limits

BACKLOG = 4096  # connections that wait while there is no receiver; the system may allow fewer
# -P: nothing is imported from the working folder; faulthandler: a hanging one says where
PYTHON = (sys.executable, "-P", "-X", "faulthandler", "-m")


def launch(settings: Settings, command: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Become the watchdog of the receiver that the command starts.

    command: its first is a path; see `receiver_command`
    Raises UsageError when a watchdog is at work there already, DoorError for an address that
    cannot be listened on, SourceError for a folder that cannot be used.
    """
    hold = holding.take(settings.folder)
    doors = opened(settings, environ)
    for name, sock in doors.sockets.items():
        if name != "field":
            sock.listen(BACKLOG)
    watchdog_alarms.keep(Path(settings.folder), settings.alarms)
    sys.stdout.flush()
    sys.stderr.flush()
    names = list(doors.sockets)
    (held,) = in_order([doors.sockets[name].fileno() for name in names], [hold.fd])
    tell = (*PYTHON, "portbook.daemons.watchdog.watchdog_alarms", settings.folder)
    plan = Plan(settings.folder, command, limits(settings), tell, held)
    told = json.dumps({**plan._asdict(), "limits": plan.limits._asdict()})
    # it stays the same process, so what systemd said to it still holds, but for the sockets
    variables = {key: text for key, text in environ.items() if not key.startswith("LISTEN_")}
    variables |= listen_variables(names, os.getpid())
    os.execve(sys.executable, [*PYTHON, "portbook.daemons.watchdog.rtpid", told], variables)


def receiver_command(words: Sequence[str]) -> list[str]:
    """Return what starts the receiver with these words after `portbook rtpd`."""
    return [*PYTHON, "portbook", "rtpd", *words]


def limits(settings: Settings) -> Limits:
    """Return what the [watchdog] table says, and defaults for what is not in it."""
    told = msgspec.to_builtins(settings.watchdog)
    return Limits(**{key: value for key, value in told.items() if key in Limits._fields})
