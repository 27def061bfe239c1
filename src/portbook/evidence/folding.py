"""Many conversations told as one: those that differ in their client's port and nothing judged.

A day of a plant has hundreds of thousands of conversations, and most are the same few again and
again: one client asks one service. Where only totals, services and findings are wanted, they are
folded into one record that counts them, without a Python object for each; the compiled modules do
it, and where they are not built every conversation takes the long way to the same end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from portbook.evidence import arrays
from portbook.evidence.conversations import BY_SYN, TRANSPORTS, address_text, mac_text
from portbook.evidence.tunnels import NAMES
from portbook.ports import Transport
from portbook.protocols.moulds import Mould
from portbook.records import Confidence, Conversation

LOST, UNKNOWN = -2, -1  # judgements beside the numbers of moulds


class Totals(NamedTuple):
    """What conversations that were judged alike come to."""

    conversations: int
    packets: int
    octets: int
    payload_octets: int
    last_ns: int


class Kind(NamedTuple):
    """What is added up."""

    protocol: str | None
    confidence: Confidence | None


class Folding(Protocol):
    """Groups of conversations that are folded together, as numbers."""

    @property
    def groups(self) -> int:
        """Return how many groups there are."""

    @property
    def left_out(self) -> int:
        """Return how many conversations found no room: they count in the totals only."""

    def fold(self, flows: Any, rows: Iterable[int]) -> list[int]:
        """Fold rows of the compiled table by their numbers; return those that cannot be."""

    def learn(self, flows: Any, rows: Iterable[int]) -> list[int]:
        """Judge rows before their longer heads are given back; return those that fit no mould."""

    def sweep(self, flows: Any) -> None:
        """Settle every conversation that fits by now, once many have been met since."""

    def group(self, number: int) -> Sequence[int]:
        """Return the words of a group."""

    def total(self, judged: int) -> Sequence[int]:
        """Return the numbers of `Totals` for the conversations with one judgement."""


class Name(NamedTuple):
    """What a mould stands for."""

    protocol: str
    mould: Mould


class Short(NamedTuple):
    """What is told of a conversation in one short line."""

    transport: Transport
    client: str
    client_port: int
    server: str
    server_port: int
    vlan: int | None
    tunnel: str | None
    packets: int
    octets: int
    payload_octets: int
    first_ns: int
    last_ns: int
    protocol: str | None
    confidence: Confidence | None


class Folded(NamedTuple):
    """One record for many conversations, and where the first of them stands in its source."""

    conversation: Conversation
    where: int


def folding(
    names: Sequence[Name],
    *,
    seed: int,
    most: int,
    enough: int,
    unknowable: bool,
    every: int,
    tell: Callable[[Iterable[Short]], None] | None = None,
) -> Folding | None:
    """Return what folds conversations; None where the compiled modules are not built.

    names: of what is recognised by its mould; most: groups held at once
    enough: octets each way that say something of a protocol
    unknowable: a conversation that no signature knows has no name, since each protocol has one
    every: new conversations after which all that fit by now are settled
    tell: gets each conversation that is folded, many at a time
    """
    try:
        from portbook.evidence._folding import Folding as Compiled
    except ImportError:
        return None
    return Compiled(
        [one.mould for one in names],
        seed=seed,
        most=most,
        enough=enough,
        unknowable=unknowable,
        every=every,
        tell=partial(_tell, tell, names) if tell else None,
    )


def totals(folded: Folding, names: Sequence[Name]) -> dict[Kind, Totals]:
    """Return what was folded by its protocol and how sure that is."""
    found: dict[Kind, Totals] = {}
    for judged in range(LOST, len(names)):
        add(found, _kind(names, judged), Totals(*folded.total(judged)))
    return found


def alike(seen: Iterable[Conversation]) -> dict[Kind, Totals]:
    """Return what conversations come to by their protocol and how sure that is."""
    found: dict[Kind, Totals] = {}
    for one in seen:
        told = Totals(one.alike, one.packets, one.octets, one.payload_octets, one.last_ns)
        add(found, Kind(one.protocol, one.confidence), told)
    return found


def add(found: dict[Kind, Totals], kind: Kind, told: Totals) -> None:
    """Add to the totals of a kind."""
    before = found.get(kind)
    if before and told.conversations:
        told = Totals(
            before.conversations + told.conversations,
            before.packets + told.packets,
            before.octets + told.octets,
            before.payload_octets + told.payload_octets,
            max(before.last_ns, told.last_ns),
        )
    if told.conversations:
        found[kind] = told


def conversations(
    folded: Folding, names: Sequence[Name], source: str, site: str
) -> Iterator[Folded]:
    """Give a record for each group."""
    for number in range(folded.groups):
        yield _folded(folded.group(number), names, source, site)


def short(one: Conversation) -> Short:
    """Return what is told of a conversation in one short line."""
    return Short(*(getattr(one, name) for name in Short._fields))


def _tell(
    tell: Callable[[Iterable[Short]], None],
    names: Sequence[Name],
    rows: Iterable[tuple[list[int], int]],
) -> None:
    tell(_short(words, _kind(names, judged)) for words, judged in rows)


def _short(words: Sequence[int], kind: Kind) -> Short:
    """Return what is told of a row of the compiled table; `arrays` says what stands where."""
    key, state = words[arrays.KEY], words[arrays.STATE]
    number = key >> arrays.TRANSPORT & 0xFF
    vlan = key >> arrays.VLAN & 0x1FFF
    lower = _address(words[0], words[1], key), key >> arrays.LOWER_PORT
    higher = _address(words[2], words[3], key), key >> arrays.HIGHER_PORT & 0xFFFF
    asks = BY_SYN[state // arrays.SYNS & 15] if number == 6 else True
    from_higher = bool(state & arrays.SWAPPED) == (asks is not False)
    client, server = (higher, lower) if from_higher else (lower, higher)
    return Short(
        TRANSPORTS[number],
        *client,
        *server,
        vlan - 1 if vlan else None,
        NAMES[key & 0xFF],
        words[arrays.PACKETS] + words[arrays.PACKETS + 1],
        words[arrays.OCTETS] + words[arrays.OCTETS + 1],
        words[arrays.PAYLOAD] + words[arrays.PAYLOAD + 1],
        _signed(words[arrays.FIRST]),
        _signed(words[arrays.LAST]),
        *kind,
    )


def _folded(words: Sequence[int], names: Sequence[Name], source: str, site: str) -> Folded:
    key, judged = words[4], words[5] - 3
    there, back, octets, payload, answer = words[7:12]
    first_ns, last_ns = map(_signed, words[12:14])
    where, client_mac, server_mac, client_port, asked, told = words[14:20]
    transport = TRANSPORTS[key >> 24 & 0xFF]
    vlan = key >> 8 & 0x1FFF
    kind = _kind(names, judged)
    if kind.protocol is None:  # one that said enough stands for all: what it said is a reason
        payload, answer = asked, told
    conversation = Conversation(
        transport=transport,
        client=_address(words[0], words[1], key),
        client_port=client_port,
        server=_address(words[2], words[3], key),
        server_port=key >> 32,
        source=source,
        packets=there + back,
        octets=octets,
        payload_octets=payload + answer,
        first_ns=first_ns,
        last_ns=last_ns,
        site=site,
        vlan=vlan - 1 if vlan else None,
        tunnel=NAMES[key & 0xFF],
        packets_to_server=there,
        packets_to_client=back,
        payload_octets_to_server=payload,
        payload_octets_to_client=answer,
        roles="syn" if key >> 24 & 0xFF == 6 else "first-sender",
        client_mac=_mac(client_mac),
        server_mac=_mac(server_mac),
        answered=True,
        protocol=kind.protocol,
        confidence=kind.confidence,
        alike=words[6],
    )
    return Folded(conversation, where)


def less(found: dict[Kind, Totals], kind: Kind, told: Totals) -> None:
    """Take away from the totals of a kind."""
    before = found[kind]
    found[kind] = Totals(
        before.conversations - told.conversations,
        before.packets - told.packets,
        before.octets - told.octets,
        before.payload_octets - told.payload_octets,
        before.last_ns,
    )


def _kind(names: Sequence[Name], judged: int) -> Kind:
    return Kind(names[judged].protocol, Confidence.CONFIRMED) if judged >= 0 else Kind(None, None)


def _address(high: int, low: int, key: int) -> str:
    if key & arrays.IPV6:
        return address_text((high << 64 | low).to_bytes(16, "big"))
    return address_text(low.to_bytes(4, "big"))


def _mac(word: int) -> str | None:
    return (
        mac_text((word & arrays.PRESENT - 1).to_bytes(6, "big")) if word & arrays.PRESENT else None
    )


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word
