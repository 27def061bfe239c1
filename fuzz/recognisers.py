"""Targets: each recogniser by itself, and all of them as a conversation is named."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache, partial

import msgspec

from fuzz.payloads import pack, unpack
from fuzz.target import Target, agree, must
from portbook.protocols import Payload, Protocol, identify, protocols
from portbook.records import Confidence, Identification

LARGEST = 2 * 16384 + 4096  # octets of both sides and the heads of their pieces
MOST_TOLD = 256 << 10  # octets of an identification as JSON
_encode = msgspec.json.Encoder(enc_hook=lambda one: dict(one)).encode  # of empty mappings


def recognise(protocol: Protocol, octets: bytes) -> None:
    """Ask one recogniser about a payload and its other way round."""
    payload = unpack(octets)
    for one in (payload, payload.swapped()):
        told = protocol.recognise(one)
        if told is None:
            continue
        possible(told)
        must(told.protocol == protocol.name, f"{protocol.name} tells of {told.protocol}")
        agree(told, protocol.recognise(one), f"{protocol.name} changes its mind")


def name(octets: bytes) -> None:
    """Name a payload as a conversation's is, with its roles known and not."""
    payload = unpack(octets)
    for roles_known in (False, True):
        told = identify(payload, roles_known=roles_known)
        if told is not None:
            possible(told)
            must(not told.because[0].startswith("0 "), f"named for nothing: {told.because[0]}")


def possible(told: Identification) -> None:
    """Raise when an identification is not one that can be told, shown and kept."""
    must(isinstance(told.confidence, Confidence), "no confidence")
    must(told.protocol in protocols(), f"no such protocol: {told.protocol}")
    must(bool(told.because) and all(told.because), "no reason")
    octets = _encode(told)  # raises on what is no text or no number of JSON
    must(len(octets) <= MOST_TOLD, f"{len(octets)} octets are told of one conversation")


@cache
def examples() -> tuple[tuple[str | None, Payload], ...]:
    """Return the payloads that the tests of the protocols hold, and their protocols."""
    package = importlib.import_module("protocols")  # tests/protocols
    found: list[tuple[str | None, Payload]] = []
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("test_") and module.name != "test_every_protocol":
            told = importlib.import_module(f"protocols.{module.name}")
            found += [(one.protocol, one.payload) for one in getattr(told, "EXAMPLES", ())]
    return tuple(found)


def _own(protocol: Protocol) -> Iterator[bytes]:
    """Give the protocol's own examples; each other kind of payload once for them all."""
    for told, payload in examples():
        if told == protocol.name:
            yield pack(payload)
    longest = next((one for told, one in examples() if told == protocol.name), None)
    if longest is not None:
        yield pack(_repeated(longest))
    for signature in protocol.signatures[:8]:
        octets = bytes(signature.at) + signature.value + bytes(24)
        yield pack(Payload.of(signature.transport, (octets,), (octets,)))


def _repeated(payload: Payload) -> Payload:
    """Return a payload whose messages come again and again, as much as is kept of them."""
    sides = [
        [one.octets[:8000] * max(1, 8000 // max(1, len(one.octets))) for one in list(side)[:2]]
        for side in (payload.to_server, payload.to_client)
    ]
    return Payload.of(payload.transport, *sides, payload.cast, payload.group)


def _all() -> Iterator[bytes]:
    return (pack(payload) for _, payload in examples())


TARGETS = (
    Target("name", name, _all, LARGEST),
    *(
        Target(f"recognise-{one.name}", partial(recognise, one), partial(_own, one), LARGEST)
        for one in protocols().values()
    ),
)
