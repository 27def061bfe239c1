"""ProConOS: one question, and an answer that names the runtime."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example

from portbook.ports import Transport
from portbook.protocols import Payload, identify
from portbook.protocols.proconos import WHO, recognise

TCP = Transport.TCP
TOLD = (
    b"\xcc\x000000000000ProConOS V4.2.0214 Oct 28 2011\0 V 3.95A.6       Mar  9 2012\0      "
    b"QuickMix\0QuickMix\0n/a\0"
)
RUNTIME = {"product": "ProConOS", "version": "V4.2.0214", "project": "QuickMix"}

EXAMPLES = [
    Example(
        "a ProConOS V4.2 asked who it is, hi-KK/ICS-Protocol-identify and proconos-info.nse",
        Payload.of(TCP, [WHO], [TOLD]),
        "proconos",
        PLAUSIBLE,
        server=RUNTIME,
    ),
    Example("the question alone", Payload.of(TCP, [WHO]), "proconos", PLAUSIBLE),
    Example("the answer alone", Payload.of(TCP, [], [TOLD]), "proconos", PLAUSIBLE, server=RUNTIME),
]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (WHO[:-1] + b"\xef", b""),
        (WHO[:4], b""),
        (WHO, b"\xcc\x000000000000ProConIS V4"),
        (WHO, b"\xcd" + TOLD[1:]),
        (WHO, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        (b"", b"\xcc\x00" + b"0" * 80 + b"ProConOS"),
        (b"", b"\xcc\x00ProConOS " + b"1" * 40),
        (b"GET / HTTP/1.1\r\n\r\n", TOLD),
    ],
)
def test_what_does_not_fit_is_not_proconos(asked: bytes, told: bytes) -> None:
    assert recognise(Payload.of(TCP, [asked] * bool(asked), [told] * bool(told))) is None
    assert recognise(Payload.of(Transport.UDP, [WHO], [TOLD])) is None


def test_the_runtime_is_the_server() -> None:
    told = identify(Payload.of(TCP, [TOLD], [WHO]))

    assert told is not None
    assert told.swapped
