"""BGP: markers, lengths of each kind, and what a router says of itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.bgp import recognise

TCP = Transport.TCP
# arkime's tests, in mixed-ot-it-synthetic-352hosts.pcap
ASKED = unhex("ff*16 001d0104fde900b40a040a6400")
TOLD = unhex("ff*16 001d0104fdea00b40a040a0100")
ALIVE = unhex("ff*16 001304")
# malformed/tcpdump-bgp-extended-optional-parameters-length.pcapng
LONG = unhex(
    "ff*16 "
    "008c010400ae00b406060606ffff006c02000601040001000102000601040002000102000280000200020200"
    "02000246000200064104000000ae020002060002000a4508000101010002010102001349110f65786974312d"
    "64656269616e2d31310002000440020078020010470e0001018000016800020180000168"
)
# malformed/tcpdump-bgp-aigp-2.pcap
UPDATE = unhex(
    "ff*16 004a0200000033400101014002040201006540030400000000800e10000104040100010100300001417b0101"
    "801a0b01000b00000000ffffffff"
)
# malformed/tcpdump-bgp_pmsi_tunnel-oobr.pcap: attributes of 1714 octets in 45
LYING = unhex("ff*16 002d02 0003 10180d 06b2 00*17") + b"x" * 30
# malformed/pcapplusplus-fuzz-5643903448645632.pcap
BROKEN = unhex(
    "ff*16 0064020000004d400101054064000000041000400000011802c00002000000010009000100000000"
    "01110a0000040006900e00200001800c00000000000000000a00000400700001010000000100000001ac1004"
    "ff*10 8000 ff*4 0064010100570200400504000000"
)

EXAMPLES = [
    Example(
        "two routers open, arkime's tests",
        Payload.of(TCP, [ASKED, ALIVE], [TOLD, ALIVE]),
        "bgp",
        facts={"client_as": 65001, "server_as": 65002, "server_router_id": "10.4.10.1"},
    ),
    Example(
        "four octets of system and a host, tcpdump's tests",
        Payload.of(TCP, [LONG], [ALIVE]),
        "bgp",
        facts={"client_as": 174},
        client={"name": "exit1-debian-11"},
    ),
    Example("an update alone, tcpdump's tests", Payload.of(TCP, [UPDATE]), "bgp", PLAUSIBLE),
    Example(
        "an update with an origin that is none, and then a broken marker, pcapplusplus's fuzz",
        Payload.of(TCP, [BROKEN]),
        "bgp",
        PLAUSIBLE,
    ),
    Example("a keepalive alone, suricata-verify", Payload.of(TCP, [ALIVE]), "bgp", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("a marker that is none", b"\xfe" + ASKED[1:]),
        ("a kind that is none", ASKED[:18] + b"\x06" + ASKED[19:]),
        ("version 3", ASKED[:19] + b"\x03" + ASKED[20:]),
        ("a hold time of a second", ASKED[:22] + b"\0\1" + ASKED[24:]),
        ("parameters past the end", ASKED[:-1] + b"\x01"),
        ("a keepalive of twenty octets", unhex("ff*16 00140400")),
        ("a length past the end", ASKED[:17] + b"\x1e" + ASKED[18:]),
        ("a length too small", ASKED[:17] + b"\x12" + ASKED[18:]),
        ("a broken stream that begins with an open", ASKED + b"\xff" * 10 + b"\x80" * 9),
        ("one that begins with an update whose lengths lie", LYING),
        ("nothing but ones", b"\xff" * 60),
    ],
)
def test_what_does_not_fit_is_not_bgp(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(TCP, [octets])) is None, why


@given(st.binary(max_size=60), st.integers(0, 140))
def test_any_octets_are_read_without_an_error(octets: bytes, at: int) -> None:
    recognise(Payload.of(TCP, [LONG[:at] + octets], [UPDATE[:at] + octets]))


def test_what_breaks_off_stands_against_it() -> None:
    told = recognise(Payload.of(TCP, [BROKEN]))

    assert told is not None
    assert ("what follows them is no message",) == told.against
