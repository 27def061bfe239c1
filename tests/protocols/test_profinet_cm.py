"""PROFINET CM: interface and object ids, bodies that end where they should, two byte orders."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify
from portbook.protocols.profinet_cm import recognise

UDP = Transport.UDP
CONNECT = unhex(
    "0400200000000000dea000006c9711d182710064010e002adea000016c9711d1827100a02442df7d4d8b47001f76"
    "12128003001c060a9fbe0000000000000001000000000000ffffffff010e000000000000020d000000fa0000020d"
    "00000000000000fa0101004001000001d45194e97ce2a44db2b26d1ea9931a0c0001001c060a9fbedea000006c97"
    "11d182710064010d002a0000001102588892000a7864313231316337303001020038010000010001889200000002"
    "002880000020020000010000ffffffff00030003c00000000000000000010000000000000001000103e800000102"
    "00380100000200028892000000020028ffff0020020000010000ffffffff00030003c00000000000000000010000"
    "00000001000103e8000000000104002001000001000000000001000163010000000103e810000004000200020004"
    "010101030016010000018892000000000001000300000100c000a000"
)
ASKED = unhex(
    "0400200000000000dea000006c9711d1827100010003015adea000016c9711d1827100a02442df7d13142f900000"
    "1000a994d2106890ca5a0000000000000001000000020004ffffffff003400000000000010000000002000001000"
    "00000000000000200110001c010000007c74224e166c4a58bf6b6c25a75870f00001000000010000"
)
TOLD = unhex(
    "04022800100000000000a0de976cd111827100010003015a0100a0de976cd111827100a02442df7d902f14130000"
    "0010a994d2106890ca5a0200000001000000020000000400ffffffff340000000000000000002000000000100000"
    "00000000200000008110001c010000007c74224e166c4a58bf6b6c25a75870f00001000000080000"
)

EXAMPLES = [
    Example(
        "a controller asks for a relation, profinet_io_cm.pcap",
        Payload.of(UDP, [CONNECT]),
        "profinet-cm",
        facts={"operations": ["connect"], "interfaces": ["device"]},
        client={"name": "xd1211c700"},
        server={"vendor": "Siemens", "vendor id": "0x002A", "device id": "0x010E"},
    ),
    Example(
        "big-endian question, little-endian response, profinet_io_cm.pcap",
        Payload.of(UDP, [ASKED], [TOLD]),
        "profinet-cm",
        facts={"operations": ["control"]},
        server={"vendor": "PROFINET vendor 0x015A", "device id": "0x0003"},
    ),
    Example(
        "the head of a request",
        Payload(UDP, Side(CONNECT[:90], ((350, 90),), 350)),
        "profinet-cm",
        PLAUSIBLE,
    ),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("version", b"\x05" + ASKED[1:]),
        ("type", b"\x04\x0b" + ASKED[2:]),
        ("the other byte order", ASKED[:4] + b"\x10" + ASKED[5:]),
        ("interface", ASKED[:27] + b"\x06" + ASKED[28:]),
        ("the rest of the interface", ASKED[:39] + b"\x7e" + ASKED[40:]),
        ("object", ASKED[:12] + b"\x6d" + ASKED[13:]),
        ("length", ASKED[:-1]),
        ("more behind it", ASKED + b"\0"),
        ("half a header", ASKED[:79]),
    ],
)
def test_what_does_not_fit_is_not_profinet(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why
    assert recognise(Payload.of(UDP, [ASKED], [octets])) is None, why


def test_a_response_alone_makes_its_sender_the_server() -> None:
    told = identify(Payload.of(UDP, [TOLD]))

    assert told is not None
    assert told.swapped
    assert recognise(Payload.of(UDP, [TOLD])) is None


def test_a_station_name_that_runs_past_the_end_is_not_told() -> None:
    told = recognise(Payload.of(UDP, [CONNECT[:156] + b"\xff\xff" + CONNECT[158:]]))

    assert told is not None
    assert {} == dict(told.client)
