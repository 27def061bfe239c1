"""Modbus/TCP: exact ends, the shape of each function, and what a server tells of itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify
from portbook.protocols.modbus import HEADER, recognise
from portbook.records import Confidence

TCP, UDP = Transport.TCP, Transport.UDP
READ = unhex("0d2f0000000601030000000a")
TEN = unhex("0d2f0000001701031400370001003c00*14")
TOO_MANY = unhex("045f00000006ff0403840093")
HUNDRED = unhex("0a2e000000cbff04c8 00*12 aa*188")
REFUSED = unhex("0e3100000003018301")
IDENTIFY = unhex("000100000005012b0e0100")
BASIC = unhex(
    "000100000027012b0e0183000003000e4578616d706c652056656e646f72010645582d3130300205312e322e33"
)
SERVER_ID = unhex("0006000000020111")
SERVER_IS = unhex("00060000001f01111c4578616d706c652056656e646f722d45582d3130302d312e322e33ff")
UNBIND = unhex("308400000006020200984200")  # LDAP
ABANDON = unhex("308400000006020103500102")  # LDAP, RFC 4511 section 4.11
SEARCH = unhex("30840000009d0202009363")  # its first octets


def adu(pdu: str, transaction: int = 1, unit: int = 1) -> bytes:
    """Write a message around a function and its data."""
    octets = unhex(pdu)
    return (
        HEADER.write(transaction=transaction, length=len(octets) + 1, unit=unit, function=octets[0])
        + octets[1:]
    )


def tcp(asked: list[bytes], answered: list[bytes]) -> Payload:
    return Payload.of(TCP, asked, answered)


EXAMPLES = [
    Example(
        "ten holding registers, public captures",
        tcp([READ], [TEN]),
        "modbus",
        facts={"functions": [3], "units": [1]},
    ),
    Example("one request alone", tcp([READ], []), "modbus", PLAUSIBLE),
    Example("one exception alone, public captures", tcp([], [REFUSED]), "modbus", PLAUSIBLE),
    Example("the same over UDP", Payload.of(UDP, [READ], [TEN]), "modbus"),
    Example(
        "a device that answers identification badly, public captures",
        tcp([unhex("000000000005012b0e0100")], [unhex("00000000000c002b0e01004db70000000000")]),
        "modbus",
        PLAUSIBLE,
    ),
    Example(
        "device identification, pymodbus 3.16.1",
        tcp([IDENTIFY], [BASIC]),
        "modbus",
        server={"vendor": "Example Vendor", "product": "EX-100", "version": "1.2.3"},
    ),
    Example(
        "one object of it, pymodbus 3.16.1",
        tcp([adu("2b0e0402", 3)], [adu("2b0e04830000010205312e322e33", 3)]),
        "modbus",
        server={"version": "1.2.3"},
    ),
    Example(
        "report server id, pymodbus 3.16.1",
        tcp([SERVER_ID], [SERVER_IS]),
        "modbus",
        server={"product": "Example Vendor-EX-100-1.2.3"},
    ),
    Example(
        "a function the server does not know, pymodbus 3.16.1",
        tcp([unhex("000700000002015a")], [unhex("000700000003018001")]),
        "modbus",
        PLAUSIBLE,
    ),
    Example(
        "Schneider UMAS, public captures",
        tcp([unhex("000000000004005a0002")], []),
        "modbus",
        PLAUSIBLE,
        facts={"dialect": "umas"},
    ),
    Example(
        "an exception padded with a zero, arkime modbus.pcap",
        tcp([], [unhex("0001000000040a810600")]),
        "modbus",
        PLAUSIBLE,
        facts={"exceptions": [6], "units": [10]},
    ),
    Example(
        "147 registers are too many, fuzz-1011.pcap of ITI/ICS-Security-Tools",
        tcp([TOO_MANY], [HUNDRED]),
        "modbus",
        PLAUSIBLE,
        facts={"functions": [4], "units": [255]},
    ),
    Example("LDAP unbind looks like function 2", tcp([UNBIND], []), None),
    Example("LDAP abandon looks like function 1", tcp([ABANDON], []), None),
    Example(
        "LDAP search, cut",
        Payload(TCP, Side(SEARCH, ((163, len(SEARCH)),), 163)),
        None,
    ),
    Example("CLDAP search", Payload(UDP, Side(SEARCH, ((163, len(SEARCH)),), 163)), None),
    Example("Modbus RTU inside TCP", tcp([unhex("01030000000ac5cd")], []), None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ([TOO_MANY], []),
        ([TOO_MANY], [unhex("0a2e00000005ff03020000")]),  # an answer to another function
        ([TOO_MANY], [unhex("0a2e00000005fe04020000")]),  # of another unit
        ([TOO_MANY], [HUNDRED[:-1] + b"\0\0"]),  # an octet too many
        ([TOO_MANY, unhex("000100000003ff0400")], [HUNDRED]),  # a request of no shape at all
    ],
)
def test_a_wrong_quantity_is_borne_only_beside_answers_that_fit(
    asked: list[bytes], answered: list[bytes]
) -> None:
    assert recognise(tcp(asked, answered)) is None


def test_a_quantity_that_is_not_allowed_stands_against_it() -> None:
    told = recognise(tcp([TOO_MANY], [HUNDRED]))

    assert told is not None
    assert "1 messages misfit: function 4 asks for 147, not 1 to 125" in told.against


def named(asked: list[bytes], answered: list[bytes], transport: Transport = TCP) -> str | None:
    told = identify(Payload.of(transport, asked, answered), roles_known=True)
    return told.protocol if told else None


@pytest.mark.parametrize(
    "pdu",
    [
        "01 0000 07d0", "02 0000 0001", "03 0000 007d", "04 0000 0001", "05 0001 ff00",
        "06 0001 0003", "07", "08 0000 a537", "0b", "0c", "0f 0013 000a 02 cd01",
        "10 0001 0002 04 000a0102", "11", "14 07 06 0004 0001 0002",
        "15 0d 06 0004 0007 0003 06af04be100d", "16 0004 00f2 0025",
        "17 0003 0006 000e 0003 06 00ff00ff00ff", "18 04de", "2b 0e 01 00", "2b 0e 03 01 00",
        "2b 0d 0000", "5a 00 02",
    ],
)  # fmt: skip
def test_a_request_has_the_shape_of_its_function(pdu: str) -> None:
    """Examples of the Modbus Application Protocol 1.1b3, section 6."""
    assert recognise(tcp([adu(pdu)], [])) is not None
    assert recognise(tcp([adu(pdu + "00" * 3)], [])) is None or pdu[:2] in ("08", "2b", "5a")


@pytest.mark.parametrize(
    "pdu",
    [
        "01 03 cd6b05", "02 03 acdb35", "03 06 022b00000064", "04 02 000a", "05 00ac ff00",
        "06 0001 0003", "07 6d", "08 0000 a537", "0b ffff 0108",
        "0c 08 0000 0108 0121 2000", "0f 0013 000a", "10 0001 0002",
        "14 0c 05060dfe0020050633cd0040",
        "16 0004 00f2 0025", "17 0c 00fe0acd00010003000d00ff", "18 0006 0002 01b8 1284", "83 02",
        "83 0b", "80 01", "da 01", "81 06 00", "5a 00 fe",
    ],
)  # fmt: skip
def test_an_answer_has_the_shape_of_its_function(pdu: str) -> None:
    assert recognise(tcp([], [adu(pdu)])) is not None
    assert recognise(tcp([], [adu(pdu + "0101")])) is None or pdu[:2] in ("08", "5a")


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("protocol id", unhex("000100010006 010300000001")),
        ("length 0", unhex("000100000000")),
        ("length 1", unhex("00010000000101")),
        ("length over 254", unhex("0001000000ff0110") + bytes(260)),
        ("length past the end", unhex("000100000006 0103000000")),
        ("octets after the end", READ + b"\0\0"),
        ("no register wanted", adu("03 0000 0000")),
        ("126 registers wanted", adu("03 0000 007e")),
        ("2001 coils wanted", adu("01 0000 07d1")),
        ("function that does not exist", adu("41 0000 0001")),
        ("exception code that does not exist", adu("83 63")),
    ],
)
def test_what_does_not_fit_is_not_modbus(why: str, octets: bytes) -> None:
    assert None is named([octets], []), why
    assert None is named([octets], [], UDP), why


def test_several_messages_in_one_segment_and_one_over_two() -> None:
    second = adu("04 0000 0002", 2)

    told = recognise(tcp([READ + second[:5], second[5:]], [TEN + adu("04 04 00010002", 2)]))

    assert told is not None
    assert Confidence.CONFIRMED is told.confidence
    assert [3, 4] == told.facts["functions"]


def test_a_message_cut_by_the_head_leaves_earlier_ones_confirmed() -> None:
    answers = TEN + adu("04 04 00010002", 2)
    cut = Side(answers[:-5], ((len(answers), len(answers) - 5),), len(answers))

    told = recognise(Payload(TCP, Side.of(READ), cut))

    assert told is not None
    assert (Confidence.CONFIRMED, ()) == (told.confidence, told.against)


def test_a_payload_cut_by_the_capture_alone_says_nothing() -> None:
    assert None is recognise(Payload(TCP, Side(READ[:10], ((12, 10),), 12)))


def test_an_answer_with_another_amount_than_asked_for_is_told() -> None:
    told = recognise(tcp([READ], [TEN[:4] + unhex("0005 01 03 02 0001")]))

    assert told is not None
    assert ("an answer holds 2 octets where 20 were asked for",) == told.against


def test_answers_to_nobody_are_only_plausible() -> None:
    told = recognise(tcp([READ], [adu("04 02 0001", 9)]))

    assert told is not None
    assert Confidence.PLAUSIBLE is told.confidence
    assert ("no answer repeats the transaction of a request",) == told.against


def test_a_scan_of_functions_is_seen_by_its_refusals() -> None:
    asked = [adu(f"{function:02x} 0000 0000", function) for function in range(0x40, 0x44)]
    refused = [adu(f"{function | 0x80:02x} 01", function) for function in range(0x40, 0x44)]

    told = recognise(tcp(asked, refused))

    assert told is not None
    assert Confidence.PLAUSIBLE is told.confidence
    assert any("misfit" in text for text in told.against)
    assert None is recognise(Payload.of(UDP, asked, refused))


@pytest.mark.parametrize(
    ("asked", "answered", "name"),
    [
        ([adu("03 0000 0001", 0x101)], [adu("81", 0x101), adu("03 02 1234", 0x102)], "modbus"),
        ([], [adu("81 06 00", 1, 10)] * 10 + [adu("2a 0e 04 01") + b"\1\1\x23"] * 2, "modbus"),
        ([adu("03 0000 0001")], [adu("81"), adu("82")], None),
        ([adu("03 0000 0001")], [adu("81"), adu("03 02 1234")[:-1]], None),
    ],
)
def test_a_few_misshapen_messages_between_good_ones_are_a_doubt(
    asked: list[bytes], answered: list[bytes], name: str | None
) -> None:
    """As a malformed exception, and the answers to a scan (arkime modbus.pcap), show it."""
    told = recognise(tcp(asked, answered))

    assert name == (told.protocol if told else None)
    assert told is None or told.confidence is Confidence.PLAUSIBLE
    assert None is named(asked, answered, UDP)


def test_a_server_that_opened_the_connection_is_named_with_the_doubt() -> None:
    payload = tcp([TEN], [READ])

    known, unknown = identify(payload, roles_known=True), identify(payload)

    assert known is not None
    assert unknown is not None
    assert (False, True) == (known.swapped, unknown.swapped)
    assert known.against == ("the side that opened the connection speaks as the server",)


@given(st.binary(max_size=64))
def test_an_identification_answer_of_any_octets_raises_nothing(octets: bytes) -> None:
    answer = adu("2b0e01" + octets.hex()) if len(octets) < 250 else b""
    told = recognise(tcp([adu("2b0e0100")], [answer]))
    assert told is None or all(isinstance(value, str) for value in told.server.values())
