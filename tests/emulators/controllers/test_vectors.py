"""What stand-ins say equals messages that are not of our making, octet by octet.

Sources: real captures (microsoft/CoDe16, Wireshark's sample OptoMMP.pcap, a Snap7 server, BACnet
and CIP devices), published vectors, answers of pymodbus; where nothing real is public, messages
that were put together by hand from documents and read by Wireshark's or Microsoft's parser.
"""

from __future__ import annotations

import struct

import pytest

from portbook.emulators.controllers import Plate
from portbook.emulators.controllers.bacnet import Bacnet
from portbook.emulators.controllers.codesys import Codesys, open_answer
from portbook.emulators.controllers.enip import Enip
from portbook.emulators.controllers.ftp import Ftp
from portbook.emulators.controllers.modbus import Modbus
from portbook.emulators.controllers.opcua import OpcUa
from portbook.emulators.controllers.optommp import OptoMmp
from portbook.emulators.controllers.s7 import S7
from portbook.emulators.controllers.snmp import Snmp
from portbook.emulators.controllers.unitrends import Unitrends
from portbook.ports import Transport

WIN_V3 = Plate(
    "DESKTOP-J5MJ2CU",
    "3S - Smart Software Solutions GmbH",
    "CODESYS Control Win V3",
    "3.5.14.20",
    "7AA78BA7-83968B3A-A3561016-448E5059",
)
REAL_ANSWER = """
    c57340040011000100af000080c20004000000000400010000000f00160022000010000001000000140e050301000000
    2300050000000000000000004400450053004b0054004f0050002d004a0035004d004a00320043005500000043004f00
    44004500530059005300200043006f006e00740072006f006c002000570069006e002000560033000000330053002000
    2d00200053006d00610072007400200053006f00660074007700610072006500200053006f006c007500740069006f00
    6e007300200047006d006200480000003741413738424137
    2d38333936384233412d41333536313031362d343438453530353900"""
DEMO = Plate("plc-7", "Example GmbH", "Demo Controller", "3.5.20.40", "SN-0001")
DEMO_ANSWER = """
    c5734004001100320014000080c200044433221104000100000005000f000c0000100000010042002814050301000000
    07000500000000000000000070006c0063002d0037000000440065006d006f00200043006f006e00740072006f006c00
    6c006500720000004500780061006d0070006c006500200047006d00620048000000534e2d3030303100"""
DEMO_TCP = """
    000117e89a000000c57340040033c030c0a801322ddcc0a80114000080c200044433221104000100000005000f000c00
    00100000010042002814050301000000070001000000000000000000
    70006c0063002d0037000000440065006d006f0020004300
    6f006e00740072006f006c006c006500720000004500780061006d0070006c006500200047006d006200480000005
    34e2d3030303100"""


def codesys(plate: Plate, address: str, prefix: int, index: int = 0, **more: int) -> Codesys:
    made = Codesys(plate, **more)
    made.placed(
        address,
        prefix,
        {Transport.UDP: 1740 + index, Transport.TCP: 11740},
        {Transport.UDP: 1740, Transport.TCP: 11740},
    )
    return made


def octets(text: str) -> bytes:
    return bytes.fromhex("".join(text.split()))


@pytest.mark.parametrize(
    ("hexed", "address", "prefix", "index"),
    [
        ("c50b4001001000af", "192.168.190.175", 24, 0),
        ("c50b400100100096", "192.168.1.150", 24, 0),
        ("c50b400100100196", "192.168.1.150", 24, 1),
        ("c50b40010010014b", "192.168.1.75", 24, 1),
        ("c50b4001001000a2", "172.16.10.162", 24, 0),
        ("c50b400100200000ff2a0000", "169.254.255.42", 16, 0),
        ("c50b400100200001ff2a0000", "169.254.255.42", 16, 1),
        ("c50b400100101807", "10.2.88.7", 21, 3),
        ("c50b40010020000105070000", "10.0.5.7", 17, 2),
        ("c50b400100300000c0a8010a", "192.168.1.10", 0, 0),
        ("c50b40010020000000010000", "127.0.0.1", 8, 0),
    ],
)
def test_codesys_announces_itself_as_real_routers_do(
    hexed: str, address: str, prefix: int, index: int
) -> None:
    made = codesys(DEMO, address, prefix, index)

    assert hexed == made.announcement().hex()


def test_codesys_sends_its_announcement_to_all_four_ports_in_their_order() -> None:
    made = codesys(DEMO, "192.168.190.175", 24)

    sent = list(made.beat(5))

    assert [("192.168.190.255", port) for port in (1740, 1741, 1742, 1743)] == [
        one.to for one in sent
    ]
    assert {"c50b4001001000af"} == {one.octets.hex() for one in sent}


@pytest.mark.parametrize(
    ("request_hex", "answer_hex", "plate", "address", "target_id", "to"),
    [
        (
            "c56b40030010000102c2000400000000",
            REAL_ANSWER,
            WIN_V3,
            "192.168.190.175",
            1,
            ("192.168.190.1", 1740),
        ),
        (
            "c56b4003001100af0001000002c2000401000000",
            REAL_ANSWER.replace("80c2000400000000", "80c2000401000000"),
            WIN_V3,
            "192.168.190.175",
            1,
            ("192.168.190.1", 1740),
        ),
        (
            "c56b40030010003202c2000444332211",
            DEMO_ANSWER,
            DEMO,
            "192.168.1.20",
            0x00420001,
            ("192.168.1.50", 1740),
        ),
        (
            "c5744003001012340032000002c2000444332211",
            DEMO_ANSWER,
            DEMO,
            "192.168.1.20",
            0x00420001,
            ("192.168.1.50", 1740),
        ),
    ],
)
def test_codesys_answers_the_name_service_as_the_vectors_do(
    request_hex: str,
    answer_hex: str,
    plate: Plate,
    address: str,
    target_id: int,
    to: tuple[str, int],
) -> None:
    made = codesys(plate, address, 24, target_id=target_id)

    (sent,) = made.datagram(octets(request_hex), 0)

    assert octets(answer_hex) == sent.octets
    assert to == sent.to, "the address that the request encodes"


def test_codesys_answers_over_tcp_as_the_vector_does() -> None:
    session = codesys(DEMO, "192.168.1.20", 24).session(0)
    asked = "000117e824000000c56b400300332ddcc0a80114c030c0a80132000002c2000444332211"

    assert octets(DEMO_TCP) == session.receive(octets(asked), 0)
    assert not session.ended


def test_codesys_refuses_a_channel_and_closes() -> None:
    session = codesys(DEMO, "192.168.56.114", 24).session(0)
    opening = octets("c3000101089277ac81d4218300401f0005000000")
    asked = octets("c56b404000332ddcc0a83872830fc0a838730000") + opening

    told = session.receive(b"\x00\x01\x17\xe8" + struct.pack("<I", 8 + len(asked)) + asked, 0)

    assert "c573404000" == told[8:13].hex()
    body = told[8 + 20 :]
    assert (b"\x83\x00\x01\x01", opening[8:12], b"\x02\x00") == (body[:4], body[8:12], body[12:14])
    assert session.ended


def test_codesys_builds_open_answers_as_the_vector() -> None:
    told = open_answer(0x8321D481, 0, 0xDBD8, 0x1F4000, 4)

    assert "8300010176d1bea081d421830000d8db00401f0000040000" == told.hex()


def optommp(**more: object) -> OptoMmp:
    made = OptoMmp(
        Plate(product="SNAP-PAC-S1", version="R3.5a"),
        mac="00:a0:3d:01:1f:3e",
        gateway="10.192.55.1",
        **more,  # type: ignore[arg-type]
    )
    made.placed("10.192.55.123", 16, {Transport.TCP: 2001, Transport.UDP: 2001})
    return made


AREA = {
    0xF0800180: bytes(4),
    0xF0A00800: struct.pack(">f", 15.5),
    0xF0400100: bytes(8) + (501699).to_bytes(4, "big") + bytes(20),
}
REFUSED = "000008400000fffff0d81000", "00000860000040000000000000000000"
CLEAR = "000004000000fffff038000000000001", "000004200000000000000000"
# numbers: those of the reference's list of vectors
PLAY = [
    ("000004400000fffff0300004", "00000460000000000000000000000001"),  # 1, 2
    REFUSED,  # 3, 4
    CLEAR,  # 6, 7
    ("000004100000fffff03800000004000000000001", CLEAR[1]),  # 8
    (
        "000018500000fffff030000000400000",
        "000018700000000000000000004000000000004200000000000000000000e00400020000f0d81000"
        "03050200030502000000007c060107e202000000000000a03d011f3e0ac0377bffff00000ac03701",
    ),  # 9 with the label of 10
    ("00000c400000fffff030000c", "00000c6000000000000000000000e004"),  # 5
    ("000004400000fffff0a00800", "00000460000000000000000041780000"),  # 12
    (
        "000040500000fffff040010000200000",
        "0000407000000000000000000020000000000000000000000007a7c3" + "00" * 20,
    ),  # 13
    ("000040400000fffff0400108", "0000406000000000000000000007a7c3"),  # 14
    ("000024100000fffff0d810000008000000000001ffffffff", "000024200000000000000000"),  # 15
    ("00002c400000fffff9990000", "00002c60000050000000000000000000"),  # 16
    ("000000100000fffff0d810000004000000000005", "000000200000000000000000"),  # 18
    ("000008400000fffff0d81000", "00000860000000000000000000000005"),  # what 18 wrote
    ("000008400000fffff0800180", "00000860000000000000000000000000"),  # 19
    ("00000c000001fffff080018000000000", "00000c200001000000000000"),  # 20
]  # fmt: skip


def test_optommp_says_what_the_vectors_say_over_udp() -> None:
    made = optommp(memory=AREA)

    for asked, wanted in PLAY:
        assert [wanted] == [one.octets.hex() for one in made.datagram(octets(asked), 0)], asked


@pytest.mark.parametrize("piece", [1, 7, 4096])
def test_optommp_says_the_same_over_tcp_in_pieces_of_any_size(piece: int) -> None:
    session = optommp(memory=AREA).session(0)
    stream = octets("".join(asked for asked, _ in PLAY))

    told = b"".join(
        session.receive(stream[at : at + piece], 0) for at in range(0, len(stream), piece)
    )

    assert "".join(wanted for _, wanted in PLAY) == told.hex()


def test_optommp_tells_its_part_number() -> None:
    made = OptoMmp(Plate(product="GRV-EPIC-PR1", version="R3.5a"))

    (sent,) = made.datagram(octets("000000500000fffff0300080000c0000"), 0)

    assert "000000700000000000000000000c00004752562d455049432d505231" == sent.octets.hex()


def test_optommp_takes_text_for_a_message_as_real_units_do() -> None:
    told = optommp().session(0).receive(b"GET / HTTP/1.0\r\n\r\n", 0)

    assert "474554202f20500000000000" == told.hex()


def test_modbus_answers_as_pymodbus_does() -> None:
    plate = Plate("", "Example Vendor", "EX-100", "1.2.3", "7")
    registers = [0x37, 1, 0x3C, 0, 0, 0, 0, 0, 0, 0]
    session = Modbus(plate, registers=registers).session(0)

    for asked, wanted in [
        (
            "000100000005012b0e0100",
            "000100000027012b0e0183000003000e4578616d706c652056656e646f72010645582d313030"
            "0205312e322e33",
        ),
        ("000300000005012b0e0402", "00030000000f012b0e04830000010205312e322e33"),
        (
            "0006000000020111",
            "00060000001f01111c4578616d706c652056656e646f722d45582d3130302d312e322e33ff",
        ),
        (
            "0d2f0000000601030000000a",
            "0d2f0000001701031400370001003c0000000000000000000000000000",
        ),
    ]:
        assert wanted == session.receive(octets(asked), 0).hex()


def test_enip_lists_itself_as_a_real_adapter_does() -> None:
    plate = Plate("", "1", "1756-ENBT/A", "4.3", "0x00524D8E")
    made = Enip(plate, device_type=12, product_code=58, status=0x0030)
    made.placed("10.1.1.164", 24, {Transport.TCP: 44818, Transport.UDP: 44818})
    asked = "63000000000000000000000000000000c1debed100000000"

    (sent,) = made.datagram(octets(asked), 0)

    assert (
        "63003300000000000000000000000000c1debed10000000001000c002d0001000002af120a0101a4"
        "000000000000000001000c003a00040330008e4d52000b313735362d454e42542f4103"
    ) == sent.octets.hex()


def test_enip_lists_services_and_registers_as_real_devices_do() -> None:
    session = Enip().session(0)

    assert (
        "04001a00000000000000000000000000000000000000000001000001140001002001"
        "436f6d6d756e69636174696f6e730000"
    ) == session.receive(octets("0400" + "00" * 22), 0).hex()
    assert (
        "65000400000202130000000000000000000000000000000001000000"
        == session.receive(
            octets("65000400000000000000000000000000000000000000000001000000"), 0
        ).hex()
    )


def test_enip_with_opto_22s_vendor_id_equals_the_constructed_answer() -> None:
    made = Enip(Plate("", "Opto 22", "SNAP-PAC-R1", "10.3", "0x0011223E"))
    made.placed("10.192.55.123", 16, {Transport.TCP: 44818, Transport.UDP: 44818})

    (sent,) = made.datagram(octets("63000000000000000000 0000f401504254424f4b00000000"), 0)

    assert (
        "630033000000000000000000f401504254424f4b0000000001000c002d0001000002af120ac0377b"
        "000000000000000053000c0001000a0330003e2211000b534e41502d5041432d523103"
    ) == sent.octets.hex()


def test_s7_speaks_as_a_snap7_server_does() -> None:
    plate = Plate("SNAP7-SERVER", "Siemens", "CPU 315-2 PN/DP", "V3.2.6", "S C-C2UR28922012")
    session = S7(plate).session(0)
    parts = [
        f"0001{'534e4150372d534552564552'}{'00' * 20}",
        f"0002{'435055203331352d3220504e2f4450'}{'00' * 17}",
        f"0003{'00' * 32}",
        f"0004{'4f726967696e616c205369656d656e732045717569706d656e74'}{'00' * 6}",
        f"0005{'5320432d433255523238393232303132'}{'00' * 16}",
        f"0007{'435055203331352d3220504e2f4450'}{'00' * 17}",
        f"0008{'4d4d43203236374646313146'}{'00' * 20}",
        f"0009002af6000001{'00' * 26}",
        f"000a{'00' * 32}",
        f"000b{'00' * 32}",
    ]
    play = [
        (
            "0300001611e00000000100c0010ac1020100c2020101",
            "0300001611d00001000100c0010ac1020100c2020101",
        ),
        (
            "0300001902f08032010000000000080000f0000001000101e0",
            "0300001b02f080320300000000000800000000f0000001000101e0",
        ),
        (
            "0300002102f080320700000100000800080001120411440100ff09000400110000",
            "0300009902f080320700000100000c007c000112081284010000000000ff09007800110000001c0004"
            "000136455337203331352d32454831342d304142302000c000040001"
            "000636455337203331352d32454831342d304142302000c000040001"
            "0007202020202020202020202020202020202020202000c056030206"
            "0081426f6f74204c6f61646572202020202020202020000041200909",
        ),
        (
            "0300002102f080320700000200000800080001120411440100ff090004001c0000",
            "0300017d02f080320700000200000c0160000112081284010100000000ff09015c001c00000022000a"
            + "".join(parts),
        ),
    ]
    for asked, wanted in play:
        assert wanted == session.receive(octets(asked), 0).hex()


def test_bacnet_answers_as_real_devices_do() -> None:
    made = Bacnet(Plate("", "JCI", "", "5.1.0.4400"), instance=500, vendor_id=5, ucs2=True)
    # the invoke ids are those of the real requests
    for asked, wanted in [
        (
            "810a001101040005010c0c023fffff194b",
            "810a0017010030010c0c023fffff194b3ec4020001f43f",
        ),
        ("810a001101040005010c0c023fffff1978", "810a0014010030010c0c023fffff19783e21053f"),
        (
            "810a001101040005010c0c023fffff1979",
            "810a001b010030010c0c023fffff19793e750704004a004300493f",
        ),
        (
            "810a001101040005010c0c023fffff192c",
            "810a0029010030010c0c023fffff192c3e7515040035002e0031002e0030002e00340034003000303f",
        ),
    ]:
        assert [wanted] == [one.octets.hex() for one in made.datagram(octets(asked), 0)]


def test_bacnet_says_who_it_is_as_a_real_device_does_but_to_the_asker_alone() -> None:
    made = Bacnet(instance=2401, vendor_id=24, max_apdu=480)

    (sent,) = made.datagram(octets("810b000c0120ffff00ff1008"), 0)

    real = "810b001401001000c4020009612201e091032118"
    assert real.replace("810b", "810a") == sent.octets.hex()


def test_snmp_answers_as_a_real_agent_and_as_the_constructed_vector() -> None:
    switch = Snmp(Plate("", "UMTS", "Soft", "Switch"))
    asked = "302802010104067075626c6963a01b02030458aa020100020100300e300c06082b060102010101000500"
    (sent,) = switch.datagram(octets(asked), 0)
    assert (
        "303802010104067075626c6963a22b02030458aa020100020100301e301c06082b06010201010100"
        "0410554d545320536f667420537769746368"
    ) == sent.octets.hex()

    opto = Snmp(Plate("", "Opto 22", "SNAP-PAC-R1", "R10.3c"))
    asked = (
        "303402010104067075626c6963a027020101020100020100301c300c06082b060102010101000500"
        "300c06082b060102010102000500"
    )
    (sent,) = opto.datagram(octets(asked), 0)
    assert (
        "305602010104067075626c6963a249020101020100020100303e302606082b06010201010100041a"
        "4f70746f20323220534e41502d5041432d5231205231302e3363301406082b0601020101020006082b06"
        "010401a27901"
    ) == sent.octets.hex()


def test_opcua_acknowledges_a_hello_as_a_real_server_does() -> None:
    hello = (
        "48454c464a00000000000000000001000000010000000000000000002a0000006f70632e7463703a2f2f6c"
        "6f63616c686f73743a343834302f667265656f706375612f7365727665722f"
    )
    session = OpcUa(limits=(1 << 24, 5000)).session(0)

    assert (
        "41434b461c0000000000000000000100000001000000000188130000"
        == session.receive(octets(hello), 0).hex()
    )


@pytest.mark.parametrize(
    ("port", "wanted"),
    [
        (
            36092,
            "a54100010000002c00000002000000010000000100000000020000000f436f6e6e6563743336303932"
            "000000",
        ),
        (
            1745,
            "a54100010000002b00000002000000010000000100000000020000000e436f6e6e65637431373435"
            "000000",
        ),
    ],
)
def test_unitrends_greets_as_the_vectors_do(port: int, wanted: str) -> None:
    session = Unitrends(data_port=port).session(0)

    assert wanted == session.begin(0).hex()


def test_ftp_greets_and_refuses_help_as_an_opto_22_unit_does() -> None:
    session = Ftp(Plate(vendor="Opto 22")).session(0)

    assert b"220 Opto 22 FTP server ready.\r\n" == session.begin(0)
    assert b"502 HELP command not implemented, or not allowed.\r\n" == session.receive(
        b"HELP\r\n", 0
    )
