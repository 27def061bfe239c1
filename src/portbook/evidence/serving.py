"""Which addresses and ports serve, as far as conversations show it.

The rule: an end is a service when one of its conversations
1. was answered: SYN+ACK or payload over TCP (a reset is no answer), any datagram back otherwise;
2. or was not, but is of a named protocol and at least three packets went there: what only takes,
   as a receiver of traps or of seismic data does, looks like that; one probe of a scan does not;
3. or is a broadcast or multicast of a named protocol from the very port number that it goes to:
   then its sender serves, as a controller does that announces itself from 1740 to 1740-1743.
Broadcast and group addresses are never a service themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from portbook.ports import Transport
from portbook.records import Confidence, Conversation, Service

TAKEN = 3  # packets of a named protocol that show a receiver which never answers
_NOBODY = ("0.0.0.0", "::")


class _Place(NamedTuple):
    site: str
    source: str
    vlan: int | None
    transport: Transport
    address: str
    port: int


class _Seen:
    """What is gathered of one service while its conversations go by."""

    def __init__(self, one: Conversation) -> None:
        self.protocols: set[str] = set()
        self.claims: dict[str, None] = {}
        self.clients: set[str] = set()
        self.parted: set[tuple[str, int, str, int]] = set()  # whose parts count once
        self.conversations = 0
        self.first_ns, self.last_ns = one.first_ns, one.last_ns
        self.confidence: Confidence | None = None

    def add(self, one: Conversation, client: str | None) -> None:
        ends = (one.client, one.client_port, one.server, one.server_port)
        if one.part is None or ends not in self.parted:
            self.conversations += one.alike
        if one.part is not None:
            self.parted.add(ends)
        self.first_ns = min(self.first_ns, one.first_ns)
        self.last_ns = max(self.last_ns, one.last_ns)
        self.claims.update(dict.fromkeys(one.claims))
        if client:
            self.clients.add(client)
        if one.protocol:
            self.protocols.add(one.protocol)
        if one.confidence and self.confidence is not Confidence.CONFIRMED:
            self.confidence = one.confidence


def services(conversations: Iterable[Conversation]) -> list[Service]:
    """Return the services that conversations show, in the order they were first met.

    conversations: named already, where their bytes say anything. The claims of an announcing
    sender's port are those of the conversations that go to that port.
    """
    seen: dict[_Place, _Seen] = {}
    for one in conversations:
        for place, client in _places(one):
            if place not in seen:
                seen[place] = _Seen(one)
            seen[place].add(one, client)
    return [_service(place, what) for place, what in seen.items()]


def _places(one: Conversation) -> Iterator[tuple[_Place, str | None]]:
    if one.cast == "unicast":
        if one.answered or (one.protocol and one.packets_to_server >= TAKEN):
            yield _place(one, one.server, one.server_port), one.client
    elif one.protocol and one.client_port == one.server_port and one.client not in _NOBODY:
        yield _place(one, one.client, one.client_port), None


def _place(one: Conversation, address: str, port: int) -> _Place:
    return _Place(one.site, one.source, one.vlan, one.transport, address, port)


def _service(place: _Place, what: _Seen) -> Service:
    return Service(
        address=place.address,
        port=place.port,
        transport=place.transport,
        protocols=tuple(sorted(what.protocols)),
        claims=tuple(what.claims),
        conversations=what.conversations,
        first_ns=what.first_ns,
        last_ns=what.last_ns,
        source=place.source,
        site=place.site,
        vlan=place.vlan,
        confidence=what.confidence,
        clients=len(what.clients),
    )
