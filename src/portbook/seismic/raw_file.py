"""One file of a raw REF TEK archive while it is written: what it holds, what may follow.

Pure. Source: rules of the maker's archive library (run on real packets), with reordering allowed.
"""

from __future__ import annotations

import msgspec

from portbook.protocols.reftek.layouts import EH
from portbook.protocols.reftek.packets import Packet
from portbook.seismic.names import DAY_NS, MILLI, NANO, text_ns
from portbook.seismic.shelves import MARGIN_NS, WRAP, Head
from portbook.seismic.tags import derived_rate, span_ns, told_rate

STATE_OF_HEALTH = 0  # the folder of all packets that belong to no stream


def place_of(packet: Packet) -> int:
    """Return the number of a packet's folder: wire stream + 1, or 0 outside of streams."""
    return STATE_OF_HEALTH if packet.stream is None else packet.stream + 1


def begins_ns(packet: Packet, at_ns: int) -> int:
    """Return the time that a file gets which begins with this packet: of its first sample."""
    if packet.type != "EH":
        return at_ns
    told = text_ns(EH.get(packet.octets, "first_sample"))
    # Old firmware scrambles the field: a time far from the header's is not believed.
    return told if told is not None and abs(told - at_ns) < DAY_NS else at_ns


class RawFile(msgspec.Struct):
    """A file that is open for more packets; channels: time and samples of each one's last DT."""

    path: str
    unit: str
    place: int
    event: int | None
    first_ns: int
    first_sequence: int
    latest_ns: int
    count: int = 0
    rate_hz: float | None = None
    ended_ns: int | None = None  # the last sample as the trailer tells it
    channels: dict[int, tuple[int, int]] = {}

    @property
    def head(self) -> Head:
        """Return what finding a packet in it needs."""
        return Head(self.event, self.first_sequence, self.count)

    def takes(self, packet: Packet, at_ns: int) -> bool:
        """Tell whether a packet goes on where this file ends: a sequence break ends a file."""
        if packet.event != self.event:
            return False
        if packet.sequence != (self.first_sequence + self.count) % WRAP:
            return False
        if self.place == STATE_OF_HEALTH and at_ns // DAY_NS != self.first_ns // DAY_NS:
            return False
        # A clock that leaps by more (no lock, a GPS week) would put data under a wrong day.
        return self.first_ns - MARGIN_NS <= at_ns <= self.latest_ns + DAY_NS

    def add(self, packet: Packet, at_ns: int) -> None:
        """Note a packet that was appended."""
        self.count += 1
        self.latest_ns = max(self.latest_ns, at_ns)
        if packet.type in ("EH", "ET"):
            self.rate_hz = told_rate(packet) or self.rate_hz
            if packet.type == "ET":
                self.ended_ns = text_ns(EH.get(packet.octets, "last_sample"))
        elif packet.type == "DT" and packet.channel is not None:
            self._data(packet.channel, packet.samples or 0, at_ns)

    @property
    def end_ns(self) -> int:
        """Return where its data end."""
        if self.channels:
            rate = self.rate_hz
            return max(at + (span_ns(n, rate) if rate else 0) for at, n in self.channels.values())
        if self.ended_ns is not None:
            # The maker's library takes whole seconds here; names are to agree with its names.
            return max(self.first_ns, self.ended_ns // NANO * NANO)
        return self.latest_ns

    @property
    def length_ms(self) -> int:
        """Return how long its data last, as its closing name tells."""
        return max(0, round((self.end_ns - self.first_ns) / MILLI))

    def _data(self, channel: int, samples: int, at_ns: int) -> None:
        before = self.channels.get(channel)
        if before and self.rate_hz is None:
            self.rate_hz = derived_rate(before[1], at_ns - before[0])
        if before is None or at_ns >= before[0]:
            self.channels[channel] = (at_ns, samples)
