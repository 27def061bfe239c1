"""KNXnet/IP: headers whose length ends the message, services in their shape, device facts."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, identify
from portbook.protocols.knxnet_ip import recognise

UDP, TCP = Transport.UDP, Transport.TCP
SEARCH = unhex("06100201000e0801c0a82ac8d6b4")
FOUND = unhex(
    "06100202004c0801c0a82a0b0e5736010200ffff000000082d409852e000170c000ab327553647697261204b4e582f"
    "49502d5363686e6974747374656c6c6500000000000802020103010401"
)
CONNECT = unhex("06100205001a0801c0a82ac8d6b40801c0a82ac8d6b404040200")
CONNECTED = unhex("06100206001402000801c0a82a0b0e570404fffe")
STATE, ALIVE = unhex("06100207001002000801c0a82ac8d6b4"), unhex("0610020800080200")
SETUP, SET_UP = unhex("06100310001104670000fc000001531001"), unhex("06100311000a04670000")
TUNNEL, TUNNELLED = (
    unhex("061004200015040200002900bce0220a120c010081"),
    unhex("06100421000a046b0000"),
)
OTHER_SEARCH = unhex("06100201000e0801c0a8018ac0a8")
OTHER_FOUND = unhex(
    "06100202004e0801c0a801a00e57360102001000000000a6130003d6e000170c70b3d5dc8b3f456e65727465"
    "78204b4e5820495020536563757265 20526f7574657200000a020202030204020502"
)
ROUTED = unhex("0610053000112900bcd011010a03010081")

EXAMPLES = [
    Example(
        "a Gira interface found, public test vectors of Apache PLC4X",
        Payload.of(UDP, [SEARCH], [FOUND]),
        "knxnet-ip",
        facts={"services": ["search"]},
        server={
            "name": "Gira KNX/IP-Schnittstelle",
            "serial": "00082D409852",
            "mac": "00:0a:b3:27:55:36",
            "individual address": "15.15.255",
        },
    ),
    Example(
        "an Enertex router found, log of a smart home",
        Payload.of(UDP, [OTHER_SEARCH], [OTHER_FOUND]),
        "knxnet-ip",
        server={"name": "Enertex KNX IP Secure Router", "individual address": "1.0.0"},
    ),
    Example(
        "connected, kept alive, tunnelled, Apache PLC4X",
        Payload.of(UDP, [CONNECT, STATE, SETUP, TUNNEL], [CONNECTED, ALIVE, SET_UP, TUNNELLED]),
        "knxnet-ip",
        facts={"services": ["configuration", "connect", "connection state", "tunnelling"]},
    ),
    Example("the same over TCP", Payload.of(TCP, [CONNECT, STATE], [CONNECTED]), "knxnet-ip"),
    Example("a search alone", Payload.of(UDP, [SEARCH]), "knxnet-ip", PLAUSIBLE),
    Example("routing, built from 03/08/05", Payload.of(UDP, [ROUTED]), "knxnet-ip", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("size", b"\x07" + SEARCH[1:]),
        ("version", b"\x06\x11" + SEARCH[2:]),
        ("service", SEARCH[:3] + b"\x0f" + SEARCH[4:]),
        ("length", SEARCH[:5] + b"\x0f" + SEARCH[6:]),
        ("more behind it", SEARCH + b"\0"),
        ("an endpoint of another size", SEARCH[:6] + b"\x07" + SEARCH[7:]),
        ("an endpoint of another kind", SEARCH[:7] + b"\x03" + SEARCH[8:]),
        ("half a header", SEARCH[:5]),
        ("half an endpoint", b"\x06\x10\x02\x01\x00\x0a" + SEARCH[6:10]),
    ],
)
def test_what_does_not_fit_is_not_knx(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


def test_who_is_found_is_the_server() -> None:
    told = identify(Payload.of(UDP, [FOUND], [SEARCH]))

    assert told is not None
    assert told.swapped


def test_a_device_block_of_another_size_tells_nothing() -> None:
    told = recognise(
        Payload.of(
            UDP, [unhex("06100203000e0801000000000000")], [b"\x06\x10\x02\x04\x00\x08\x36\x01"]
        )
    )

    assert told is not None
    assert {} == dict(told.server)
