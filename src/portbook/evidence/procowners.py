"""Which processes hold a socket, and what those processes are. Linux, from /proc.

All processes are always looked at, for one port too: a socket may have several owners (fork, a
passed descriptor, systemd's socket units), and stopping at the first would hide the others.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from typing import NamedTuple

from portbook.evidence import cgroups
from portbook.evidence.commands import without_secrets
from portbook.records import Owner

_COMM_LIMIT = 15  # the kernel cuts a program's name there (proc_pid_comm(5))
_COMMAND_LIMIT = 4096  # octets of a command line that are kept


class Holders(NamedTuple):
    """Who holds which socket."""

    pids: dict[int, tuple[int, ...]]  # inode -> processes, in ascending order
    refused: int  # processes whose descriptors this user may not see


def all_pids() -> list[int]:
    """Return the processes that this user can see at all."""
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def holders(inodes: Collection[int], pids: Iterable[int]) -> Holders:
    """Look through the descriptors of the given processes for sockets with these inodes."""
    links: dict[str, int] = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[int, tuple[int, ...]] = {}
    refused = 0
    if not links:
        return Holders(found, refused)
    for pid in pids:
        try:
            folder = os.open(f"/proc/{pid}/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except PermissionError:
            refused += 1
            continue
        except OSError:
            continue  # it ended
        try:
            refused += _look(folder, pid, links, found)
        finally:
            os.close(folder)
    return Holders(found, refused)


def _look(folder: int, pid: int, links: dict[str, int], found: dict[int, tuple[int, ...]]) -> int:
    """Note the wanted sockets of one process; return 1 when its descriptors are closed to us."""
    readlink, get = os.readlink, links.get
    try:
        names = os.listdir(folder)
    except PermissionError:
        return 1
    except OSError:
        return 0
    for name in names:
        try:
            inode = get(readlink(name, dir_fd=folder))
        except PermissionError:
            return 1
        except OSError:
            continue  # closed meanwhile
        if inode is not None:
            before = found.get(inode)
            if before is None:
                found[inode] = (pid,)
            elif before[-1] != pid:
                found[inode] = (*before, pid)
    return 0


def owner(pid: int, user_name: dict[int, str]) -> Owner | None:
    """Return what a process is, or None when it has ended.

    user_name: names by user id, filled as they are met
    """
    folder = f"/proc/{pid}"
    name = _text(f"{folder}/comm")
    if name is None:
        return None
    executable = _link(f"{folder}/exe")
    words = (_text(f"{folder}/cmdline") or "").rstrip("\0").split("\0")
    placed = cgroups.place(cgroups.path_of(_text(f"{folder}/cgroup") or ""))
    return Owner(
        pid=pid,
        program=printable(program_name(name.rstrip("\n"), executable, words[0])),
        user=_user(_text(f"{folder}/status") or "", user_name),
        command=printable(without_secrets(words)) or None,
        unit=placed.unit,
        container=placed.container,
        executable=executable,
    )


def program_name(comm: str, executable: str | None, first_word: str) -> str:
    """Return a program's whole name; the kernel's own is cut after 15 octets."""
    if len(comm.encode()) < _COMM_LIMIT:
        return comm
    for path in (executable, first_word):
        whole = (path or "").removesuffix(" (deleted)").rsplit("/", 1)[-1]
        if whole.startswith(comm):
            return whole
    return comm


def printable(text: str) -> str:
    """Return a text that a terminal can be given: a program chooses its own name and arguments."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)


def user_name(uid: int, known: dict[int, str]) -> str:
    """Return a user's name, or the number as text where the system knows none."""
    name = known.get(uid)
    if name is None:
        import pwd

        try:
            name = pwd.getpwuid(uid).pw_name
        except (KeyError, OverflowError):
            name = str(uid)
        known[uid] = name
    return name


def _user(status: str, known: dict[int, str]) -> str | None:
    for line in status.splitlines():
        if line.startswith("Uid:"):
            words = line.split()
            # real, effective, saved, file system: the second is what it may do
            return user_name(int(words[2]), known) if len(words) > 2 else None
    return None


def _text(path: str) -> str | None:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(file, _COMMAND_LIMIT).decode("utf-8", "replace")
    except OSError:
        return None
    finally:
        os.close(file)


def _link(path: str) -> str | None:
    try:
        return printable(os.fsencode(os.readlink(path)).decode("utf-8", "replace"))
    except OSError:
        return None
