"""Who stands behind a socket: programs by the name that they have on a machine.

A program's name is a claim too: anybody may name a program so. Rules on names stay notes, unless
something else agrees.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from portbook.protocols import Profile
from portbook.records import Owner

COMM_LENGTH = 15  # Linux cuts a task's name after 15 octets (proc(5), /proc/pid/comm)
# Programs that stand for another one: what runs in them is told by their command line.
INTERPRETERS = re.compile(
    r"(python|pypy|perl|ruby|node|java|javaw|mono|dotnet|bash|sh|wine|php)[\d.]*\Z"
)
# Programs that hold a port on behalf of another one.
STAND_INS = frozenset({"docker-proxy", "rootlessport", "systemd", "init", "launchd", "svchost"})


def plain(program: str) -> str:
    """Return a program's name without folder, ending and capitals."""
    name = re.split(r"[\\/]", program.strip())[-1].lower()
    return re.sub(r"\.(exe|py|jar|bin|service|socket|sh)\Z", "", name)


def names_of(owner: Owner) -> set[str]:
    """Return all names that an owner goes by; an interpreter goes by what it runs."""
    names = {plain(name) for name in (owner.program, owner.unit) if name}
    if owner.command and any(INTERPRETERS.match(name) for name in names):
        told = [word for word in owner.command.split() if not word.startswith("-")][:5]
        names.update(plain(word) for word in told)
    return names


def is_opaque(owner: Owner) -> bool:
    """Tell whether the name says nothing of what runs: an interpreter, or a stand-in."""
    names = names_of(owner)
    return not names or all(INTERPRETERS.match(one) or one in STAND_INS for one in names)


def is_one_of(owner: Owner, known: Iterable[str]) -> bool:
    """Tell whether an owner goes by one of the known programs' names."""
    mine = names_of(owner)
    cut = tuple(one for one in mine if len(one) == COMM_LENGTH)
    return any(
        plain(program) in mine or (cut and program.lower().startswith(cut)) for program in known
    )


def may_speak(owner: Owner, protocol: Profile) -> bool:
    """Tell whether an owner is known to speak a protocol, or is named after it."""
    stem = protocol.name.split("-")[0]
    if len(stem) > 3 and any(stem in name for name in names_of(owner)):
        return True
    return is_one_of(owner, protocol.programs)
