"""How a data packet follows the one before on its channel: the truth table, and rates.

Sequence unbroken, samples follow, time off: the clock was set. Packets missing: a gap. Sequence
unbroken, samples do not follow: corrupt. Of plain formats (16, 32, 33) no sample tells what stood
before it, so an unbroken sequence alone decides. Source: six real files, eight clock steps.
"""

from __future__ import annotations

from portbook.protocols.reftek.packets import Packet
from portbook.seismic.outcomes import Join, Placed
from portbook.seismic.tags import FINEST_NS, Chain, chain, derived_rate, span_ns


class Channel:
    """What is known of the last packet of one channel."""

    __slots__ = ("event", "last", "losses", "rate_hz", "samples", "time_ns")

    def __init__(
        self,
        time_ns: int,
        samples: int,
        rate_hz: float | None,
        event: object,
        losses: int,
        last: int | None,
    ) -> None:
        self.time_ns = time_ns
        self.samples = samples
        self.rate_hz = rate_hz
        self.event = event
        self.losses = losses
        self.last = last

    @classmethod
    def of(
        cls, packet: Packet, time_ns: int, rate_hz: float | None, event: object, losses: int
    ) -> Channel:
        """Return the state behind a packet."""
        link = chain(packet)
        last = link.last if link else None
        return cls(time_ns, packet.samples or 0, rate_hz, event, losses, last)

    @property
    def end_ns(self) -> int | None:
        """Return when the sample after its last one is due; None while the rate is unknown."""
        return self.time_ns + span_ns(self.samples, self.rate_hz) if self.rate_hz else None


def place(
    channels: dict[int, Channel],
    packet: Packet,
    time_ns: int,
    rate_hz: float | None,
    event: object,
    losses: int,
    cargo: object,
) -> Placed:
    """Judge one DT packet and remember it.

    event: an object that stands for the event; losses: how often packets have been missing so far
    """
    if not packet.samples or packet.channel is None:
        return Placed(packet, time_ns, rate_hz, None, None, cargo)
    link = chain(packet)
    before = channels.get(packet.channel)
    join, off_ns = Join.FIRST, None
    if before:
        join, off_ns = _judged(before, time_ns, rate_hz, event, losses, link)
    last = link.last if link else None
    channels[packet.channel] = Channel(time_ns, packet.samples, rate_hz, event, losses, last)
    return Placed(packet, time_ns, rate_hz, join, off_ns, cargo)


def between(before: Channel | None, packet: Packet, time_ns: int, losses: int) -> float | None:
    """Return the rate that two packets of a channel in a row tell, when nothing is between."""
    if before is None or before.losses != losses:
        return None
    link = chain(packet)
    if link and before.last is not None and link.before != before.last:
        return None
    return derived_rate(before.samples, time_ns - before.time_ns)


def _judged(
    before: Channel,
    time_ns: int,
    rate_hz: float | None,
    event: object,
    losses: int,
    link: Chain | None,
) -> tuple[Join, int | None]:
    lost = before.losses != losses
    end_ns = before.end_ns
    follows = None if link is None or before.last is None else link.before == before.last
    if end_ns is not None and before.rate_hz != rate_hz:
        return Join.RATE, time_ns - end_ns
    if end_ns is None:
        if before.event is not event:
            return Join.EVENT, None
        if follows is False and not lost:
            return Join.BROKEN, None
        return (Join.GAP if lost and not follows else Join.JOINED), None
    off_ns = time_ns - end_ns
    return _by_time(off_ns, lost, follows, before.event is event), off_ns


def _by_time(off_ns: int, lost: bool, follows: bool | None, same_event: bool) -> Join:
    fits = abs(off_ns) < FINEST_NS
    if not same_event:
        # C0 begins each event with a difference from 0, newer C2 goes on from the last event:
        # across events the first difference proves nothing.
        if fits:
            return Join.JOINED
        return Join.GAP if lost and off_ns > 0 else Join.EVENT
    if follows is False and (fits or not lost):
        return Join.BROKEN
    if fits:
        return Join.JOINED
    if not lost:
        return Join.CLOCK_STEP
    if off_ns > 0:
        # A flat signal follows itself across any loss, so here the samples prove nothing.
        return Join.GAP
    return Join.CLOCK_STEP if follows else Join.OVERLAP
