"""Which recognisers are worth asking: signatures as data, looked up, not called.

The compiled packet reader takes the same table (`rows`) and sets the same bits, so a million
conversations do not cost a million times fifty Python calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from portbook.errors import UsageError
from portbook.ports import Transport
from portbook.protocols import Payload, Protocol, protocols

WIDEST = 8
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
        groups: dict[int, dict[tuple[int, int, int], dict[int, int]]] = defaultdict(dict)
        for row in self.rows:
            values = groups[row.transport].setdefault((row.at, row.length, row.mask), {})
            values[row.value] = values.get(row.value, 0) | 1 << row.bit
        self._groups = {
            transport: tuple((*key, values) for key, values in tests.items())
            for transport, tests in groups.items()
        }

    def bits(self, transport: int, octets: bytes) -> int:
        """Return the protocols whose signature the first payload of one direction has.

        transport: IP protocol number; octets: the start of that payload or stream
        """
        found = 0
        size = len(octets)
        for at, length, mask, values in self._groups.get(transport, ()):
            if at + length <= size:
                found |= values.get(int.from_bytes(octets[at : at + length], "big") & mask, 0)
        return found

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
