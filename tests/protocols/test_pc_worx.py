"""PC WORX: the greeting, lengths that end the message, and what a controller tells."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, identify
from portbook.protocols.pc_worx import recognise

TCP = Transport.TCP
HELLO = unhex("0101001a0000000078800003000c494245544830314e305f4d00")
WELCOME = unhex("81010014000000010000000000020000004c0000")
SESSION = unhex("81050012000100010000000000020000004c")
ILC_151 = unhex(
    "810600b0000200010000000000020000004c0000000600988295004a0000494c4320313531204554 48 "
    "00*25 342e3431 00*9 30392f32382f31350000000031343a33353a30310030340000000020 00*8 20 "
    "00*15 20 00*8 20 00*8 303100323730303937340042310000002000000000200000000000 "
)
ILC_191 = unhex(
    "810600b0000c00010000000000020000004c0000000000988295004a0000494c4320313931204554 "
    "4820325458 00*21 342e3432 00*9 "
    "31312f32362f31350000000031383a34363a35350030340000000020 00*8 20 00*15 20 00*8 20 "
    "00*8 303100323730303937360042300000002000000000200000000000 "
)

EXAMPLES = [
    Example(
        "an ILC 151 ETH greeted and read, hi-KK/ICS-Protocol-identify",
        Payload.of(TCP, [HELLO], [WELCOME, SESSION, ILC_151]),
        "pc-worx",
        server={
            "vendor": "Phoenix Contact",
            "product": "ILC 151 ETH",
            "version": "4.41",
            "order number": "2700974",
        },
    ),
    Example(
        "an ILC 191 ETH 2TX that tells what it is, reidmefirst/PC-PCAP",
        Payload.of(TCP, [], [WELCOME, ILC_191]),
        "pc-worx",
        PLAUSIBLE,
        server={"product": "ILC 191 ETH 2TX", "version": "4.42"},
    ),
    Example("the greeting alone, pcworx-info.nse", Payload.of(TCP, [HELLO]), "pc-worx", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("kind", b"\x02" + HELLO[1:]),
        ("service", b"\x01\x09" + HELLO[2:]),
        ("length", HELLO[:3] + b"\x1b" + HELLO[4:]),
        ("the greeting", HELLO[:-2] + b"N\0"),
        ("half a header", HELLO[:6]),
        ("a length below the least", b"\x01\x01\x00\x08" + HELLO[4:]),
    ],
)
def test_what_does_not_fit_is_not_pc_worx(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(TCP, [octets])) is None, why


def test_an_answer_in_another_tongue_is_not_pc_worx() -> None:
    assert recognise(Payload.of(TCP, [HELLO], [b"HTTP/1.1 400 Bad Request\r\n\r\n"])) is None
    assert recognise(Payload.of(Transport.UDP, [HELLO])) is None


def test_the_controller_is_the_server() -> None:
    told = identify(Payload.of(TCP, [WELCOME, ILC_151], [HELLO]))

    assert told is not None
    assert told.swapped


def test_a_type_that_nobody_can_read_is_not_told() -> None:
    told = recognise(Payload.of(TCP, [HELLO], [WELCOME, ILC_151[:30] + b"\1" + ILC_151[31:]]))

    assert told is not None
    assert {} == dict(told.server)
