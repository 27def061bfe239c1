"""Control groups: which systemd unit or container a process or a socket belongs to.

A socket carries the id of the group that made it, readable by anyone; the id is the inode number
of the group's folder. Sources: cgroups(7); systemd.slice(5) and systemd.scope(5) for names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from typing import NamedTuple

_CONTAINER = re.compile(
    r"(?:\A|[-/:_])([0-9a-f]{12})[0-9a-f]{52}(?:\.scope|/|\Z)"  # docker, podman, containerd, cri-o
)
_NAMED = re.compile(
    r"/lxc(?:\.payload)?[./]([^/]+)|/systemd-nspawn@([^/]+)\.service|/lxc\.monitor\.([^/]+)"
)
_UNIT = re.compile(r".+\.(?:service|scope|socket|mount|swap|timer)\Z")
_FOLDERS_LIMIT = 20_000  # folders of the tree that are looked at


class Place(NamedTuple):
    """Where a process runs: its systemd unit and its container, None where there is none."""

    unit: str | None = None
    container: str | None = None  # the first 12 digits of its id, or its name


def place(path: str) -> Place:
    """Read a control group's path, `/system.slice/ssh.service`."""
    found = _CONTAINER.search(path)
    named = _NAMED.search(path)
    container = None
    if found:
        container = found[1]
    elif named:
        container = next(group for group in named.groups() if group)
    unit = None
    for part in path.split("/"):
        if _UNIT.match(part) and not _CONTAINER.search(part):
            unit = re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), part)
    return Place(unit, container)


def path_of(text: str) -> str:
    """Return the telling path of a /proc/PID/cgroup: version 2, else systemd's, else the longest.

    `/` alone tells nothing, so that an older machine's controllers are asked next.
    """
    paths: dict[str, str] = {}
    for line in text.splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3:
            paths["" if parts[0] == "0" else parts[1]] = parts[2]
    for chosen in (paths.get(""), paths.get("name=systemd")):
        if chosen and chosen != "/":
            return chosen
    return max(paths.values(), key=len, default="/")


def paths_by_id(wanted: Collection[int]) -> dict[int, str]:
    """Return the paths of control groups by id; those that are gone are left out."""
    root = _mount()
    left = set(wanted)
    found: dict[int, str] = {}
    if root is None or not left:
        return found
    folders = [""]
    for number, folder in enumerate(folders):  # the list grows while it is walked
        if number >= _FOLDERS_LIMIT or not left:
            break
        try:
            with os.scandir(root + folder) as entries:
                inside = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue
        for entry in inside:
            path = f"{folder}/{entry.name}"
            folders.append(path)
            if entry.inode() in left:
                left.discard(entry.inode())
                found[entry.inode()] = path
    return found


def _mount() -> str | None:
    """Return where the version 2 tree is mounted."""
    for folder in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        if os.path.exists(f"{folder}/cgroup.procs") and os.path.exists(
            f"{folder}/cgroup.controllers"
        ):
            return folder
    return None
