"""CODESYS V3: announcements, name service, sessions, round trips, bad input.

Real bytes come from microsoft/CoDe16 (example.pcap), EmreEkin/ICS-Pcaps and
fridgebuyer/codesys3-dissector (cds3_login_applist.pcapng); the others are constructed, several of
them read correctly by Microsoft's own parser.
"""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import CONFIRMED, PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Cast, Payload, Side, identify
from portbook.protocols.codesys import (
    PROTOCOL,
    blocks,
    channel,
    datagram,
    naming,
    recognise,
    services,
)

UDP, TCP = Transport.UDP, Transport.TCP

ANSWER_REAL = unhex("""
c57340040011000100af000080c20004000000000400010000000f00160022000010000001000000140e0503010000002300
050000000000000000004400450053004b0054004f0050002d004a0035004d004a00320043005500000043004f0044004500
530059005300200043006f006e00740072006f006c002000570069006e0020005600330000003300530020002d0020005300
6d00610072007400200053006f00660074007700610072006500200053006f006c007500740069006f006e00730020004700
6d0062004800000037414137384241372d38333936384233412d41333536313031362d343438453530353900
""")
ANSWER_DEMO = unhex("""
c5734004001100320014000080c200044433221104000100000005000f000c00001000000100420028140503010000000700
0500000000000000000070006c0063002d0037000000440065006d006f00200043006f006e00740072006f006c006c006500
720000004500780061006d0070006c006500200047006d00620048000000534e2d3030303100
""")
ANSWER_SHORT = unhex("""
c5734004001100320014000080c2000401000000040001000000010001000100001000000100000028140503010000000100
050000000000000000006100000062000000630000007300
""")
ANSWER_OLD = unhex("""
c5734004001100320014000080c20301070000000400010000000100010001000010000001000000400105036100000062
00000063000000
""")
REQUEST_REAL = unhex("c56b40030010000102c2000400000000")
REQUEST_DEMO = unhex("c56b40030010003202c2000444332211")
BEACON = unhex("c50b4001001000af")

BLOCK_IDENTIFY = unhex("""
000117e854000000c56b404000432ddcc0a838722ddf0a00020f830f0181d8db010000000000000024000000a60fe0d155cd
100001000100000000001000000000000000018c8000061000000500000000000004
""")
BLOCK_IDENTITY = unhex("""
000117e83c010000c57340400034c412c0a83873830f2ddc0a00020f0101d8db01000000010000000c01000071e7506555cd
10008100010000000000f80000000000000005020000018c8000061000000500000000000004068480001410050302c08000
3a00000043004f0044004500530059005300200043006f006e00740072006f006c00200066006f00720020004c0069006e00
75007800200053004c000000000003cc8000460000003300530020002d00200053006d00610072007400200053006f006600
74007700610072006500200053006f006c007500740069006f006e007300200047006d006200480000000000048c80000800
0000750062007500000007848000010000000802040009120d00303830303237363844323330000000000a92808080000200
0f02000a00ffffff7238a8c000ffffff
""")
BLOCK_ACK = unhex("000117e824000000c56b404000432ddcc0a838722ddf0a00020f830f0280d8db04000000")
BLOCK_MODE = unhex("""
000117e84c000000c57340400034c412c0a83873830f2ddc0a00020f0101d8db06000000050000001c000000346146ce55cd
1000810007000b56ef8e08000000000000005484800001000000
""")
TCP_REQUEST = unhex("000117e824000000c56b400300332ddcc0a80114c030c0a80132000002c2000444332211")
TCP_REQUEST_ANYWHERE = unhex(
    "000117e824000000c56b400300432ddc000000002ddf7f000001830102c2000400000000"
)
TCP_IDENTIFICATION = unhex("""
000117e89a000000c57340040033c030c0a801322ddcc0a80114000080c200044433221104000100000005000f000c000010
000001004200281405030100000007000100000000000000000070006c0063002d0037000000440065006d006f0020004300
6f006e00740072006f006c006c006500720000004500780061006d0070006c006500200047006d00620048000000534e2d30
30303100
""")
META = {
    "open request": "c3000101089277ac81d4218300401f0005000000",
    "open answer": "8300010176d1bea081d421830000d8db00401f0000040000",
    "close request": "c4000101da11f2b2d8db0000",
    "runtime information request": "c200010136659dab",
    "runtime information": "82000101647fcb0f0400",
}
REAL_NODE = {
    "vendor": "3S - Smart Software Solutions GmbH",
    "product": "CODESYS Control Win V3",
    "version": "3.5.14.20",
    "name": "DESKTOP-J5MJ2CU",
    "serial": "7AA78BA7-83968B3A-A3561016-448E5059",
}


def _one(
    octets: str | bytes, title: str, confidence: object = CONFIRMED, **more: object
) -> Example:
    message = unhex(octets) if isinstance(octets, str) else octets
    name = "codesys-v3" if confidence else None
    return Example(title, Payload.of(UDP, [message]), name, confidence, **more)  # type: ignore[arg-type]


def _beacon(octets: str, title: str, address: str) -> Example:
    payload = Payload.of(UDP, [unhex(octets)] * 3, cast=Cast.BROADCAST)
    facts = {"client_address": address, "messages": ("announcement",), "client_hops": 1}
    return Example(f"beacon, {title}", payload, "codesys-v3", facts=facts)


def _package(hex_text: str) -> bytes:
    return datagram.build(datagram.CHANNEL, unhex("0032"), unhex("0014"), unhex(hex_text))


EXAMPLES = (
    _beacon("c50b4001001000af", "CoDe16 example.pcap frame 1", "00AF"),
    _beacon("c50b400100100096", "EmreEkin 104IPValue.pcap", "0096"),
    _beacon("c50b400100100196", "EmreEkin DNP3Value.pcap, index 1", "0196"),
    _beacon("c50b40010010014b", "EmreEkin 50.pcap", "014B"),
    _beacon("c50b4001001000a2", "EmreEkin 104LocalValue.pcap", "00A2"),
    _beacon("c50b400100200000ff2a0000", "EmreEkin 104LocalValue.pcap, /16", "0000.FF2A"),
    _beacon("c50b400100200001ff2a0000", "EmreEkin vinci104.pcap, /16, index 1", "0001.FF2A"),
    _beacon("c50b400100101807", "constructed, /21, index 3", "1807"),
    _beacon("c50b40010020000105070000", "constructed, /17, index 2", "0001.0507"),
    _beacon("c50b400100300000c0a8010a", "constructed, three words", "0000.C0A8.010A"),
    _beacon("c50b40010020000000010000", "constructed, 127.0.0.1 /8", "0000.0001"),
    _one(REQUEST_REAL, "request, CoDe16 frame 5", facts={"asks": "C202, identify yourself"}),
    _one("c56b4003001100af0001000002c2000401000000", "request, CoDe16 frame 7"),
    _one(
        "c57440030010ce6d0032000002c20004b4840000",
        "request with broadcast id, Pavels-Dev scan",
        facts={"client_hops": 14},
    ),
    _one("c57c4003001012340032000002c2000469692004", "request, hop 15, vector of Rapid7's layout"),
    _one("c5744003001012340032000002c2000444332211", "request, broadcast form, constructed"),
    _one("c57440030020123400001e2802c2000444332211", "request, /16, no padding, constructed"),
    _one(REQUEST_DEMO, "request, unicast form, constructed"),
    _one("c56b4003002001000001000002c200040d0c0b0a", "request, 127.0.0.1 index 1, constructed"),
    Example(
        "request and answer, CoDe16 frames 5 and 6",
        Payload.of(UDP, [REQUEST_REAL], [ANSWER_REAL]),
        "codesys-v3",
        facts={
            "target_type": "0x1000",
            "target_id": "0x00000001",
            "target_version": "3.5.14.20",
            "max_channels": 4,
            "encryption": "supported",
            "driver": "UDP",
            "byte_order": "Intel",
            "client_address": "0001",
            "server_address": "00AF",
        },
        server=REAL_NODE,
    ),
    Example(
        "answer alone: the answering side is the server",
        Payload.of(UDP, (), [ANSWER_REAL]),
        "codesys-v3",
        server=REAL_NODE,
    ),
    Example(
        "request and answer, constructed",
        Payload.of(UDP, [REQUEST_DEMO], [ANSWER_DEMO]),
        "codesys-v3",
        server={"name": "plc-7", "product": "Demo Controller", "vendor": "Example GmbH"}
        | {"serial": "SN-0001", "version": "3.5.20.40"},
        facts={"target_id": "0x00420001"},
    ),
    Example(
        "shortest useful answer",
        Payload.of(UDP, (), [ANSWER_SHORT]),
        "codesys-v3",
        server={"name": "a", "product": "b", "vendor": "c", "serial": "s"},
    ),
    Example(
        "version 0103 with the short fixed part",
        Payload.of(UDP, (), [ANSWER_OLD]),
        "codesys-v3",
        server={"name": "a", "product": "b", "vendor": "c", "version": "3.5.1.64"},
    ),
    Example(
        "session over TCP: identify and its answer, fridgebuyer frames 1 and 2",
        Payload.of(TCP, [BLOCK_IDENTIFY], [BLOCK_IDENTITY]),
        "codesys-v3",
        facts={
            "calls": ("device: identify",),
            "runtime_version": "3.5.16.20",
            "device_version": "4.0.0.0",
            "adapters": ("10.0.2.15/24", "192.168.56.114/24"),
            "client_claims": "10.0.2.15:11743 [830F]",
            "server_claims": "10.0.2.15:11740",
        },
        server={
            "vendor": "3S - Smart Software Solutions GmbH",
            "product": "CODESYS Control for Linux SL",
            "version": "3.5.16.20",
            "name": "ubu",
            "serial": "08002768D230",
        },
    ),
    Example(
        "session joined in the middle: an acknowledge and an answer",
        Payload(TCP, Side.of(BLOCK_ACK, started=False), Side.of(BLOCK_MODE, started=False)),
        "codesys-v3",
    ),
    Example("name-service request over TCP", Payload.of(TCP, [TCP_REQUEST]), "codesys-v3"),
    Example(
        "host-independent request over TCP, Greenbone and nmap PR 1210",
        Payload.of(TCP, [TCP_REQUEST_ANYWHERE]),
        "codesys-v3",
    ),
    Example(
        "identification over TCP",
        Payload.of(TCP, [TCP_REQUEST], [TCP_IDENTIFICATION]),
        "codesys-v3",
        facts={"driver": "TCP"},
        server={"name": "plc-7", "vendor": "Example GmbH"},
    ),
    *(
        Example(
            f"channel over UDP: {title}",
            Payload.of(UDP, [_package(text)])
            if text.startswith("c")
            else Payload.of(UDP, (), [_package(text)]),
            "codesys-v3",
        )
        for title, text in META.items()
    ),
    Example("channel over UDP: keep-alive", Payload.of(UDP, [_package("0380d8db")]), "codesys-v3"),
    Example(
        "beacon and Modbus on one conversation is not confirmed",
        Payload.of(UDP, [BEACON], [unhex("0d2f0000000601030000000a")]),
        "codesys-v3",
        PLAUSIBLE,
        also=("modbus",),
    ),
    _one("c5", "one octet", None),
    _one("c50b407f001000af", "unknown service", None),
    _one("c50b4001001000afdeadbeef", "trailing octets: malformed, still like it", PLAUSIBLE),
    _one("c50b4001001000", "beacon, cut", PLAUSIBLE),
    _one("c5084001001000af", "header length 0", PLAUSIBLE),
    _one("c50a4001001000af", "header length 2", PLAUSIBLE),
    _one("c50f4001001000af", "header length 7", PLAUSIBLE),
    _one("c50b400100ff00af", "address lengths ff", PLAUSIBLE),
    _one("c5ff1701ffff00af", "first octet c5, a service by chance, odd header: nothing", None),
    Example(
        "beacon octets on a TCP stream are not CODESYS over TCP",
        Payload.of(TCP, [BEACON]),
        None,
    ),
    Example(
        "Modbus with transaction 1 does not look like the TCP magic",
        Payload.of(TCP, [unhex("000117e80000000100")]),
        None,
    ),
)


def test_an_announcement_has_the_period_of_the_router() -> None:
    assert 60.0 == PROTOCOL.period_s


@pytest.mark.parametrize(
    ("hex_text", "fault"),
    [
        ("c50b4001001000", "2 address octets claimed, 1 present"),
        ("c5084001001000af", "the header is shorter than 6 octets"),
        ("c50a4001001000af", "the header is shorter than 6 octets"),
        ("c50f4001001000af", "the header is longer than the datagram"),
        ("c50b400100ff00af", "60 address octets claimed, 2 present"),
        ("c50b4001001000afdeadbeef", "4 extra octets behind the addresses"),
    ],
)
def test_a_malformed_datagram_says_what_is_wrong(hex_text: str, fault: str) -> None:
    read = datagram.read(unhex(hex_text))

    assert read is not None
    assert (fault,) == read.faults
    told = recognise(Payload.of(UDP, [unhex(hex_text)]))
    assert told is not None
    assert f"malformed: {fault}" in told.against


@pytest.mark.parametrize("hex_text", ["", "c5", "c50b407f001000af"])
def test_what_is_not_codesys_is_not_read(hex_text: str) -> None:
    assert datagram.read(unhex(hex_text)) is None


def _changed(at: int, octets: str, base: bytes = ANSWER_SHORT) -> bytes:
    start = 12 + at  # the payload of the short answer begins at octet 12
    change = unhex(octets)
    return base[:start] + change + base[start + len(change) :]


@pytest.mark.parametrize(
    ("octets", "against", "shown", "sure"),
    [
        (ANSWER_SHORT[:40], "malformed: the identification is cut", {}, False),
        (_changed(18, "ffff"), "malformed: a name runs past the end", {"name": None}, False),
        (_changed(12, "ffff"), "malformed: a name runs past the end", {"name": None}, False),
        (
            _changed(36, "ff"),
            "malformed: the serial number runs past the end",
            {"name": "a", "vendor": "c", "serial": None},
            False,
        ),
        (
            ANSWER_SHORT[:-1],
            "the serial number's terminator is absent",
            {"name": "a", "serial": "s"},
            True,
        ),
        (_changed(14, "0200"), "malformed: names misaligned", {"name": None}, False),
        (_changed(48, "00d8"), "a name is not UTF-16", {"name": "�", "product": "b"}, True),
    ],
)
def test_a_bad_identification_keeps_what_is_true(
    octets: bytes, against: str, shown: dict[str, str | None], sure: bool
) -> None:
    told = recognise(Payload.of(UDP, (), [octets]))

    assert told is not None
    assert against in told.against
    assert (CONFIRMED if sure else PLAUSIBLE) == told.confidence
    assert shown == {key: told.server.get(key) for key in shown}


def test_a_parent_address_is_counted_in_octets_or_in_words() -> None:
    for size, octets in ((4, b"\x12\x34\x56\x78"), (2, b"\x12\x34\x56\x78")):
        head, names = ANSWER_SHORT[12:60], ANSWER_SHORT[60:]
        payload = head[:12] + size.to_bytes(2, "little") + head[14:] + octets + names

        node = naming.read(payload)

        assert isinstance(node, naming.Node)
        assert not node.faults
        assert ("a", "s", octets) == (node.name, node.serial, node.parent)


def test_a_big_endian_runtime_is_read_too() -> None:
    fixed = struct.pack(">HBBHHHHIIIIBBB9x", 4, 0, 0, 0, 1, 1, 1, 0x1000, 7, 0x03051428, 1, 1, 0, 5)
    names = b"".join(text.encode("utf-16-be") + b"\0\0" for text in "abc") + b"s\0"

    node = naming.read(struct.pack(">HHI", 0xC280, 0x0400, 9) + fixed + names)

    assert isinstance(node, naming.Node)
    assert ("a", "b", "c", "s") == (node.name, node.device, node.vendor, node.serial)
    assert ("3.5.20.40", 9) == (node.target_version, node.request)
    assert () == node.faults + node.warnings


def test_an_old_version_with_the_long_fixed_part_is_read_too() -> None:
    payload = _changed(2, "0301")[12:]

    node = naming.read(payload)

    assert isinstance(node, naming.Node)
    assert ("a", "s", ()) == (node.name, node.serial, node.faults + node.warnings)


def test_an_answer_cut_by_the_snapshot_length_is_only_plausible() -> None:
    side = Side(ANSWER_REAL[:96], ((len(ANSWER_REAL), 96),), len(ANSWER_REAL))

    told = recognise(Payload(UDP, to_client=side))

    assert told is not None
    assert PLAUSIBLE == told.confidence
    assert {"name": "DESKTOP-J5MJ2CU", "version": "3.5.14.20"} == dict(told.server)


def test_real_and_constructed_messages_are_written_byte_for_byte() -> None:
    answer = naming.build_answer(
        0,
        REAL_NODE["name"],
        REAL_NODE["product"],
        REAL_NODE["vendor"],
        REAL_NODE["serial"],
        channels=4,
        target_type=0x1000,
        target_id=1,
        target_version=0x03050E14,
        flags=1,
    )
    sender, receiver = unhex("00af"), unhex("0001")

    assert datagram.build(datagram.NAME_ANSWER, sender, receiver, answer) == ANSWER_REAL
    request = naming.build_request(0x11223344)
    asked = datagram.build(datagram.NAME_REQUEST, unhex("0032"), payload=request, hops=13)
    assert asked == REQUEST_DEMO
    assert datagram.build(datagram.ADDRESS_REQUEST, sender, hops=1) == BEACON
    tcp = datagram.build(
        datagram.NAME_REQUEST, unhex("c030c0a80132"), unhex("2ddcc0a80114"), request, hops=13
    )
    assert blocks.build(tcp) == TCP_REQUEST


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60), st.integers(0, 2**32 - 1))
def test_every_identification_that_is_written_is_read_back(
    name: str, device: str, vendor: str, request: int
) -> None:
    texts = [
        text.encode("utf-16-le", "ignore").decode("utf-16-le") for text in (name, device, vendor)
    ]

    node = naming.read(naming.build_answer(request, *texts, "SN-1", target_version=0x01020304))

    assert isinstance(node, naming.Node)
    assert texts == [node.name, node.device, node.vendor]
    assert ("SN-1", "1.2.3.4", request) == (node.serial, node.target_version, node.request)
    assert () == node.faults


@given(st.binary(max_size=120), st.integers(0, 500))
def test_no_octets_at_all_break_a_layer(octets: bytes, missing: int) -> None:
    datagram.read(octets, len(octets) + missing)
    datagram.read(b"\xc5\x0b\x40\x03" + octets)
    naming.read(b"\x80\xc2\x00\x04" + octets, missing)
    naming.read(b"\xc2\x80\x01\x03" + octets, missing)
    channel.read(octets, missing)
    list(services.tags(octets))
    services.device(octets)
    blocks.split(blocks.MAGIC + octets)


def test_roles_are_turned_when_the_answer_was_met_first() -> None:
    told = identify(Payload.of(UDP, [ANSWER_REAL], [REQUEST_REAL]))

    assert told is not None
    assert told.swapped
    assert REAL_NODE == dict(told.server)
    assert recognise(Payload.of(UDP, [ANSWER_REAL], [REQUEST_REAL])) is None


def test_bits_never_met_in_normal_traffic_are_told() -> None:
    told = recognise(Payload.of(UDP, [unhex("c50b6001001000af")]))

    assert told is not None
    assert PLAUSIBLE == told.confidence
    assert any("packet info 60" in text for text in told.against)
