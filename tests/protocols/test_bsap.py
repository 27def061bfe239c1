"""BSAP over IP: messages that fill a datagram, numbers that are acknowledged."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side
from portbook.protocols.bsap import recognise

UDP = Transport.UDP
ASKED = unhex(
    "0e0001000600844b0000744b0000390000000c844b0000a0000403d0010f054047562e415333004047562e415333"
    "004047562e415332004047562e415332004047562e44533200"
)
MORE = unhex(
    "0e0001000600874b0000774b0000210000000c874b0000a0000403d0010f024047562e445332004047562e44533100"
)
TOLD = unhex("0e0001000500784b0000874b0000170000000c874b00000002000005002477000004002477")
RECEIVED = unhex("0e000000000000000000784b0000")
TWO = unhex("0e0002000600844b0000744b0000060000000c84060000000c85")

EXAMPLES = [
    Example(
        "signals read by name, bsap-ip_example.pcap",
        Payload.of(UDP, [MORE, RECEIVED], [TOLD]),
        "bsap",
        facts={"functions": [5, 6]},
    ),
    Example("a request alone, same capture", Payload.of(UDP, [ASKED]), "bsap", PLAUSIBLE),
    Example("two messages in one datagram", Payload.of(UDP, [TWO]), "bsap", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("id", b"\x0f" + MORE[1:]),
        ("function", MORE[:4] + b"\x02" + MORE[5:]),
        ("a message past the end", MORE[:-1]),
        ("more behind it", MORE + b"\0"),
        ("fewer messages than told", MORE[:2] + b"\2" + MORE[3:]),
        ("more messages than told", TWO[:2] + b"\1" + TWO[3:]),
        ("half a header", MORE[:13]),
        ("an acknowledgement alone", RECEIVED),
        ("an acknowledgement with a number", RECEIVED[:6] + b"\1" + RECEIVED[7:]),
    ],
)
def test_what_does_not_fit_is_not_bsap(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


def test_every_datagram_must_fit() -> None:
    assert recognise(Payload.of(UDP, [MORE], [b"something else"])) is None
    assert recognise(Payload.of(Transport.TCP, [MORE])) is None


def test_a_datagram_cut_by_the_capture_counts_as_far_as_it_was_kept() -> None:
    told = recognise(Payload(UDP, Side(ASKED[:40], ((71, 40),), 71)))

    assert told is not None
    assert told.confidence is PLAUSIBLE
