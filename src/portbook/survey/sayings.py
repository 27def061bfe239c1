"""What a device told of itself, chosen from all that was said at its addresses.

Several protocols tell of one device, and not all of the same thing: a controller's own protocol
names the controller, a web server its program. What is sure goes before what is plausible, a
control protocol before a host's other services, and programs (web, mail, shells) come last. A
version stands beside the product that it was told with. What is told otherwise as well stays, as
`ssh product`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from portbook.protocols import protocols

IDENTITY = ("vendor", "product", "version", "name", "serial")
PROGRAMS = frozenset(("ftp", "http", "smtp", "ssh", "tls"))  # they tell of a program, not a host
MOST = 64  # facts of one device

_PLACES = {key: at for at, key in enumerate(IDENTITY)}
_CONTROL, _HOST, _PROGRAM = range(3)


class Saying(NamedTuple):
    """What one side told of itself, by one protocol, in at least one conversation."""

    protocol: str
    sure: bool
    served: bool  # by the side that answers, rather than by the one that asks
    facts: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, protocol: str, sure: bool, served: bool, facts: Mapping[str, str]) -> Saying:
        """Make one of what was told; the order of facts says nothing."""
        return cls(protocol, sure, served, tuple(sorted(facts.items())))

    @property
    def control(self) -> bool:
        """Tell whether a control protocol said it."""
        return self.protocol in controls()

    def weight(self, first_ns: int) -> tuple[object, ...]:
        """Return what the better saying has less of; said first at `first_ns`."""
        kind = _PROGRAM if self.protocol in PROGRAMS else _HOST
        kind = _CONTROL if self.control else kind
        return (not self.sure, kind, not self.served, first_ns, self)


@cache
def controls() -> frozenset[str]:
    """Return the protocols that must stay inside: those of controllers and their keepers."""
    return frozenset(name for name, one in protocols().items() if one.stays_inside)


def facts_of(said: Mapping[Saying, int]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return what a device told, and who told what.

    said: sayings, and when each was first heard, Unix nanoseconds
    """
    ordered = sorted(said, key=lambda saying: saying.weight(said[saying]))
    facts: dict[str, str] = {}
    tellers: dict[str, list[str]] = defaultdict(list)
    lead = _lead(ordered)
    for saying in ordered:
        for key, value in saying.facts:
            if not value or (key == "version" and not _beside(saying, lead)):
                continue
            if key not in facts and len(facts) < MOST:
                facts[key] = value
                tellers[saying.protocol].append(key)
    for name, value in _besides(ordered, facts):
        if len(facts) < MOST:
            facts.setdefault(name, value)
    because = tuple(
        f"{protocol} told {', '.join(sorted(keys, key=place))}"
        for protocol, keys in tellers.items()
    )
    return {key: facts[key] for key in sorted(facts, key=place)}, because


def _lead(ordered: Iterable[Saying]) -> Saying | None:
    """Return who names the product."""
    return next((one for one in ordered if dict(one.facts).get("product")), None)


def _beside(saying: Saying, lead: Saying | None) -> bool:
    """Tell whether a version that is said is that of the device's product."""
    if lead is None:
        return True
    product = dict(saying.facts).get("product")
    return product == dict(lead.facts)["product"] or (
        product is None and saying.protocol == lead.protocol
    )


def _besides(ordered: Iterable[Saying], facts: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Give what is told otherwise as well, the first of each protocol."""
    for saying in ordered:
        for key, value in saying.facts:
            if key in IDENTITY and value and facts.get(key) != value:
                yield f"{saying.protocol} {key}", value


def place(key: str) -> tuple[int, str]:
    """Return what sorts facts as people expect them."""
    return _PLACES.get(key, len(IDENTITY)), key
