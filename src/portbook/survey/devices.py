"""The device list from traffic alone: who is there, what it told, what it speaks, since when.

A host becomes a device when it told something of itself, when it announces itself, or when it
answers by a control protocol. What was heard at several addresses of one device is told together
(`portbook.survey.joining`); what it told is chosen in `portbook.survey.sayings`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from portbook.addresses import parse
from portbook.protocols.hardware import maker
from portbook.records import (
    NOTHING,
    Announcement,
    Confidence,
    Conversation,
    Device,
    Identification,
)
from portbook.survey.joining import Group, Host, Serial, is_serial, joined
from portbook.survey.links import Where, owners
from portbook.survey.naming import Named
from portbook.survey.sayings import Saying, controls, facts_of
from portbook.survey.standing import Standing, instances, periodic, standing_of, strange

NOBODY = ("0.0.0.0", "::")  # a host that has no address yet: it goes by its MAC address

Spot = tuple[str, int | None, str]  # site, VLAN, address


class _Card:
    """What is gathered of one address while its conversations go by."""

    __slots__ = (
        "first_ns",
        "last_ns",
        "macs",
        "roles",
        "said",
        "serials",
        "sights",
        "source",
        "told_macs",
    )

    def __init__(self) -> None:
        self.said: dict[Saying, int] = {}  # and when it was said first
        self.serials: set[Serial] = set()
        self.macs: set[str] = set()
        self.told_macs: set[str] = set()
        self.roles: set[tuple[str, str]] = set()
        self.sights: list[Standing] = []
        self.first_ns: int | None = None
        self.last_ns = 0
        self.source = ""

    def say(self, one: Conversation, facts: Mapping[str, str], served: bool) -> None:
        """Note what was told."""
        told = {key: str(value) for key, value in facts.items() if value}
        saying = Saying.of(one.protocol or "", one.confidence is Confidence.CONFIRMED, served, told)
        self.said[saying] = min(one.first_ns, self.said.get(saying, one.first_ns))
        vendor, serial = told.get("vendor"), told.get("serial")
        if saying.sure and saying.control and vendor and serial and is_serial(serial):
            self.serials.add((vendor, serial))
        if "mac" in told:
            self.told_macs.add(told["mac"])

    def meet(self, one: Conversation) -> None:
        """Note when and where it was met."""
        if self.first_ns is None or (one.first_ns, one.source) < (self.first_ns, self.source):
            self.first_ns, self.source = one.first_ns, one.source
        self.last_ns = max(self.last_ns, one.last_ns)

    @property
    def owned(self) -> frozenset[str]:
        """Return its own link addresses: what it told itself goes before what was seen."""
        return frozenset(self.told_macs or self.macs)


class _End(NamedTuple):
    """One end of a conversation."""

    address: str
    mac: str | None
    facts: Mapping[str, str]
    served: bool
    spoke: bool


def devices(
    seen: Iterable[Named],
    announced: Iterable[Announcement] = (),
    ends: Mapping[str, int] = NOTHING,
) -> list[Device]:
    """Return the devices in some traffic, by site, VLAN and address.

    seen: what was heard, in any order; announced: what has a rhythm in it
    ends: until when each source was listened to, Unix nanoseconds
    """
    every = list(seen)
    rhythms = _by_spot(announced)
    cards: dict[Spot, _Card] = {spot: _Card() for spot in rhythms if _steady(rhythms[spot])}
    # a million conversations have a few devices: what cannot be of one is passed over at once
    telling = controls() | periodic()
    for one in every:
        told = one.identification
        if told and (told.protocol in telling or told.client or told.server or told.others):
            _gather(one.conversation, told, cards)
    if not cards:
        return []
    own = owners(one.conversation for one in every)
    known = {*NOBODY, *(address for _, _, address in cards)}
    for one in every:
        if one.conversation.client in known or one.conversation.server in known:
            _meet(one.conversation, one.identification, own, cards)
    return _listed(cards, rhythms, ends)


def _by_spot(announced: Iterable[Announcement]) -> dict[Spot, list[Announcement]]:
    found: dict[Spot, list[Announcement]] = defaultdict(list)
    for one in announced:
        if one.protocol:
            found[one.site, one.vlan, one.source].append(one)
    return found


def _steady(rhythms: Iterable[Announcement]) -> bool:
    return any(one.protocol in periodic() for one in rhythms)


def _gather(one: Conversation, told: Identification, cards: dict[Spot, _Card]) -> None:
    """Make cards for the ends that a device list has to name, and note what they told."""
    for end in _ends(one, told):
        sight = standing_of(one, end.served)
        serves = end.served and one.answered and told.protocol in controls()
        spot = _spot(one, end) if end.facts or sight or serves else None
        if spot is None:
            continue
        card = cards.setdefault(spot, _Card())
        if end.facts:
            card.say(one, end.facts, end.served)
        if sight:
            card.sights.append(sight)
    for facts in told.others:
        _tell_of_another(one, facts, cards)


def _tell_of_another(one: Conversation, facts: Mapping[str, str], cards: dict[Spot, _Card]) -> None:
    """Make a card for a host that is no end of the conversation: it goes by what is told of it."""
    host = facts.get("address") or facts.get("mac")
    if not host:
        return
    card = cards.setdefault((one.site, one.vlan, host), _Card())
    card.say(one, {key: value for key, value in facts.items() if key != "address"}, False)
    card.meet(one)
    card.roles.add((one.protocol or "", "client"))


def _ends(one: Conversation, told: Identification | None) -> Iterator[_End]:
    client, server = (told.client, told.server) if told else (NOTHING, NOTHING)
    yield _End(one.client, one.client_mac, client, False, one.packets_to_server > 0)
    if one.cast == "unicast":
        yield _End(one.server, one.server_mac, server, True, one.packets_to_client > 0)


def _spot(one: Conversation, end: _End) -> Spot | None:
    host = end.facts.get("mac") if end.address in NOBODY else end.address
    return (one.site, one.vlan, host) if host else None


def _meet(
    one: Conversation,
    told: Identification | None,
    own: Mapping[Where, frozenset[str]],
    cards: Mapping[Spot, _Card],
) -> None:
    """Note what an end that has a card spoke, when, and at which link address."""
    for end in _ends(one, told):
        spot = _spot(one, end)
        card = cards.get(spot) if spot else None
        if card is None or not (end.spoke or end.facts):
            continue
        card.meet(one)
        if end.mac and end.address in own.get((one.site, end.mac), ()):
            card.macs.add(end.mac)
        if told:
            card.roles.add((told.protocol, "server" if end.served else "client"))


def _listed(
    cards: Mapping[Spot, _Card],
    rhythms: Mapping[Spot, Sequence[Announcement]],
    ends: Mapping[str, int],
) -> list[Device]:
    spots = sorted(cards, key=_order)
    hosts = [
        Host(
            (site, vlan),
            address,
            cards[site, vlan, address].owned,
            frozenset(cards[site, vlan, address].serials),
        )
        for site, vlan, address in spots
    ]
    return [
        _device(
            group,
            [(spots[number], cards[spots[number]]) for number in group.members],
            [one for number in group.members for one in rhythms.get(spots[number], ())],
            ends,
        )
        for group in joined(hosts)
    ]


def _device(
    group: Group,
    members: Sequence[tuple[Spot, _Card]],
    announced: Sequence[Announcement],
    ends: Mapping[str, int],
) -> Device:
    site, vlan = members[0][0][:2]
    said: dict[Saying, int] = {}
    for _, card in members:
        for saying, first_ns in card.said.items():
            said[saying] = min(first_ns, said.get(saying, first_ns))
    facts, because = facts_of(said)
    sights = [sight for _, card in members for sight in card.sights]
    macs = sorted({mac for _, card in members for mac in card.owned})
    addresses = [spot[2] for spot, card in members if parse(spot[2])]
    makers = sorted({made for mac in macs if (made := maker(mac))})
    if makers:
        facts["network card"] = ", ".join(makers)
    roles = {role for _, card in members for role in card.roles}
    spoken = sorted({protocol for protocol, _ in roles})
    roles |= {(one.protocol or "", "announcer") for one in announced}
    first = min((card for _, card in members), key=lambda card: (card.first_ns or 0, card.source))
    return Device(
        address=addresses[0] if addresses else members[0][0][2],
        facts=facts,
        because=(*because, *group.because),
        first_ns=first.first_ns or 0,
        last_ns=max(card.last_ns for _, card in members),
        source=first.source,
        site=site,
        vlan=vlan,
        mac=macs[0] if macs else None,
        addresses=tuple(addresses),
        macs=tuple(macs),
        protocols=tuple(spoken),
        roles=tuple(f"{protocol} {role}" for protocol, role in sorted(roles)),
        instances=instances(sights, announced, ends),
        against=(*group.against, *strange(sights)),
    )


def _order(spot: Spot) -> tuple[object, ...]:
    """Return what sorts addresses: by site and VLAN, IPv4 first, link-local ones last."""
    site, vlan, text = spot
    address = parse(text)
    if address is None:
        return (site, vlan is not None, vlan or 0, 9, False, b"", text)
    far = address.is_link_local
    return (site, vlan is not None, vlan or 0, address.version, far, address.packed, text)
