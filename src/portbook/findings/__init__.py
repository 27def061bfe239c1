"""What we say of it: one file a rule family, one class a rule.

A rule's docstring is its page (`portbook rule CODE`) and the text of every export. Rules get all
they need in a `Case`; they read nothing and send nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import Any, ClassVar, NamedTuple

import msgspec

from portbook.ports import PortRange, Transport
from portbook.protocols import Profile
from portbook.records import (
    LOCAL_SITE,
    NOTHING,
    Announcement,
    Claim,
    Conversation,
    Device,
    Finding,
    Level,
    Listener,
    Service,
)

_WIDEST_HOME = 32


class Case(msgspec.Struct, frozen=True, dict=True):
    """All that a rule may know: evidence, a way to look claims up, and the local surroundings."""

    claims: Callable[[int, Transport], Sequence[Claim]]
    protocols: Mapping[str, Profile]
    now_ns: int
    listeners: Sequence[Listener] = ()
    conversations: Sequence[Conversation] = ()
    services: Sequence[Service] = ()
    devices: Sequence[Device] = ()
    announcements: Sequence[Announcement] = ()
    ends: Mapping[str, int] = NOTHING  # until when each source was listened to, nanoseconds
    networks: tuple[str, ...] = ()  # the interfaces' own prefixes: "192.168.1.0/24"
    ephemeral: PortRange | None = None  # what this system hands out to clients
    policy: Callable[[int, Transport], object | None] | None = None  # claims.policies.Policy.judge
    reserved: tuple[PortRange, ...] = ()  # kept out of `ephemeral` (ip_local_reserved_ports)

    @cached_property
    def residents(self) -> Mapping[tuple[int, Transport], Sequence[Profile]]:
        """Return the known protocols by the ports where their servers are usually met.

        A wide range (data ports that are lent by the hundred) is no one's usual port.
        """
        found: dict[tuple[int, Transport], list[Profile]] = {}
        for protocol in self.protocols.values():
            for usual in protocol.usual:
                if usual.role != "client" and usual.ports.size <= _WIDEST_HOME:
                    for number in range(usual.ports.first, usual.ports.last + 1):
                        at = found.setdefault((number, usual.transport), [])
                        if protocol not in at:
                            at.append(protocol)
        return found

    @cached_property
    def shared(self) -> dict[str, Any]:
        """Return what one rule worked out and others need too, by name."""
        return {}


class Words(NamedTuple):
    """What a finding says and advises: templates, filled from the finding's parameters."""

    message: str
    advice: str


class Place(NamedTuple):
    """What a finding is about and where: subjects are stable between runs and hold no pid."""

    subject: str
    site: str = LOCAL_SITE
    vlan: int | None = None
    source: str | None = None


class Rule(ABC):
    """One rule; its docstring is its page: what it tells, why it matters, an example, what to do.

    The first line of the docstring is "CODE name". `words` holds its sentences by variant; a
    finding's parameters name the variant, so that a face can render it in another language with
    `say(translated, finding.parameters)`.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    level: ClassVar[Level]
    words: ClassVar[Mapping[str, Words]]

    @abstractmethod
    def check(self, case: Case) -> Iterable[Finding]:
        """Return what this rule finds in the case."""

    def finding(
        self,
        place: Place,
        variant: str,
        because: Iterable[str],
        level: Level | None = None,
        **parameters: Any,
    ) -> Finding:
        """Make a finding; its message and advice are the variant's words, filled in."""
        values = {"variant": variant, **parameters}
        words = self.words[variant]
        return Finding(
            code=self.code,
            name=self.name,
            level=level or self.level,
            subject=place.subject,
            message=say(words.message, values),
            advice=say(words.advice, values),
            parameters=values,
            because=tuple(because),
            site=place.site,
            vlan=place.vlan,
            source=place.source,
        )


def say(template: str, parameters: Mapping[str, Any]) -> str:
    """Fill a sentence with a finding's parameters; lists are joined by commas."""
    return template.format_map({name: _text(value) for name, value in parameters.items()})


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)


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
