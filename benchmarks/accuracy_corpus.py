"""The conversations of captures, named by their octets alone, and what their README says of them.

Nothing here knows a port but as the address of a conversation: a recogniser is handed a
`Payload`, which has none. Each payload is asked about twice: through the prefilter, as the
product does it, and by all recognisers there are, so that what the prefilter loses shows. Then
answers are held against questions that went another way, as the product does it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from portbook.errors import SourceError
from portbook.evidence import captures, readers
from portbook.evidence.conversations import Observed, records, turned
from portbook.protocols import Cast, Payload, identify, protocols
from portbook.protocols.prefilter import prefilter
from portbook.records import Confidence, Conversation, Identification
from portbook.survey.elsewhere import joined
from portbook.survey.naming import Named

ROOT = Path(__file__).resolve().parents[1]
CAPTURES = ROOT.parent / "shared" / "captures"
SUFFIXES = (".pcap", ".pcapng", ".pcap.gz", ".pcapng.zst")
_ROW = re.compile(r"\| (\S+\.(?:pcap|pcapng|pcap\.gz|pcapng\.zst)) \|.*\|([^|]*)\|\s*$")
_GROUP = re.compile(r"(\S+) (tcp|udp|sctp)/(\d+): (\d+) conv")
_SPOKEN_OF = ("tests/**/*.py", "src/portbook/protocols/**/*.py")

Ends = tuple[tuple[str, int], tuple[str, int]]


class Key(NamedTuple):
    """What a conversation is known by to every witness: transport and both ends, in order."""

    transport: str
    low: tuple[str, int]
    high: tuple[str, int]

    @property
    def ports(self) -> frozenset[int]:
        return frozenset((self.low[1], self.high[1]))

    def __str__(self) -> str:
        (one, here), (two, there) = self.low, self.high
        return f"{self.transport} {one} {here} {two} {there}"

    @classmethod
    def of(cls, transport: str, one: tuple[str, int], other: tuple[str, int]) -> Key:
        """Make a key from ends in any order, their addresses in any spelling."""
        low, high = sorted((str(ip_address(address)), port) for address, port in (one, other))
        return cls(transport, low, high)

    @classmethod
    def read(cls, text: str) -> Key:
        transport, one, here, two, there = text.split(" ")
        return cls(transport, (one, int(here)), (two, int(there)))


class Asked(NamedTuple):
    """A conversation with payload, and what our recognisers say of it."""

    capture: str
    key: Key
    server_port: int
    protocol: str | None
    confidence: Confidence | None
    through_prefilter: bool  # the same is said when the prefilter chooses who is asked
    rivals: tuple[str, ...]  # other recognisers that call the same octets CONFIRMED


class Read(NamedTuple):
    """A capture with its conversations."""

    asked: tuple[Asked, ...]
    silent: int  # conversations without a single octet of payload
    problem: str | None  # why it was not read to its end


def names(folder: Path) -> list[str]:
    """Return the captures below a folder, by their names relative to it."""
    found = (path for path in folder.rglob("*") if path.name.endswith(SUFFIXES))
    return sorted(str(path.relative_to(folder)) for path in found if path.is_file())


def read(folder: Path, name: str) -> Read:
    """Read one capture and ask every recogniser about each conversation."""
    table = readers.table(prefilter().rows, seed=1)
    problem = None
    try:
        source = captures.Capture(name, str(folder / name))
        captures.read(source, table, full=lambda: None, starved=table.release)
    except SourceError as error:  # what stands before the damage counts
        problem = str(error)
    seen = list(records(table.rows(), name))
    spoken = [one for one in seen if one.conversation.payload_octets]
    named = joined([_named(one) for one in spoken])
    asked = (_asked(one, told) for one, told in zip(spoken, named, strict=True))
    return Read(tuple(asked), len(seen) - len(spoken), problem)


def _named(one: Observed) -> Named:
    told = identify(one.payload, tuple(protocols().values()), roles_known=one.roles_known)
    found = (turned(one) if told and told.swapped else one).conversation
    if told:
        found = replace(found, protocol=told.protocol, confidence=told.confidence)
    return Named(found, one.times, told, 0)


def _asked(one: Observed, named: Named) -> Asked:
    chosen = identify(one.payload, prefilter().chosen(one.candidates), roles_known=one.roles_known)
    everyone = identify(one.payload, tuple(protocols().values()), roles_known=one.roles_known)
    conversation = named.conversation
    name = conversation.protocol
    by_bytes = everyone.protocol if everyone else None
    return Asked(
        conversation.source,
        key(conversation),
        conversation.server_port,
        name,
        conversation.confidence,
        _said(everyone) == _said(chosen),
        tuple(sorted(_sure(one.payload) - {name, by_bytes})),
    )


def _said(told: Identification | None) -> tuple[str, Confidence] | None:
    return (told.protocol, told.confidence) if told else None


def _sure(payload: Payload) -> set[str | None]:
    """Return every protocol whose recogniser calls a payload CONFIRMED, whatever its rank."""
    ways = [payload, payload.swapped()] if payload.cast is Cast.UNICAST else [payload]
    return {
        told.protocol
        for way in ways
        for protocol in protocols().values()
        if (told := protocol.recognise(way)) and told.confidence is Confidence.CONFIRMED
    }


def key(one: Conversation) -> Key:
    """Return what every witness knows a conversation by."""
    return Key.of(one.transport.value, (one.client, one.client_port), (one.server, one.server_port))


Place = tuple[str, int]  # transport, port


@cache
def rows(folder: Path) -> Mapping[str, Mapping[Place, Mapping[str, int]]]:
    """Return how many conversations of which label the README counts at each port of a capture."""
    found: dict[str, dict[Place, dict[str, int]]] = {}
    with suppress(FileNotFoundError):
        for line in (folder / "README.md").read_text().splitlines():
            if row := _ROW.match(line):
                found[row[1]] = dict(_places(row[2]))
    return found


def _places(text: str) -> Iterator[tuple[Place, dict[str, int]]]:
    places: dict[Place, dict[str, int]] = {}
    for label, transport, port, many in _GROUP.findall(text):
        labels = places.setdefault((transport, int(port)), {})
        labels[label] = labels.get(label, 0) + int(many)
    return iter(places.items())


@cache
def spoken_of(root: Path = ROOT) -> str:
    """Return the text of all tests and recognisers, in which tuned captures stand by name."""
    paths = (path for pattern in _SPOKEN_OF for path in sorted(root.glob(pattern)))
    return "\n".join(path.read_text() for path in paths)


def tuned(name: str) -> bool:
    """Tell whether a test or a recogniser names a capture."""
    return name in spoken_of()
