"""SunRPC: calls whose fields are in range, and replies that have their numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side
from portbook.protocols.sunrpc import recognise

TCP, UDP = Transport.TCP, Transport.UDP
# plant-mms-goose-smb-13hosts.pcap: where is mountd?
GETPORT = unhex(
    "5fb552580000000000000002000186a0000000020000000300000000000000000000000000000000000186a5"
    "000000030000000600000000"
)
PORT = unhex("5fb55258 00000001 00000000 00000000 00000000 00000000 00000801")  # RFC 5531 section 9
# frag-ipv4-nfs.pcap: the start of a write of 8192 octets, whose caller names its machine
WRITE = unhex(
    "a13928f70000000000000002000186a3000000030000000700000001000000200032f2bc00000008726e637465"
    "73743200000234000001f400000001000001f400000000000000000000001801000002000800080200000028c0"
    "0800958486d926c0080000000000000120000000200000000000000020002e2e2e2e2e2e2e2e"
)
LENGTH = 8312
# VXI-11 section B.6: create_link, client 1, no lock, 0 ms, "inst0"
LINK = unhex(
    "80000040 000000a1 00000000 00000002 000607af 00000001 0000000a 00000000 00000000 00000000"
    "00000000 00000001 00000000 00000000 00000005 696e737430000000"
)
LINKED = unhex(
    "80000028 000000a1 00000001 00000000 00000000 00000000 00000000 00000000 00000003 00000372"
    "00000400"
)
UNAVAILABLE = unhex("5fb55258 00000001 00000000 00000000 00000000 00000001")
DENIED = unhex("5fb55258 00000001 00000001 00000001 00000001")


def call(**changed: int) -> bytes:
    """GETPORT with words of it changed."""
    words = {"type": 1, "rpc": 2, "program": 3, "version": 4, "procedure": 5, "flavour": 6}
    words |= {"length": 7, "verifier": 9}
    octets = bytearray(GETPORT)
    for name, value in changed.items():
        octets[4 * words[name] : 4 * words[name] + 4] = value.to_bytes(4, "big")
    return bytes(octets)


EXAMPLES = [
    Example(
        "where mountd is, and its port: plant-mms-goose-smb-13hosts.pcap, RFC 1833 section 3",
        Payload.of(UDP, [GETPORT], [PORT]),
        "sunrpc",
        facts={"programs": ["portmap"], "program_version": 2},
    ),
    Example(
        "an instrument over TCP, VXI-11 section B.6",
        Payload.of(TCP, [LINK], [LINKED]),
        "sunrpc",
        facts={"programs": ["VXI-11 core"]},
    ),
    Example(
        "a program that is not there, and that nobody knows, RFC 5531 section 9",
        Payload.of(UDP, [call(program=0x20000099)], [UNAVAILABLE]),
        "sunrpc",
    ),
    Example(
        "a call that is denied, RFC 5531 section 9", Payload.of(UDP, [GETPORT], [DENIED]), "sunrpc"
    ),
    Example("calls alone", Payload.of(UDP, [GETPORT, GETPORT]), "sunrpc", PLAUSIBLE),
    Example(
        "the start of a write to NFS, frag-ipv4-nfs.pcap",
        Payload(UDP, Side(WRITE, ((LENGTH, len(WRITE)),), LENGTH)),
        "sunrpc",
        PLAUSIBLE,
        facts={"programs": ["nfs"], "program_version": 3},
        client={"name": "rnctest2"},
    ),
    Example("a reply alone says too little", Payload.of(UDP, [], [PORT]), None, None),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("a reply", call(type=1)),
        ("RPC of version 3", call(rpc=3)),
        ("a program that nobody knows", call(program=0x20000099)),
        ("version 0", call(version=0)),
        ("a procedure out of range", call(procedure=1000)),
        ("credentials of no kind", call(flavour=99)),
        ("credentials where there are none", call(length=4)),
        ("credentials past the end", call(flavour=6, length=400)),
        ("a verifier past the end", call(flavour=0, verifier=400)),
        ("an octet more", GETPORT + b"\0"),
        ("half a call, mixed-ot-it-synthetic-352hosts.pcap", unhex("00*7 02 000186a3 00000003")),
    ],
)
def test_what_does_not_fit_is_not_sunrpc(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


def test_a_reply_to_another_call_confirms_nothing() -> None:
    told = recognise(Payload.of(UDP, [GETPORT], [b"\0" + PORT[1:]]))

    assert told is not None
    assert told.confidence is PLAUSIBLE
    assert ("no reply has the number of a call",) == told.against


@given(st.binary(max_size=60), st.integers(0, 60))
def test_any_octets_are_read_without_an_error(octets: bytes, at: int) -> None:
    recognise(Payload.of(UDP, [WRITE[:at] + octets], [PORT[:at] + octets]))
    recognise(Payload.of(TCP, [LINK[:at] + octets], [LINKED[:at] + octets]))
