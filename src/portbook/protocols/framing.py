"""Messages with a length of their own, walked to the exact end of what was kept.

A capture keeps the start of each direction. Whole messages are judged first; the last one may be
cut by what was kept (that says nothing against it) or run past what was sent (that does).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from portbook.ports import Transport
from portbook.protocols import Payload, Side

MORE = 0  # a measure's answer: the header goes on past the octets that are there
LIMIT = 256  # messages looked at in one direction: enough to judge, bounded for a hostile peer

Measure = Callable[[bytes, int], int | None]


class Walk(NamedTuple):
    """What a walk over one direction found.

    messages: those that were kept whole, in order
    cut: the start of a message that goes on where nothing was kept; its length does not lie
    wrong: why the walk could not go on, None when it reached the end
    skipped: payloads left out at the start of a stream that was joined in the middle
    """

    messages: tuple[bytes, ...] = ()
    cut: bytes = b""
    wrong: str | None = None
    skipped: int = 0

    def __bool__(self) -> bool:
        return bool(self.messages or self.cut)

    @property
    def sound(self) -> bool:
        """Tell whether messages fill what was kept, and nothing else is in it."""
        return self.wrong is None and bool(self)


def walk(side: Side, transport: Transport, measure: Measure) -> Walk:
    """Split one direction into messages.

    measure: given octets and where a message begins, returns its whole length, MORE when the
    octets end before it is told, or None when no message begins there. A datagram holds whole
    messages; a stream is walked on over its segments. A stream that was joined in the middle may
    begin with the rest of a message: then the next payload is tried.
    """
    if transport is not Transport.TCP:
        return _datagrams(side, measure)
    if side.total == 1 and not side.started:
        return Walk()  # a keep-alive carries one octet of no meaning (RFC 1122, section 4.2.3.6)
    found = _chunk(side.octets, max(side.total, len(side.octets)), measure, stream=True)
    if found or side.started:
        return found
    here = 0
    for skipped, (_, kept) in enumerate(side.pieces[:-1], start=1):
        here += kept
        rest = side.octets[here:]
        later = _chunk(rest, max(side.total - here, len(rest)), measure, stream=True)
        if later.messages:
            return later._replace(skipped=skipped)
    return found


def both(payload: Payload, measure: Measure) -> tuple[Walk, Walk]:
    """Walk both directions: to the server, to the client."""
    return (
        walk(payload.to_server, payload.transport, measure),
        walk(payload.to_client, payload.transport, measure),
    )


def _datagrams(side: Side, measure: Measure) -> Walk:
    messages: list[bytes] = []
    cut, wrong = b"", None
    for piece in side:
        if not piece.octets:
            continue
        found = _chunk(piece.octets, piece.length, measure, stream=False)
        messages += found.messages
        cut = cut or found.cut
        wrong = wrong or found.wrong
    return Walk(tuple(messages[:LIMIT]), cut, wrong)


def _chunk(octets: bytes, length: int, measure: Measure, *, stream: bool) -> Walk:
    messages: list[bytes] = []
    at = 0
    while at < len(octets) and len(messages) < LIMIT:
        size = measure(octets, at)
        if size is None:
            return Walk(tuple(messages), wrong=f"no message begins at octet {at}")
        end = at + size
        if size == MORE or end > len(octets):
            return _ending(octets, at, end if size else at, length, messages, stream=stream)
        messages.append(octets[at:end])
        at = end
    if at == len(octets) < length and not stream:
        return Walk(tuple(messages), wrong=f"the datagram goes on after octet {at}")
    return Walk(tuple(messages))


def _ending(
    octets: bytes, at: int, end: int, length: int, messages: list[bytes], *, stream: bool
) -> Walk:
    """Judge a last message that was not kept whole.

    A cut datagram must be filled by its messages to its true end, as far as that is told.
    """
    if len(octets) < length and end <= length:
        if not stream and end not in (at, length):
            return Walk(tuple(messages), octets[at:], f"the length told ends at octet {end}")
        return Walk(tuple(messages), octets[at:])
    what = "the last message is not finished" if stream else "a length told is past the end"
    return Walk(tuple(messages), wrong=f"{what}: it begins at octet {at}")
