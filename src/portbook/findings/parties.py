"""Who stands behind a socket: programs by the name that they have on a machine, and endpoints.

A program's name is a claim too: anybody may name a program so. Rules on names stay notes, unless
something else agrees.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from portbook.addresses import Scope, scope_of
from portbook.findings import Case, Place
from portbook.ports import Transport
from portbook.protocols import Protocol
from portbook.records import Listener, Owner

COMM_LENGTH = 15  # Linux cuts a task's name after 15 octets (proc(5), /proc/pid/comm)
# Programs that stand for another one: what runs in them is told by their command line.
INTERPRETERS = re.compile(
    r"(python|pypy|perl|ruby|node|java|javaw|mono|dotnet|bash|sh|wine|php)[\d.]*\Z"
)
# Programs that hold a port on behalf of another one.
STAND_INS = frozenset({"docker-proxy", "rootlessport", "systemd", "init", "launchd", "svchost"})


class Door(NamedTuple):
    """The sockets of one port at one address: all IPv4 and IPv6 wildcards are one door."""

    transport: Transport
    number: int
    address: str  # "*" for every address
    sockets: tuple[Listener, ...]

    @property
    def place(self) -> Place:
        """Return subject and place; the subject holds no process id."""
        first = self.sockets[0]
        inside = f" in namespace {first.namespace}" if first.namespace else ""
        return Place(
            f"{self.transport.value} {endpoint(self.address, self.number)}{inside}",
            first.site,
            None,
            first.source,
        )

    @property
    def owners(self) -> tuple[Owner, ...]:
        """Return all owners that may be seen."""
        return tuple(owner for socket in self.sockets for owner in socket.owners)

    @property
    def scope(self) -> Scope:
        """Return how far the widest of its addresses reaches."""
        return max((socket.scope for socket in self.sockets), key=lambda scope: scope.rank)

    @property
    def programs(self) -> tuple[str, ...]:
        """Return the names of its programs, or of the unit or container that holds it."""
        return tuple(sorted({name for socket in self.sockets for name in holders(socket)}))


def doors(listeners: Iterable[Listener], states: frozenset[str]) -> list[Door]:
    """Group the sockets in one of the states by port and address, in a stable order."""
    groups: dict[tuple[str, str, str, str, int, str], list[Listener]] = defaultdict(list)
    for socket in listeners:
        if socket.state in states:
            address = "*" if scope_of(socket.address) is Scope.ANY else socket.address
            space = socket.namespace or ""
            groups[
                socket.site, socket.source, space, socket.transport.value, socket.port, address
            ].append(socket)
    return [Door(Transport(key[3]), key[4], key[5], tuple(groups[key])) for key in sorted(groups)]


OPEN = frozenset({"listen", "unconnected"})


def open_doors(case: Case) -> Sequence[Door]:
    """Return the doors of a case that are open to others, worked out once for all rules."""
    if "doors" not in case.shared:
        case.shared["doors"] = doors(case.listeners, OPEN)
    found: Sequence[Door] = case.shared["doors"]
    return found


def endpoint(address: str, number: int) -> str:
    """Write an address and port; IPv6 addresses in brackets."""
    return f"[{address}]:{number}" if ":" in address else f"{address}:{number}"


def holders(socket: Listener) -> Iterator[str]:
    """Give a name for each owner of a socket; without owners the unit, container or user."""
    for owner in socket.owners:
        name = owner.program or owner.unit or owner.container
        if name:
            yield name
    if not socket.owners:
        for name in (socket.container, socket.unit):
            if name:
                yield name
                return


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


def may_speak(owner: Owner, protocol: Protocol) -> bool:
    """Tell whether an owner is known to speak a protocol, or is named after it."""
    stem = protocol.name.split("-")[0]
    if len(stem) > 3 and any(stem in name for name in names_of(owner)):
        return True
    return is_one_of(owner, protocol.programs)
