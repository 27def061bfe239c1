"""What we say of it: one file a rule family, one class a rule.

A rule's docstring is its page (`portbook rule CODE`) and the text of every export. Rules get all
they need in a `Case`; they read nothing and send nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import ClassVar

import msgspec

from portbook.ports import PortRange, Transport
from portbook.protocols import Protocol
from portbook.records import (
    Announcement,
    Claim,
    Conversation,
    Device,
    Finding,
    Level,
    Listener,
    Service,
)


class Case(msgspec.Struct, frozen=True):
    """All that a rule may know: evidence, a way to look claims up, and the local surroundings."""

    claims: Callable[[int, Transport], Sequence[Claim]]
    protocols: Mapping[str, Protocol]
    now_ns: int
    listeners: Sequence[Listener] = ()
    conversations: Sequence[Conversation] = ()
    services: Sequence[Service] = ()
    devices: Sequence[Device] = ()
    announcements: Sequence[Announcement] = ()
    networks: tuple[str, ...] = ()  # the interfaces' own prefixes: "192.168.1.0/24"
    ephemeral: PortRange | None = None  # what this system hands out to clients
    policy: Callable[[int, Transport], object | None] | None = None  # claims.policies.Policy.judge


class Rule(ABC):
    """One rule; its docstring is its page: what it tells, why it matters, an example, what to do.

    The first line of the docstring is "CODE name".
    """

    code: ClassVar[str]
    name: ClassVar[str]
    level: ClassVar[Level]

    @abstractmethod
    def check(self, case: Case) -> Iterable[Finding]:
        """Return what this rule finds in the case."""


@cache
def rules() -> Mapping[str, Rule]:
    """Return all rules by code, in the order of their codes."""
    found: dict[str, Rule] = {}
    for module in pkgutil.iter_modules(__path__):
        for thing in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            if isinstance(thing, type) and issubclass(thing, Rule) and hasattr(thing, "code"):
                found[thing.code] = thing()
    return dict(sorted(found.items()))


def judge(case: Case, only: Iterable[str] | None = None) -> Iterator[Finding]:
    """Ask every rule, or only those of the given codes; findings come in the order of the codes."""
    chosen = set(only) if only is not None else None
    for code, rule in rules().items():
        if chosen is None or code in chosen:
            yield from rule.check(case)
