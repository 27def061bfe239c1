"""Ordinary conversations of BACnet/IP to one host, as moulds: services of known forms to their end.

One message, of the first two, must be walked to its end by its tags; the others need not.
Source: ASHRAE 135, clauses 6.2, 20.1, 20.2 and annex J.
"""

from __future__ import annotations

from portbook.ports import Transport
from portbook.protocols.moulds import (
    Any,
    Counted,
    Length,
    Message,
    Mould,
    Number,
    Octets,
    OneOf,
    Repeat,
    Rest,
    Speech,
    Step,
    Whole,
)

HAS_TARGET, HAS_ORIGIN, IS_NETWORK = 0x20, 0x08, 0x80  # bits of the network header's control
SERVICES = 32
LINK = 4  # octets of the link header


def moulds() -> tuple[Mould, ...]:
    """Confirmed requests and what comes back; who-is and its kin with the devices' answers."""
    requests = _said(
        *((Octets(b"\0\0", b"\xf8\0"), Any(1), *one) for one in _READS + _WRITES + _SUBSCRIBES)
    )
    instances = tuple(
        (Octets(bytes((8 | size,))), Any(size), Octets(bytes((24 | size,))), Any(size))
        for size in (1, 2, 3)
    )
    names = ((Octets(b"\x3d"), Counted(1, 1, 253)), (Octets(b"\x2c"), Any(4)))
    asked = _said(
        *((Octets(b"\x10\x08"), *one) for one in ((), *instances)),
        *((Octets(b"\x10\x07"), *one) for one in names),
    )
    told = _said((Octets(b"\x10"), Rest(1)))
    asked_so, told_so = (_said((Octets(b"\x10"), Rest(1))), _said(*_ANNOUNCED))
    any_request = _said((Octets(b"\0", b"\xf8"), Rest(3)))
    anything = _said((Octets(b"\0", b"\x80"), Rest(2)))
    # one message must be of a known form to its end: what is asked, or what is answered
    return (
        Mould(Transport.UDP, Speech(requests, anything), Speech(anything)),
        Mould(Transport.UDP, Speech(any_request, anything), Speech(_said(*_ANSWERS), anything)),
        Mould(Transport.UDP, Speech(asked), Speech(told)),
        Mould(Transport.UDP, Speech(asked_so), Speech(told_so, told)),
    )


_NUMBER = (OneOf((b"\x21", b"\x31")), Any(1)), (OneOf((b"\x22", b"\x32")), Any(2))
_ANNOUNCED: tuple[Message, ...] = (
    *(
        (Octets(b"\x10\0\xc4"), Any(4), *most, Octets(b"\x91"), Any(1), *vendor)
        for most in _NUMBER
        for vendor in _NUMBER
    ),
    (Octets(b"\x10\1\xc4"), Any(4), Octets(b"\xc4"), Any(4), Octets(b"\x75"), Counted(1, 1, 253)),
)
_SERVICE = (Any(1), Number(1, 0, SERVICES - 1))
_FILE: Message = (Octets(b"\x0e\x31"), Any(1), Octets(b"\x65"))
_ANSWERS: tuple[Message, ...] = (
    (Octets(b"\x20"), *_SERVICE),
    (Octets(b"\x50"), *_SERVICE, Octets(b"\x91"), Any(1), Octets(b"\x91"), Any(1)),
    (Octets(b"\x30"), Any(1), Octets(b"\x07\x09"), Any(1)),
    (Octets(b"\x30"), Any(1), Octets(b"\x06"), OneOf((b"\x10", b"\x11")), *_FILE,
     Counted(1, 0, 253), Octets(b"\x0f")),
)  # fmt: skip
_OBJECT: Message = (Octets(b"\x0c"), Any(4))
_PROPERTY = tuple((Octets(bytes((0x18 | size,))), Any(size)) for size in (1, 2))
_INDEX: Message = (Octets(b"\x29"), Any(1))
_PROPERTIES = Repeat((OneOf((b"\x09", b"\x19")), Any(1)), unless=0x1F)
_READS: tuple[Message, ...] = (
    *((Octets(b"\x0c"), *_OBJECT, *one, *index) for one in _PROPERTY for index in ((), _INDEX)),
    (Octets(b"\x0e"), Repeat((*_OBJECT, Octets(b"\x1e"), _PROPERTIES))),
    *(
        (Octets(b"\x06\xc4"), Any(4), Octets(b"\x0e"), *start, *count, Octets(b"\x0f"))
        for start in _NUMBER
        for count in _NUMBER
    ),
)
# of values: null, false, true; numbers of one to four octets, signed, unsigned, named; reals; texts
_NUMBERS = [OneOf(tuple(bytes((tag | size,)) for tag in (0x20, 0x30, 0x90))) for size in range(5)]
_VALUES: tuple[Message, ...] = (
    (OneOf((b"\0", b"\x10", b"\x11")),),
    *((_NUMBERS[size], Any(size)) for size in (1, 2, 3, 4)),
    (Octets(b"\x44"), Any(4)),
    (Octets(b"\x75"), Counted(1, 1, 253)),
)
_WRITES: tuple[Message, ...] = tuple(
    (Octets(b"\x0f"), *_OBJECT, *_PROPERTY[0], Octets(b"\x3e"), *value, Octets(b"\x3f"), *priority)
    for value in _VALUES
    for priority in ((), (Octets(b"\x49"), Any(1)))
)
_LIFETIMES: tuple[Message, ...] = tuple(
    (Octets(b"\x29"), Any(1), Octets(bytes((0x38 | size,))), Any(size)) for size in (1, 2, 3)
)
_SUBSCRIBES: tuple[Message, ...] = tuple(
    (Octets(bytes((5, 8 | size))), Any(size), Octets(b"\x1c"), Any(4), *lifetime)
    for size in (1, 2, 3, 4)
    for lifetime in ((), *_LIFETIMES)
)
_TOLD_AT_MOST = 1024  # octets, in which there are fewer tags than are looked at


def _said(*messages: Message) -> tuple[Message, ...]:
    """Return application messages behind all usual network headers, to one host or to all."""
    target: tuple[Step, ...] = (Any(2), Counted(1, 0, 7))
    routes: tuple[tuple[int, Message], ...] = (
        (0, ()), (HAS_TARGET, (*target, Any(1))), (HAS_ORIGIN, target),
        (HAS_TARGET | HAS_ORIGIN, (*target, *target, Any(1))),
    )  # fmt: skip
    head: Message = (
        Whole(LINK),
        OneOf((b"\x81\x0a", b"\x81\x0b")),
        Length(2, -LINK, high=_TOLD_AT_MOST),
    )
    mask = bytes((0xFF, HAS_TARGET | HAS_ORIGIN | IS_NETWORK))
    return tuple(
        (*head, Octets(bytes((1, bits)), mask), *route, *message)
        for bits, route in routes
        for message in messages
    )
