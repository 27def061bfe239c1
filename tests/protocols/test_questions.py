"""What questions send: byte for byte what is published, never a write, nothing unannounced."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import UsageError
from portbook.ports import Transport
from portbook.protocols import (
    Payload,
    bacnet_asking,
    enip_asking,
    guarded,
    identify,
    modbus_asking,
    opcua_asking,
    protocols,
    questions,
    s7_asking,
    snmp_asking,
)
from portbook.protocols.codesys import addresses
from portbook.protocols.codesys import asking as codesys
from portbook.protocols.optommp import areas, messages
from portbook.protocols.optommp import asking as optommp
from portbook.protocols.questions import MOST_LINES, Asking, Line, Question, Verdict

SYS_DESCR = (1, 3, 6, 1, 2, 1, 1, 1, 0)
ASKING = Asking("192.168.1.20", 9, number=0x11223344, secret=b"public", own="192.168.1.50")
ASKING = ASKING._replace(own_port=1743, prefix=24, now_ns=10**18)
EVERY = [one for several in questions().values() for one in several]
every = pytest.mark.parametrize("question", EVERY, ids=lambda one: f"{one.name}-{one.transport}")


def node(address: str, port: int, prefix: int) -> bytes:
    return addresses.encode(IPv4Address(address).packed, port, prefix)


def url() -> bytes:
    return b"opc.tcp://localhost:4840/freeopcua/server/"


MOMENT = struct.unpack("<Q", bytes.fromhex("003c7d0c5c2bca01"))[0]
PUBLISHED = {
    # what, hex, where it comes from
    "CODESYS to all of a /24": (
        codesys.request(node("192.168.1.50", 1740, 24), 0x11223344, 0x1234),
        "c5744003001012340032000002c2000444332211",  # constructed, form of Rapid7's scanner
    ),
    "CODESYS to all of a /16": (
        codesys.request(node("10.20.30.40", 1740, 16), 0x11223344, 0x1234),
        "c57440030020123400001e2802c2000444332211",
    ),
    "CODESYS to one": (
        codesys.request(node("192.168.1.50", 1740, 24), 0x11223344),
        "c56b40030010003202c2000444332211",
    ),
    "CODESYS to one, from port 1741 of a /8": (
        codesys.request(node("127.0.0.1", 1741, 8), 0x0A0B0C0D),
        "c56b4003002001000001000002c200040d0c0b0a",
    ),
    "CODESYS, as microsoft/CoDe16 sent it (example.pcap, frame 5)": (
        codesys.request(bytes.fromhex("0001"), 0),
        "c56b40030010000102c2000400000000",
    ),
    "CODESYS over TCP, as Greenbone and nmap pull request 1210 send it": (
        codesys.lines_tcp(ASKING)[0].octets,
        "000117e824000000c56b400300432ddc000000002ddf7f000001830102c2000400000000",
    ),
    "OptoMMP, powerup clear needed?": (
        optommp.read_quadlet(1, 0xF0300004),
        "000004400000fffff0300004",
    ),
    "OptoMMP, status area (Opto22_ConfigIP)": (
        optommp.read_block(2, 0xF0300000, 0x40),
        "000008500000fffff030000000400000",
    ),
    "OptoMMP, part number (optommp 0.7)": (
        optommp.read_block(0, 0xF0300080, 12),
        "000000500000fffff0300080000c0000",
    ),
    "ListIdentity (real capture)": (
        enip_asking.list_identity(bytes.fromhex("00000000c1debed1")),
        "63000000000000000000000000000000c1debed100000000",
    ),
    "Modbus identification (pymodbus 3.16.1)": (
        modbus_asking.identify(1, 1),
        "000100000005012b0e0100",
    ),
    "Modbus server id (pymodbus 3.16.1)": (modbus_asking.server_id(6, 1), "0006000000020111"),
    "Who-Is to one": (bacnet_asking.who_is(), "810a000801001008"),
    "Who-Is to all (real capture)": (
        bacnet_asking.who_is(everywhere=True),
        "810b000c0120ffff00ff1008",
    ),
    "ReadProperty object identifier (real capture)": (
        bacnet_asking.read_property(1, 75),
        "810a001101040005010c0c023fffff194b",
    ),
    "ReadProperty firmware revision": (
        bacnet_asking.read_property(1, 44),
        "810a001101040005010c0c023fffff192c",
    ),
    "S7 connect (Snap7 dialogue)": (
        s7_asking.connect(0x0100, 0x0101),
        "0300001611e00000000100c0010ac1020100c2020101",
    ),
    "S7 setup (Snap7 dialogue)": (
        s7_asking.setup(480),
        "0300001902f08032010000000000080000f0000001000101e0",
    ),
    "S7 SZL 0011 (Snap7 dialogue)": (
        s7_asking.read_list(0x0011, 0x0100),
        "0300002102f080320700000100000800080001120411440100ff09000400110000",
    ),
    "S7 SZL 001C (Snap7 dialogue)": (
        s7_asking.read_list(0x001C, 0x0200),
        "0300002102f080320700000200000800080001120411440100ff090004001c0000",
    ),
    "OPC UA hello (freeopcua)": (
        opcua_asking.hello(url(), 65536, 0, 0),
        "48454c464a0000000000000000000100000001000000000000000000" + "2a000000" + url().hex(),
    ),
    "OPC UA channel (real capture)": (
        opcua_asking.open_channel(MOMENT, diagnostics=0x3FF, lifetime_ms=6_000_000),
        "4f504e4684000000000000002f000000687474703a2f2f6f7063666f756e646174696f6e2e6f72672f55412f"
        "5365637572697479506f6c696379234e6f6e65ffffffffffffffff01000000010000000100be010000003c7d"
        "0c5c2bca0101000000ff030000ffffffff0000000000000000000000000000000100000000000000808d5b00",
    ),
    "OPC UA GetEndpoints (real capture)": (
        opcua_asking.get_endpoints(0x195F, 1, MOMENT, None, handle=1, diagnostics=0x3FF),
        "4d534746450000005f1900000100000002000000020000000100ac010000003c7d0c5c2bca0101000000ff03"
        "0000ffffffff00000000000000ffffffff0000000000000000",
    ),
    "SNMP get sysDescr (real capture, version 2c)": (
        snmp_asking.get(1, b"public", 0x0458AA, (SYS_DESCR,)),
        "302802010104067075626c6963a01b02030458aa020100020100300e300c06082b060102010101000500",
    ),
}


@pytest.mark.parametrize("what", PUBLISHED)
def test_a_message_equals_what_others_send(what: str) -> None:
    octets, published = PUBLISHED[what]

    assert published == octets.hex()


def spoken(question: Question, broadcast: bool = False) -> tuple[Line, ...]:
    asking = ASKING._replace(port=question.ports[0], broadcast=broadcast)
    return question.said(asking)


@every
def test_what_is_sent_is_bounded_and_each_line_told_in_words(question: Question) -> None:
    lines = spoken(question)

    assert len(lines) <= MOST_LINES
    assert all(line.words and line.octets for line in lines)


@every
def test_our_own_recogniser_knows_what_is_sent_as_its_protocol(question: Question) -> None:
    lines = [line.octets for line in spoken(question)]
    told = identify(Payload.of(question.transport, lines), roles_known=True) if lines else None

    alone = question.name == "enip" and question.transport is Transport.TCP
    # 24 octets of a lone header over TCP are worn by others, too: that has no name by itself
    assert (question.protocol if lines and not alone else None) == (told and told.protocol)


def test_nothing_is_ever_sent_to_unitrends_or_for_a_banner() -> None:
    for name in ("unitrends", "banner"):
        (question,) = questions()[name]
        assert () == spoken(question)


def test_optommp_is_asked_for_reads_of_the_status_area_only() -> None:
    for question in questions()["optommp"]:
        for line in (*spoken(question), *spoken(question, broadcast=True)):
            request = messages.read(line.octets)
            assert request is not None
            assert request.code in (messages.READ_QUADLET, messages.READ_BLOCK)
            assert request.address is not None
            end = request.address + request.length
            assert areas.STATUS <= request.address < end <= areas.STATUS + areas.STATUS_SIZE


def test_modbus_functions_are_identification_and_server_id_only() -> None:
    (question,) = questions()["modbus"]

    assert {(0x2B, 0x0E), (0x11, None)} == {
        (line.octets[7], line.octets[8] if line.octets[7] == 0x2B else None)
        for line in spoken(question)
    }


def test_bacnet_asks_who_is_there_and_reads_only() -> None:
    (question,) = questions()["bacnet"]
    first, *reads = spoken(question)

    assert bytes((0x10, 8)) == first.octets[-2:]  # unconfirmed, Who-Is
    assert all((0x00, 0x0C) == (one.octets[6], one.octets[9]) for one in reads)  # ReadProperty
    assert list(range(1, 10)) == [one.octets[8] for one in reads]  # each with a number of its own


def test_a_subnet_is_asked_with_one_message_a_port() -> None:
    for question in EVERY:
        if question.broadcast:
            lines = spoken(question, broadcast=True)
            assert len(lines) == len({line.port for line in lines})


def test_a_community_is_not_shown() -> None:
    (question,) = questions()["snmp"]
    (line,) = question.said(ASKING._replace(secret=b"s3cr3t-word"))

    assert b"s3cr3t-word" in line.octets
    assert b"s3cr3t-word".hex() not in line.shown() + line.shown(line.octets)
    assert "**" * 11 in line.shown(line.octets)
    assert len(line.octets) * 2 == len(line.shown())


def test_a_community_that_looks_like_the_message_around_it_is_hidden_all_the_same() -> None:
    (question,) = questions()["snmp"]
    (line,) = question.said(ASKING._replace(secret=b"\x02\x01\x01"))

    assert line.secret is not None
    start, size = line.secret
    assert (b"\x02\x01\x01", 7) == (line.octets[start : start + size], start)


def test_ports_that_are_guarded_take_no_other_question() -> None:
    assert "unitrends" == guarded(1743, Transport.TCP, "modbus")
    assert "unitrends" == guarded(1743, Transport.UDP, "snmp")
    assert "optommp" == guarded(2001, Transport.TCP, "opcua")
    assert "optommp" == guarded(2001, Transport.UDP, "enip")
    assert "pac-control" == guarded(22001, Transport.TCP, "modbus")
    assert "pac-control" == guarded(22510, Transport.TCP, "modbus")


def test_a_protocol_may_ask_at_its_own_ports() -> None:
    assert guarded(1743, Transport.UDP, "codesys-v3") is None
    assert guarded(2001, Transport.UDP, "optommp") is None
    assert guarded(502, Transport.TCP, "modbus") is None


def test_no_question_is_asked_of_the_control_engine_of_pac_control() -> None:
    ports = {port for one in EVERY for port in one.ports}

    assert not ports & {22001, 22002, 1217, 1200, 2455, *range(22500, 22532)}
    assert () == protocols()["pac-control"].questions


def replies() -> st.SearchStrategy[list[tuple[bytes, ...]]]:
    """Return what a hostile device may answer, line by line."""
    odd = st.binary(max_size=80)
    known = st.sampled_from(
        [
            "00010000000301ab0b",  # Modbus: the gateway has nobody there
            "000100000003012b01",
            "00010000000d012b0e0101ff0501000141",  # more follows, from object 5
            "00010000000d012b0e0101ff0001000141",
            "4f504e46870000006600000034000000" + "ff" * 60,
            "4f504e46" + "00" * 70,
            "45525246100000000000028000000000",
        ]
    ).map(bytes.fromhex)
    return st.lists(st.lists(odd | known, max_size=2).map(tuple), min_size=12, max_size=12)


@every
@given(heard=replies())
def test_whatever_is_answered_nothing_but_what_was_announced_is_sent(
    question: Question, heard: list[tuple[bytes, ...]]
) -> None:
    for at, line in enumerate(spoken(question)):
        octets = line.ready(heard[:at])
        assert octets is None or line.announces(octets)


@every
@given(came=st.binary(max_size=120))
def test_odd_answers_are_judged_without_a_fault(question: Question, came: bytes) -> None:
    for line in spoken(question):
        assert line.verdict(line.octets, came) in Verdict
        # what was sent, sent back, is no answer
        assert line.verdict(line.octets, line.octets) is Verdict.OTHER
    if question.measure:
        assert (question.measure(came, 0) or 0) >= 0


def test_a_fill_that_changes_what_was_announced_is_not_sent() -> None:
    line = Line(b"\1\2\3", "a read", fill=lambda octets, heard: b"\1\2\4")

    with pytest.raises(UsageError, match="differs"):
        line.ready(())


def test_modbus_goes_on_to_other_units_only_while_nobody_answers() -> None:
    (question,) = questions()["modbus"]
    one, other, third, rest, instead = spoken(question)
    nobody = bytes.fromhex("00010000000301ab0b")
    refused = bytes.fromhex("00010000000301ab01")
    told = bytes.fromhex("00010000000d012b0e0101ff0501000141")

    assert one.octets == one.ready([])
    assert other.octets == other.ready([()])
    assert other.octets == other.ready([(nobody,)])
    assert other.ready([(refused,)]) is None
    assert third.ready([(), (told,)]) is None
    assert "000400000005012b0e0105" == (rest.ready([(told,), (), ()]) or b"").hex()
    assert rest.ready([(refused,), (), ()]) is None
    assert "0005000000020111" == (instead.ready([(refused,), (), (), ()]) or b"").hex()
    assert instead.ready([(told,), (), (), ()]) is None


def test_bacnet_reads_of_the_device_that_named_itself_else_of_any() -> None:
    (question,) = questions()["bacnet"]
    _, first, *_ = spoken(question)
    i_am = bytes.fromhex("810b001401001000c4020009612201e091032118")  # real capture, device 2401
    other = bytes.fromhex("810b001401001000c4000009612201e091032118")  # of an analog input

    assert "810a001101040005010c0c02000961194b" == (first.ready([(i_am,)]) or b"").hex()
    for heard in ([()], [(other,)], [(i_am[:9],)]):
        assert "810a001101040005010c0c023fffff194b" == (first.ready(heard) or b"").hex()


def test_an_opc_ua_channel_is_used_as_the_server_gave_it() -> None:
    (question,) = questions()["opcua"]
    _, _, get, close = spoken(question)
    # channel 7, token 9, as a server that asks for no security opens one
    head = struct.pack("<I", 7) + struct.pack("<i", 47) + opcua_asking.POLICY + b"\xff" * 8
    body = struct.pack("<II", 1, 1) + bytes.fromhex("0100c101") + struct.pack("<QII", 0, 1, 0)
    body += b"\0" + struct.pack("<i", 0) + b"\0\0\0" + struct.pack("<III", 0, 7, 9) + bytes(12)
    opened = b"OPNF" + struct.pack("<I", 8 + len(head + body)) + head + body
    heard = [(b"ACK",), (opened,)]

    sent = get.ready(heard)
    assert sent is not None
    assert (7, 9) == struct.unpack_from("<II", sent, 8)
    assert get.octets[16:] == sent[16:]
    closing = close.ready([*heard, ()])
    assert closing is not None
    assert (b"CLOF", 7, 9) == (closing[:4], *struct.unpack_from("<II", closing, 8))
    assert get.ready([(b"ACK",), (b"ERRF" + bytes(12),)]) is None


ANSWERS: list[tuple[str, int, str, str]] = [
    # question, line, answer, where it is from
    ("codesys", 0, "c573400400110032001400008 0c200".replace(" ", ""), "cut short"),
    ("optommp", 0, "00000460000000000000000000000001", "constructed, read by Opto 22's dissector"),
    ("modbus", 0, "000100000027012b0e0183000003000e4578616d706c652056656e646f72010645582d3130300205"
     "312e322e33", "pymodbus 3.16.1"),
    ("bacnet", 0, "810b001401001000c4020009612201e091032118", "real capture"),
    ("bacnet", 1, "810a0017010030010c0c023fffff194b3ec4020001f43f", "real capture"),
    ("s7", 0, "0300001611d00001000100c0010ac1020100c2020101", "Snap7"),
    ("s7", 1, "0300001b02f080320300000000000800000000f0000001000101e0", "Snap7"),
    ("opcua", 0, "41434b461c0000000000000000000100000001000000000188130000", "real capture"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "line", "answer", "origin"), ANSWERS, ids=lambda one: str(one)[:20]
)
def test_a_real_answer_is_one(name: str, line: int, answer: str, origin: str) -> None:
    question = questions()[name][0]
    octets = bytes.fromhex(answer)
    asked = spoken(question)[line]

    expected = Verdict.OTHER if origin == "cut short" else Verdict.ANSWER
    assert expected is asked.fits(asked.octets, octets)
    if question.measure and question.transport is Transport.TCP:
        assert len(octets) == question.measure(octets, 0)


def test_an_identification_answers_the_request_of_its_number_only() -> None:
    answer = bytes.fromhex(
        "c5734004001100320014000080c20004443322110400010000000100010001000010000001000000281405"
        "03010000000100050000000000000000006100000062000000630000007300"
    )
    asked = codesys.request(node("192.168.1.50", 1740, 24), 0x11223344)
    other = codesys.request(node("192.168.1.50", 1740, 24), 0x11223345)

    assert Verdict.ANSWER is codesys.fits(asked, answer)
    assert Verdict.OTHER is codesys.fits(other, answer)


def measures() -> Iterator[Question]:
    return (one for one in EVERY if one.measure and one.transport is Transport.TCP)


def test_no_measure_waits_for_more_than_an_answer_may_have() -> None:
    huge = bytes.fromhex("000117e8ffffffff")
    assert codesys.measure(huge, 0) is None
    assert {"codesys", "optommp", "enip", "modbus", "s7", "opcua"} == {
        one.name for one in measures()
    }
