"""C37.118: lengths and checksums, commands one way and measurements the other."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify
from portbook.protocols.c37118 import recognise

TCP, UDP = Transport.TCP, Transport.UDP
ON = unhex("aa41001200f1 00*9 05d7d0")
CONFIGURATION = unhex(
    "aa31008600f14893344a0019999a00ffffff0001426c756520504d55 20*8 00f1000600040000000056314c504d"
    "20*11 56414c504d 20*11 56424c504d 20*11 56434c504d 20*11"
    "00000001000000010000000100000001000100590032c1e2".replace("20*11", " 20*11 ")
)
DATA = unhex(
    "aa01003600f14893344a001eb852080042f68f24c7c36623430188cbc7c36332c7a956764742fe4b47a91cdd47"
    "43d1440000000047ef"
)
OFF_UDP = unhex("aa410012003c4899909a00902e120005168a")
DATA_UDP = unhex(
    "aa010030003c489337430008d9a0000042c827b9bfc89ec242c7e4794027ad2742c805113f06beb0 00*6 1a9c"
)

EXAMPLES = [
    Example(
        "configuration asked for and data, C37.118_1PMU_TCP.pcap",
        Payload.of(TCP, [ON], [CONFIGURATION, DATA]),
        "c37118",
        facts={"frames": ["data", "configuration 2", "command"], "streams": [241]},
        server={"name": "Blue PMU"},
    ),
    Example(
        "a command and data, C37.118_1PMU_UDP_minimal_otherport.pcap",
        Payload.of(UDP, [OFF_UDP], [DATA_UDP]),
        "c37118",
        facts={"streams": [60]},
    ),
    Example("data alone, C37.118_1PMU_TCP.pcap", Payload.of(UDP, [], [DATA]), "c37118"),
    Example(
        "the head of a frame",
        Payload(TCP, to_client=Side(CONFIGURATION[:60], ((134, 60),), 134)),
        "c37118",
        PLAUSIBLE,
    ),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("sync", b"\xab" + ON[1:]),
        ("kind", b"\xaa\x71" + ON[2:]),
        ("version", b"\xaa\x44" + ON[2:]),
        ("length below 16", ON[:3] + b"\x0f" + ON[4:]),
        ("checksum", ON[:-1] + b"\0"),
    ],
)
def test_what_does_not_fit_is_not_c37118(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


def test_a_bad_checksum_among_good_ones_is_a_doubt() -> None:
    told = recognise(Payload.of(TCP, [ON], [DATA, DATA[:-1] + b"\0"]))

    assert told is not None
    assert told.confidence is PLAUSIBLE
    assert told.against == ("1 frames have a bad checksum",)


def test_who_commands_is_the_client() -> None:
    told = identify(Payload.of(UDP, [DATA], [ON]))

    assert told is not None
    assert told.swapped
    assert recognise(Payload.of(UDP, [DATA], [ON])) is None


def test_a_configuration_of_no_station_has_no_name() -> None:
    from portbook.protocols.checks import ccitt

    body = CONFIGURATION[:18] + b"\0\0" + CONFIGURATION[20:-2]
    told = recognise(Payload.of(TCP, [], [body + ccitt(body).to_bytes(2, "big")]))

    assert told is not None
    assert {} == dict(told.server)
