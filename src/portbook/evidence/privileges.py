"""What this user may see on this machine, and the one command that grants what is missing.

Source: capabilities(7), proc(5) (PTRACE_MODE_READ_FSCREDS for descriptors), packet(7), setpriv(1).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

DAC_READ_SEARCH, NET_RAW, SYS_PTRACE, SYS_ADMIN = (
    "dac_read_search",
    "net_raw",
    "sys_ptrace",
    "sys_admin",
)
_BITS = {"dac_override": 1, DAC_READ_SEARCH: 2, NET_RAW: 13, SYS_PTRACE: 19, SYS_ADMIN: 21}
_NET_ADMIN = 12
OWNERS = (SYS_PTRACE, DAC_READ_SEARCH)  # list another user's descriptors, then follow them


def effective() -> int:
    """Return this process's effective capabilities as bits; all for an administrator elsewhere."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("CapEff:"):
                    return int(line.split()[1], 16)
    except (OSError, ValueError, IndexError):
        pass
    return ~0 if is_administrator() else 0


def has(*names: str) -> bool:
    """Tell whether all of these capabilities are in effect."""
    bits = effective()
    return all(bits >> _BITS[name] & 1 for name in names)


def sees_all_owners() -> bool:
    """Tell whether the descriptors of every process may be read."""
    bits = effective()
    listing = bits >> _BITS["dac_override"] & 1 or bits >> _BITS[DAC_READ_SEARCH] & 1
    return bool(listing and bits >> _BITS[SYS_PTRACE] & 1)


def is_administrator() -> bool:
    """Tell whether this is root, or an elevated user on Windows."""
    if os.name == "posix":
        return os.geteuid() == 0
    import ctypes

    windows = getattr(ctypes, "windll", None)
    return bool(windows and windows.shell32.IsUserAnAdmin())


def command(arguments: str, capabilities: Sequence[str] = ()) -> str:
    """Return the command that runs portbook with the rights it lacks, and no others.

    capabilities: those needed, on Linux; without them the whole of root is asked for
    """
    program = _program()
    if os.name == "nt":
        return f"{program} {arguments}   (in a terminal started as administrator)"
    import shutil

    if not (capabilities and sys.platform == "linux" and shutil.which("setpriv")):
        return f"sudo {program} {arguments}"
    caps = ",".join(f"+{name}" for name in capabilities)
    return (
        f"sudo setpriv --reuid {os.geteuid()} --regid {os.getegid()} --init-groups "
        f"--inh-caps {caps} --ambient-caps {caps} {program} {arguments}"
    )


def _program() -> str:
    """Return how this very portbook is started; sudo does not search a virtual environment."""
    import shlex
    import shutil

    found = shutil.which("portbook")
    if found:
        return shlex.quote(found)
    return f"{shlex.quote(sys.executable)} -m portbook"


def give_up_capture() -> None:
    """Give up the right to capture, for good: what was opened stays open, nothing new can be.

    Linux; elsewhere, and where it was never held, nothing happens. Source: capabilities(7),
    capset(2), prctl(2).
    """
    if sys.platform != "linux":
        return
    import ctypes
    import struct

    library = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, clear_ambient = (38, 1), (47, 4)  # PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT
    library.prctl(*no_new_privileges, 0, 0, 0)
    library.prctl(*clear_ambient, 0, 0, 0)
    head = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))  # version 3, this thread
    sets = ctypes.create_string_buffer(24)
    if library.capget(head, sets):
        return
    words = list(struct.unpack("=6I", sets.raw))
    lost = ~(1 << _BITS[NET_RAW] | 1 << _NET_ADMIN) & 0xFFFFFFFF
    words[:3] = [word & lost for word in words[:3]]  # effective, permitted, inheritable below 32
    library.capset(head, ctypes.create_string_buffer(struct.pack("=6I", *words)))
