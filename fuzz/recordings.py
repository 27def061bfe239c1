"""Target: REF TEK packets, their headers, their samples, and a file of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fuzz.target import Target, agree, must
from portbook.emulators import recorder
from portbook.protocols.reftek import checks, packets
from portbook.protocols.reftek.layouts import SIZE
from portbook.seismic import plain, samples

START_NS = 1_767_600_000_000_000_000
YEAR = 2026


def reftek(octets: bytes) -> None:
    """Read octets as packets, one by one and as a file."""
    found = []
    packets.find(octets, len(octets))
    for at in range(0, len(octets), SIZE):
        one = octets[at : at + SIZE]
        packet, fault = packets.read(one), checks.fault(one)
        must(packet is not None or fault is not None, "a packet without a header has no fault")
        if packet is not None:
            found.append(packet)
            must(bool(packet.faults) <= bool(fault), f"{packet.faults}, and yet no fault")
    packets.identity(packets.facts(found))
    _decoded(found)
    plain.plain(octets, YEAR)


def _decoded(found: list[packets.Packet]) -> None:
    """Decode packets alone, and so many at once that another way is taken."""
    together = samples.decode_all(found * 5)[: len(found)]
    for packet, one in zip(found, together, strict=True):
        alone = samples.decode(packet)
        agree(alone.refusal, one.refusal, "alone it is refused otherwise than among others")
        agree(alone.overscaled, one.overscaled, "alone it is scaled otherwise")
        if alone.values is not None:
            must(np.array_equal(alone.values, one.values), "other samples alone than among others")
            must(len(alone.values) == (packet.samples or 0), "another number of samples than told")


def _seeds() -> Iterator[bytes]:
    event = recorder.event("9D20", START_NS, 30)
    yield event[0] + event[1]
    yield event[1] + event[-1]
    yield b"".join(event[:4])
    yield event[2][:900]
    for coding in ("16", "32", "33", "C1", "C2", "C3"):
        one = bytearray(event[1])
        one[23] = int(coding, 16)
        yield bytes(one)


TARGETS = (Target("reftek-packets", reftek, _seeds, 4 * SIZE),)
