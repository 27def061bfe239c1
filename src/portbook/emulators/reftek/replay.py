"""Real recordings, sent again as their recorder sent them: each packet when it was full.

Pure: octets in, packets with elapsed times out. Nothing in a packet is changed, but the unit id
where a second recorder of the same kind is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator

from portbook.emulators.reftek.dates import NANO
from portbook.emulators.reftek.instruments import Made
from portbook.protocols.reftek import packets
from portbook.protocols.reftek.packets import Packet
from portbook.seismic.tags import span_ns, time_ns, told_rate

SIZE = 1024
LONGEST_NS = 3 * 3600 * NANO  # no healthy stream is silent for longer; a longer gap is left out


def replay(octets: bytes, near_year: int, unit: int | None = None) -> Iterator[Made]:
    """Give the packets of a file with the elapsed time at which each was full.

    octets: packets of 1024 octets in a row, a cut last one is left out; near_year: chooses the
    century of their times; unit: sent instead of theirs
    Times that go back, as those of a clock that was set, send at once. What is no packet goes
    with the one before it.
    """
    rates: dict[tuple[str, int | None], float] = {}
    now_ns = 0
    last_ns: int | None = None
    for at in range(0, len(octets) - SIZE + 1, SIZE):
        whole = octets[at : at + SIZE]
        packet = packets.read(whole)
        full_ns = _full(packet, near_year, rates) if packet else None
        if full_ns is not None:
            step_ns = full_ns - (full_ns if last_ns is None else last_ns)
            if 0 < step_ns <= LONGEST_NS:
                now_ns += step_ns
            last_ns = full_ns if step_ns > LONGEST_NS else max(full_ns, last_ns or full_ns)
        if packet and unit is not None:
            whole = whole[:4] + unit.to_bytes(2) + whole[6:]
        yield Made(now_ns, whole)


def _full(packet: Packet, near_year: int, rates: dict[tuple[str, int | None], float]) -> int | None:
    """Return when a packet was full; a trailer's tag is of its event's begin and tells nothing."""
    when = time_ns(packet, near_year)
    key = packet.unit, packet.stream
    if packet.type in ("EH", "ET"):
        rate_hz = told_rate(packet)
        if rate_hz:
            rates[key] = rate_hz
        return when if packet.type == "EH" else None
    if when is None or packet.type != "DT":
        return when
    rate_hz = rates.get(key)
    return when + (span_ns(packet.samples or 0, rate_hz) if rate_hz else 0)
