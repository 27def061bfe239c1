"""Which recognisers are worth asking: signatures as data, looked up, not called.

The compiled packet reader takes the same table (`rows`) and sets the same bits, so a million
conversations do not cost a million times fifty Python calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from portbook.errors import UsageError
from portbook.ports import Transport
from portbook.protocols import Payload, Protocol, protocols

WIDEST = 8
FEWEST = 2  # bits of the first octet by which a signature is found: it stands in 64 lists at most
NUMBERS = {Transport.TCP: 6, Transport.UDP: 17, Transport.DCCP: 33, Transport.SCTP: 132}


class Row(NamedTuple):
    """One signature for the packet reader: octets at `at`, masked, equal `value`."""

    transport: int  # IP protocol number
    at: int
    length: int
    mask: int  # big-endian, `length` octets
    value: int  # big-endian, already masked
    bit: int  # position of the protocol in `Prefilter.order`
    many: bool = False  # the protocol asks for more datagrams than the first few


class Group(NamedTuple):
    """Signatures that look at the same octets."""

    at: int
    length: int
    mask: int
    values: dict[int, int]  # masked value: the protocols, a bit for each


class Index:
    """Signatures by the first octet that they ask for, so that few are looked at.

    Most protocols begin with an octet of their own: another one of them costs the others nothing.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        tests: dict[tuple[int, int, int, int], dict[int, int]] = defaultdict(dict)
        for row in rows:
            values = tests[row.transport, row.at, row.length, row.mask]
            values[row.value] = values.get(row.value, 0) | 1 << row.bit
        # by transport: 256 lists by the first octet, then those that do not tell by it
        self.groups: dict[int, list[list[Group]]] = {}
        for (transport, at, length, mask), values in tests.items():
            lists = self.groups.setdefault(transport, [[] for _ in range(257)])
            for first, group in _by_first(Group(at, length, mask, values)):
                lists[first].append(group)

    def bits(self, transport: int, octets: bytes) -> int:
        """Return the protocols whose signature stands at the start of one direction.

        transport: IP protocol number; octets: the first payload, or the start of the stream
        """
        lists = self.groups.get(transport)
        if lists is None or not octets:
            return 0
        found = 0
        size = len(octets)
        for groups in (lists[octets[0]], lists[256]):
            for at, length, mask, values in groups:
                if at + length <= size:
                    found |= values.get(int.from_bytes(octets[at : at + length], "big") & mask, 0)
        return found


class Prefilter:
    """The signatures of a set of protocols, ready to be looked up."""

    def __init__(self, known: Iterable[Protocol]) -> None:
        self.order = tuple(known)
        self.rows = tuple(
            _row(protocol, bit, number)
            for bit, protocol in enumerate(self.order)
            for number in range(len(protocol.signatures))
        )
        self.always = sum(1 << bit for bit, one in enumerate(self.order) if not one.signatures)
        self.bits = Index(self.rows).bits

    def chosen(self, bits: int) -> tuple[Protocol, ...]:
        """Return the protocols of a set of bits."""
        bits |= self.always
        return tuple(one for bit, one in enumerate(self.order) if bits >> bit & 1)

    def candidates(self, payload: Payload) -> tuple[Protocol, ...]:
        """Return the protocols worth asking about this payload."""
        number = NUMBERS[payload.transport]
        return self.chosen(
            self.bits(number, payload.to_server.octets)
            | self.bits(number, payload.to_client.octets)
        )


def _by_first(group: Group) -> Iterator[tuple[int, Group]]:
    """Give what a group asks of each first octet; 256: it asks nothing of that, or too little."""
    at, length, mask, values = group
    shift = 8 * (length - 1)
    if at or (mask >> shift).bit_count() < FEWEST:
        yield 256, group
        return
    firsts: dict[int, dict[int, int]] = defaultdict(dict)
    for value, bits in values.items():
        firsts[value >> shift][value] = bits
    for first in range(256):
        if asked := firsts.get(first & mask >> shift):
            yield first, Group(at, length, mask, asked)


def _row(protocol: Protocol, bit: int, number: int) -> Row:
    signature = protocol.signatures[number]
    length = len(signature.value)
    mask = signature.mask or b"\xff" * length
    if not 1 <= length <= WIDEST or len(mask) != length:
        raise UsageError(f"{protocol.name}: a signature has 1 to {WIDEST} octets and its mask too")
    wanted = int.from_bytes(mask, "big")
    return Row(
        NUMBERS[signature.transport],
        signature.at,
        length,
        wanted,
        int.from_bytes(signature.value, "big") & wanted,
        bit,
        protocol.talkative,
    )


@cache
def prefilter() -> Prefilter:
    """Return the prefilter over all protocols."""
    return Prefilter(protocols().values())
