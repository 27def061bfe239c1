"""Names conversations by their bytes, and gathers what devices told of themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from portbook.claims.everything import Claims
from portbook.evidence.conversations import Observed, turned
from portbook.protocols import identify
from portbook.protocols.prefilter import prefilter
from portbook.records import Confidence, Conversation, Device, Identification

IDENTITY = ("vendor", "product", "version", "name", "serial")


class Named(NamedTuple):
    """A conversation with its name, its times, and what was identified."""

    conversation: Conversation
    times: tuple[int, ...]
    identification: Identification | None


def named(seen: Iterable[Observed], claims: Claims) -> Iterator[Named]:
    """Identify each conversation, turn it round where the protocol shows who serves, add claims."""
    known = prefilter()
    for one in seen:
        told = identify(
            one.payload, known.chosen(one.candidates), roles_known=one.roles_known
        )
        if told and told.swapped:
            one = turned(one)
        yield Named(_complete(one.conversation, told, claims), one.times, told)


def _complete(one: Conversation, told: Identification | None, claims: Claims) -> Conversation:
    labels = claims.labels(one.server_port, one.transport)
    if told is None:
        return msgspec.structs.replace(one, claims=labels)
    return msgspec.structs.replace(
        one,
        claims=labels,
        protocol=told.protocol,
        confidence=told.confidence,
        because=told.because,
        against=told.against,
        facts=told.facts,
    )


class _Card:
    """What is gathered of one host while its conversations go by."""

    def __init__(self) -> None:
        self.facts: dict[str, str] = {}
        self.because: dict[str, None] = {}
        self.sure: dict[str, bool] = {}
        self.first_ns = self.last_ns = 0
        self.mac: str | None = None
        self.source = ""

    def add(self, one: Conversation, facts: Mapping[str, str], mac: str | None) -> None:
        sure = one.confidence is Confidence.CONFIRMED
        fresh = [
            key
            for key, value in facts.items()
            if value and (key not in self.facts or (sure and not self.sure[key]))
        ]
        for key in fresh:
            self.facts[key] = facts[key]
            self.sure[key] = sure
        if not self.source:
            self.source, self.first_ns, self.last_ns = one.source, one.first_ns, one.last_ns
        if fresh:
            said = ", ".join(sorted(fresh, key=_order))
            self.because[f"{one.protocol} told {said}"] = None
        self.first_ns = min(self.first_ns, one.first_ns)
        self.last_ns = max(self.last_ns, one.last_ns)
        self.mac = self.mac or mac


def devices(conversations: Iterable[Named]) -> list[Device]:
    """Return the hosts that told something of themselves, by site, VLAN and address."""
    cards: dict[tuple[str, int | None, str], _Card] = defaultdict(_Card)
    for one, _, told in conversations:
        if told is None:
            continue
        for address, facts, mac in (
            (one.client, told.client, one.client_mac),
            (one.server, told.server, one.server_mac),
        ):
            if facts:
                cards[one.site, one.vlan, address].add(one, facts, mac)
    return [
        Device(
            address=address,
            facts=_ordered(card.facts),
            because=tuple(card.because),
            first_ns=card.first_ns,
            last_ns=card.last_ns,
            source=card.source,
            site=site,
            vlan=vlan,
            mac=card.mac,
        )
        for (site, vlan, address), card in cards.items()
    ]


def _order(key: str) -> tuple[int, str]:
    return (IDENTITY.index(key) if key in IDENTITY else len(IDENTITY), key)


def _ordered(facts: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(facts[key]) for key in sorted(facts, key=_order)}
