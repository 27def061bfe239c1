"""Ordinary conversations with an Opto 22 device, as moulds: reads and writes, each answered.

The first answer must be that to the first request; later ones only have to be answers.
"""

from __future__ import annotations

from collections.abc import Iterator

from portbook.ports import Transport
from portbook.protocols.moulds import (
    Any,
    Clear,
    Kind,
    Length,
    Mark,
    Message,
    Mould,
    Number,
    Octets,
    Rest,
    Speech,
    Step,
)
from portbook.protocols.optommp import messages

RETRY = 3  # bits of the label's octet
BOOT_ID = 0x8000
BLOCKS = (4, 8, 12, 16, 20, 24, 32, 64, 128, 256, 512, 1024)  # octets that are mostly read
_AREA, _NO_EXTENSION = Octets(b"\xff\xff"), Octets(bytes(2))


def moulds() -> tuple[Mould, ...]:
    """Return the moulds, the same over TCP and UDP."""
    asks = Speech(tuple(_requests(marked=True)), tuple(_requests(marked=False)))
    tells = Speech(tuple(_first_answers()), tuple(_answers()))
    return Mould(Transport.TCP, asks, tells, messages.MOST_MESSAGES), Mould(
        Transport.UDP, asks, tells
    )


def _requests(*, marked: bool) -> Iterator[Message]:
    address = (_AREA, Number(1, 0xF0, 0xF8), Any(3))
    some = (1, messages.LARGEST_DATA)
    wanted: Step = Mark(2, low=some[0], high=some[1]) if marked else Number(2, *some)
    written = Length(2, 2, high=messages.LARGEST_DATA)
    for head in _heads(messages.READ_QUADLET, marked=marked):
        yield (*head, *address)
    for head in _heads(messages.READ_BLOCK, marked=marked):
        yield (*head, *address, wanted, _NO_EXTENSION)
    for head in _heads(messages.WRITE_QUADLET, marked=marked):
        yield (*head, *address, Any(4))
    for head in _heads(messages.WRITE_BLOCK, marked=marked):
        yield (*head, *address, written, _NO_EXTENSION, Rest(1))


def _first_answers() -> Iterator[Message]:
    done = Octets(bytes(6))
    for head in _heads(messages.QUADLET_RESPONSE, marked=True):
        yield (*head, done, Any(4))
    for head in _heads(messages.WRITE_RESPONSE, marked=True):
        yield (*head, done)
    for head in _heads(messages.BLOCK_RESPONSE, marked=True):
        for size in BLOCKS:
            yield (*head, done, Mark(2, low=size, high=size), _NO_EXTENSION, Any(size))


def _answers() -> Iterator[Message]:
    result = Octets(bytes(6), b"\x0f" + b"\xff" * 5)
    carried = Length(2, 2)
    for head in _heads(messages.QUADLET_RESPONSE, marked=False):
        yield (*head, result, Any(4))
    for head in _heads(messages.WRITE_RESPONSE, marked=False):
        yield (*head, result)
    for head in _heads(messages.BLOCK_RESPONSE, marked=False):
        yield (*head, Octets(bytes(6)), carried, _NO_EXTENSION, Rest(1))


def _heads(code: int, *, marked: bool) -> Iterator[Message]:
    """Return destination, label, code and source; the destination is 0 or a boot id."""
    for low, high in ((0, 0), (BOOT_ID, 0xFFFF)):
        transaction = Octets(bytes((code << 4,)))
        if marked:
            kind = Kind(messages.ANSWERS.get(code, code))
            destination = Mark(2, low=low, high=high)
            yield (destination, Clear(RETRY), Mark(1), transaction, Mark(2), kind)
        else:
            label = Octets(b"\0", bytes((RETRY,)))
            yield (Number(2, low, high), label, transaction, Any(2))
