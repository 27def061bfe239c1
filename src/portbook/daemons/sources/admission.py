"""Whose packets are taken: allow-lists, the addresses of a unit, and two that share one id.

A unit may move: behind NAT a new address is normal, and is told. Its data from outside its own
`addresses` are refused with an alarm. Two addresses in turns within a minute are one recorder
with two ways here when they send the same packets: each goes out once. Else they are two with one
id: an alarm, and each keeps its own order until one of them is silent. Another RTPD that the
settings name speaks for all of its units, from its own address.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from portbook.daemons.configuration.places import Network, admits, admitted, networks
from portbook.daemons.configuration.settings import Settings
from portbook.daemons.sources.peers import Peers
from portbook.daemons.sources.ways import Likeness, Ways
from portbook.daemons.voices.voice import Voice, worth_telling
from portbook.seismic.spool import Arrival, Mode

TURNS_NS = 60_000_000_000
FORGET_NS = 600_000_000_000
_MOST_PLACES = 8  # addresses that are remembered of a unit
_MOST_KNOWN = 8192  # addresses whose permission is remembered


class Rules(NamedTuple):
    """What the settings allow; units and keys of addresses are two octets, as in packets."""

    units: frozenset[bytes]  # empty: every unit
    sources: tuple[Network, ...]
    addresses: Mapping[bytes, tuple[Network, ...]]


def rules(settings: Settings, listening: str) -> Rules:
    """Return the rules of settings; listening: ADDRESS:PORT where data come in, "" for nowhere."""
    return Rules(
        frozenset(bytes.fromhex(unit) for unit in settings.allow.units),
        admitted(settings.allow.sources, listening),
        {
            bytes.fromhex(unit): networks(about.addresses)
            for unit, about in settings.unit.items()
            if about.addresses
        },
    )


class Place:
    """Where a unit sends from. `lane` keys its packets' order."""

    __slots__ = (
        "address",
        "heard",
        "lane",
        "lanes",
        "last_ns",
        "name",
        "relay",
        "told",
        "unit",
        "ways",
    )

    def __init__(self, unit: bytes) -> None:
        self.unit = unit
        self.name = unit.hex().upper()
        self.address = ""  # "" as well while two of them take turns
        self.relay = ""  # the RTPD that sent it last
        self.last_ns = 0
        self.lane = ""
        self.heard: dict[str, int] = {}
        self.lanes: dict[str, str] | None = None  # while two take turns: lane of each address
        self.ways = Ways()  # of these two
        self.told: frozenset[str] = frozenset()  # addresses that were told to be one recorder's


class Admission:
    """Decides for each arrival; `places` is the fast way for the usual case, see `Receiver`."""

    def __init__(self, told: Rules, voice: Voice, peers: Peers) -> None:
        self._rules, self._voice, self.peers = told, voice, peers
        self._known: dict[str, bool] = {}
        self._wrong: dict[str, int | None] = {}  # None: since the last look
        self.places: dict[bytes, Place] = {}

    def reload(self, told: Rules) -> None:
        """Go on with other rules; units that are not allowed any more are forgotten."""
        self._rules = told
        self._known.clear()
        for unit in [one for one in self.places if not self._unit_allowed(one)]:
            del self.places[unit]
        for place in self.places.values():
            if not self._within(place.unit, place.address):
                place.address = ""

    def source_allowed(self, address: str) -> bool:
        """Tell whether an address may send at all."""
        known = self._known.get(address)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[address] = admits(self._rules.sources, address)
        return known

    def refuse(self, address: str, name: str, about: str = "") -> None:
        """Count what is refused, and tell of it the first time, the tenth, the hundredth."""
        times = self.peers.count(address, name)
        if worth_telling(times):
            more = f", {times} times by now" if times > 1 else ""
            self._voice.say("warning", f"refused from {address}: {name}{about}{more}")

    def meet(self, arrival: Arrival) -> Place | None:
        """Return the place of a unit that is heard for the first time; None: it is refused."""
        unit = arrival.octets[4:6]
        if not self._unit_allowed(unit):
            self.refuse(arrival.address, "unit not allowed", f" ({unit.hex().upper()})")
            return None
        place = self.places[unit] = Place(unit)
        return place

    def link_allowed(self, unit: bytes, address: str) -> bool:
        """Tell whether a link of a unit may come from an address; if not, it is told and counted.

        Asked before anything of a link is answered: what is refused must not be acknowledged.
        """
        name = unit.hex().upper()
        if not self._unit_allowed(unit):
            self.refuse(address, "unit not allowed", f" ({name})")
            return False
        if not self._within(unit, address):
            self._strange(name, address)
            return False
        return True

    def elsewhere(self, place: Place, arrival: Arrival) -> str | None:
        """Return the lane of a packet whose address is not where its unit was; None: refused."""
        address, now_ns = arrival.address, arrival.received_ns
        if arrival.mode == Mode.UPSTREAM:
            place.relay = address
            return place.lane
        if not self._within(place.unit, address):
            self._strange(place.name, address)
            return None
        if place.lanes is not None:
            place.heard[address] = now_ns
            return self._in_turns(place, place.lanes, arrival)
        before = place.address
        if before:
            place.heard[before] = place.last_ns
            self._moved(place, before, address, now_ns)
        else:
            place.address = address
        self._note(place.heard, address, now_ns)
        place.last_ns = now_ns
        if place.lanes is None:
            return place.lane
        return self._in_turns(place, place.lanes, arrival)

    def stood(self, unit: str) -> None:
        """Take over an alarm about a wrong address that stands since before a restart."""
        self._wrong[unit] = None

    def look(self, now_ns: int) -> None:
        """Clear alarms whose reason is gone; called every second or so."""
        for place in self.places.values():
            if place.lanes is not None:
                self._settle(place, now_ns)
        for unit, at in list(self._wrong.items()):
            if at is None:
                self._wrong[unit] = now_ns
            elif now_ns - at > FORGET_NS:
                del self._wrong[unit]
                self._voice.clear(f"address:{unit}")

    def _unit_allowed(self, unit: bytes) -> bool:
        return not self._rules.units or unit in self._rules.units

    def _within(self, unit: bytes, address: str) -> bool:
        those = self._rules.addresses.get(unit)
        return those is None or admits(those, address)

    def _strange(self, unit: str, address: str) -> None:
        self.refuse(address, "unit from a wrong address", f" ({unit})")
        self._wrong[unit] = None
        self._voice.alarm(
            f"address:{unit}",
            "address",
            f"unit {unit}: packets from {address}, which is outside its addresses; they are "
            f"refused. If the unit has moved, add the address to [unit.{unit}] addresses",
            unit=unit,
        )

    def _moved(self, place: Place, before: str, address: str, now_ns: int) -> None:
        """Take notice of another address: of a unit that moved, or of a second one."""
        again = now_ns - place.heard.get(address, now_ns - TURNS_NS) < TURNS_NS
        if not (again and now_ns - place.last_ns < TURNS_NS):
            place.address = address
            self._voice.say("info", f"unit {place.name} sends from {address} now, was {before}")
            return
        place.lanes, place.ways = {address: place.lane, before: before}, Ways()
        place.address = ""

    def _in_turns(self, place: Place, lanes: dict[str, str], arrival: Arrival) -> str:
        """Return the lane of a packet while several addresses speak under one id."""
        ways, before = place.ways, place.ways.likeness
        own = self._lane(lanes, arrival.address)
        lane = ways.took(arrival.octets, arrival.address, place.lane, own)
        if ways.likeness is not before:
            self._liken(place, lanes)
        return lane

    def _liken(self, place: Place, lanes: dict[str, str]) -> None:
        """Tell that it is one recorder, or two."""
        those = " and ".join(sorted(lanes))
        if place.ways.likeness is Likeness.TWO:
            place.told = frozenset()
            self._voice.alarm(
                f"twice:{place.name}",
                "address",
                f"unit {place.name}: packets from {those} in turns, and not the same ones. Two "
                "recorders have one id; each keeps its own order until one is silent",
                unit=place.name,
            )
            return
        self._voice.clear(f"twice:{place.name}")
        if not place.told.issuperset(lanes):
            place.told |= lanes.keys()
            self._voice.say(
                "info",
                f"unit {place.name}: the same packets from {those}: one recorder with two ways "
                "here, each of them goes out once",
            )

    def _lane(self, lanes: dict[str, str], address: str) -> str:
        if address not in lanes and len(lanes) < _MOST_PLACES:
            lanes[address] = address
        return lanes.get(address, address)

    def _settle(self, place: Place, now_ns: int) -> None:
        lanes = place.lanes or {}
        speaking = [one for one in lanes if now_ns - place.heard.get(one, 0) < TURNS_NS]
        if len(speaking) > 1:
            return
        place.lanes = None
        if speaking:
            place.address = speaking[0]
            if place.ways.likeness is Likeness.TWO:
                place.lane = lanes[speaking[0]]
            place.last_ns = place.heard[speaking[0]]
        place.heard.clear()
        self._voice.clear(f"twice:{place.name}")

    def _note(self, heard: dict[str, int], address: str, now_ns: int) -> None:
        heard[address] = now_ns
        if len(heard) > _MOST_PLACES:
            del heard[min(heard, key=lambda one: heard[one])]
