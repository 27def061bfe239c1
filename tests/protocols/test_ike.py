"""IKE: the header, the chain of payloads, the indexes of both sides."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.ike import recognise

UDP = Transport.UDP
ASK = unhex(
    "11223344556677880000000000000000 21202208 00000000 00000040 00000024 00000020 0101030303000008"
    "0100001403000008020000050000000804 00001f"
)
ANSWER = unhex(
    "112233445566778899aabbccddeeff00 21202220 00000000 00000040 00000024 00000020 01010303"
    "0300000801 00001c 0300000802 000007 0000000804000020"
)
MAIN_MODE = unhex(
    "aabbccdd112233440000000000000000 01100200 00000000 0000006c 0d00002c 00000001 00000001"
    "00000020 01010001 00000018 01010000 80010007 80020002 80030001 80040002 00000024"
    "4d532d4e65676f74696174696f6e20446973636f7665727920 43617061626c65 00"
).removesuffix(b"\0")
MAIN_MODE_BACK = MAIN_MODE[:8] + unhex("5566778899aabbcc") + MAIN_MODE[16:]
SEALED = unhex("112233445566778899aabbccddeeff00 2e202308 00000001 00000040 23000024 d7*32")
SEALED_BACK = unhex("112233445566778899aabbccddeeff00 2e202320 00000001 00000040 24000024 a9*32")
QUICK = unhex("aabbccdd112233445566778899aabbcc 08102001 6e5f4d3c 00000044 b1*40")
QUICK_BACK = unhex("aabbccdd112233445566778899aabbcc 08102001 6e5f4d3c 00000044 c7*40")

EXAMPLES = [
    Example(
        "IKE_SA_INIT, mixed-ot-it-synthetic-352hosts.pcap",
        Payload.of(UDP, [ASK], [ANSWER]),
        "ike",
        facts={"ike_version": "2"},
    ),
    Example(
        "IKE_SA_INIT alone, mixed-ot-it-synthetic-352hosts.pcap",
        Payload.of(UDP, [ASK]),
        "ike",
        PLAUSIBLE,
    ),
    Example(
        "main mode, mixed-ot-it-synthetic-352hosts.pcap, and an answer built from RFC 2408",
        Payload.of(UDP, [MAIN_MODE], [MAIN_MODE_BACK]),
        "ike",
        facts={"ike_version": "1", "vendor_ids": ["MS-Negotiation Discovery Capable"]},
    ),
    Example(
        "behind four octets of zero, RFC 3948, section 2.2",
        Payload.of(UDP, [bytes(4) + ASK], [bytes(4) + ANSWER]),
        "ike",
    ),
    Example(
        "joined in the middle, built from RFC 7296, section 3.14",
        Payload.of(UDP, [SEALED], [SEALED_BACK]),
        "ike",
    ),
    Example(
        "quick mode, built from RFC 2408, section 3.1",
        Payload.of(UDP, [QUICK], [QUICK_BACK]),
        "ike",
        facts={"ike_version": "1"},
    ),
    Example("one sealed message", Payload.of(UDP, [SEALED]), None, None),
    Example(
        "a payload shorter than the message, tcpdump-ikev2-id-short.pcap",
        Payload.of(
            UDP,
            [unhex("00*16 23202308 00000001 0000004c 00000005 01 000000 deadbeef 00*36")],
        ),
        None,
        None,
    ),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("a length past the end", ASK[:27] + b"\x41" + ASK[28:]),
        ("octets behind it", ASK + b"\0"),
        ("a version that is none", ASK[:17] + b"\x30" + ASK[18:]),
        ("an exchange that is none", ASK[:18] + b"\x07" + ASK[19:]),
        ("flags that are none", ASK[:19] + b"\x40" + ASK[20:]),
        ("a payload past the end", ASK[:31] + b"\x25" + ASK[32:]),
        ("a payload of no length", ASK[:30] + b"\0\0" + ASK[32:]),
        ("a kind of payload that is none", ASK[:16] + b"\x70" + ASK[17:]),
        ("no initiator", bytes(8) + ASK[8:]),
        ("half a header", ASK[:20]),
    ],
)
def test_what_does_not_fit_is_not_ike(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


def test_an_answer_to_somebody_else_confirms_nothing() -> None:
    told = recognise(Payload.of(UDP, [ASK], [b"\x12" + ANSWER[1:]]))

    assert told is not None
    assert told.confidence is PLAUSIBLE
    assert told.against
