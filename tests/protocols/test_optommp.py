"""OptoMMP: twenty exchanges, their neighbours, the status area, bad input."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import CONFIRMED, PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify
from portbook.protocols.optommp import areas, messages, recognise

UDP, TCP = Transport.UDP, Transport.TCP

PAIRS = {
    "1, 2: powerup-clear flag": ("000004400000fffff0300004", "00000460000000000000000000000001"),
    "3, 4: error 4": ("000008400000fffff0d81000", "00000860000040000000000000000000"),
    "5: last error": ("00000c400000fffff030000c", "00000c6000000000000000000000e004"),
    "6, 7: powerup clear, GUIDE": (
        "000004000000fffff038000000000001",
        "000004200000000000000000",
    ),
    "11: part number, PYPI": (
        "000000500000fffff0300080000c0000",
        "000000700000000000000000000c00004752562d455049432d505231",
    ),
    "13: counters, ACE": (
        "000040500000fffff040010000200000",
        "0000407000000000000000000020000000000000000000000007a7c300000000"
        "00000000000000000000000000000000",
    ),
    "14: counter, ACE": ("000040400000fffff0400108", "0000406000000000000000000007a7c3"),
    "15: write two numbers": (
        "000024100000fffff0d810000008000000000001ffffffff",
        "000024200000000000000000",
    ),
    "19: real device, WSCAP": (
        "000008400000fffff0800180",
        "00000860000000000000000000000000",
    ),
    "20: real device, source 1, WSCAP": (
        "00000c000001fffff080018000000000",
        "00000c200001000000000000",
    ),
}
ALONE = {
    "8: powerup clear as a block, IPCFG": "000004100000fffff03800000004000000000001",
    "9: discovery, IPCFG": "000008500000fffff030000000400000",
    "18: scratch pad, PYPI": "000000100000fffff0d810000004000000000005",
}
STATUS = unhex("""
000018700000000000000000004000000000004200000000000000000000e00400020000f0d81000030502000305020000
00007c060107e202000000000000a03d011f3e0ac0377bffff00000ac03701
""")
ASK_STATUS = unhex("000018500000fffff030000000400000")
FLOAT = unhex("00000460000000000000000041780000")  # 12: float 15.5, GUIDE
GET = b"GET / HTTP/1.0\r\n\r\n"
TELL_TALE = unhex("474554202f20500000000000")


def _both(title: str, asked: bytes, answered: bytes, confidence: object, **more: object) -> list:
    return [
        Example(
            f"{title}, {transport.value}",
            Payload.of(transport, [asked], [answered]),
            "optommp",
            confidence,  # type: ignore[arg-type]
            **more,  # type: ignore[arg-type]
        )
        for transport in (TCP, UDP)
    ]


def _nobody(title: str, octets: str) -> list[Example]:
    return [
        Example(f"{title}, {transport.value}", Payload.of(transport, [unhex(octets)]), None)
        for transport in (TCP, UDP)
    ]


EXAMPLES = (
    *(
        example
        for title, (asked, answered) in PAIRS.items()
        for example in _both(title, unhex(asked), unhex(answered), CONFIRMED)
    ),
    *(
        Example(title, Payload.of(transport, [unhex(text)]), "optommp", PLAUSIBLE)
        for title, text in ALONE.items()
        for transport in (TCP, UDP)
    ),
    *_both(
        "10: status area",
        ASK_STATUS,
        STATUS,
        CONFIRMED,
        facts={
            "firmware": "R3.5a",
            "unit": "SNAP-PAC-S1",
            "unit_type": "7C",
            "mac": "00:a0:3d:01:1f:3e",
            "address": "10.192.55.123",
            "mask": "255.255.0.0",
            "gateway": "10.192.55.1",
            "last_error": "E004",
            "powerup_clear_needed": False,
            "reads": ("status",),
        },
        server={"vendor": "Opto 22", "product": "SNAP-PAC-S1", "version": "R3.5a"},
    ),
    *_both(
        "16: unmapped address, answer fits",
        unhex("00002c400000fffff9990000"),
        unhex("00002c60000050000000000000000000"),
        PLAUSIBLE,
        facts={"errors": ("invalid memory address, or invalid data for it",)},
    ),
    Example(
        "16: unmapped address alone", Payload.of(TCP, [unhex("00002c400000fffff9990000")]), None
    ),
    Example(
        "17: a device that was asked for a web page, NMAP",
        Payload.of(TCP, [GET], [TELL_TALE]),
        "optommp",
        server={"vendor": "Opto 22"},
        also=("http",),
    ),
    Example("17: the answer alone", Payload.of(TCP, (), [TELL_TALE]), "optommp", PLAUSIBLE),
    Example("12: response alone", Payload.of(UDP, (), [FLOAT]), "optommp", PLAUSIBLE),
    *_nobody("rpcap authentication", "00080000000000080000000000000000"),
    *_nobody("Roughtime", "02000000400000004e4f4e43504144ff"),
    *_nobody("twelve zero octets", "00" * 12),
    *_nobody("eleven octets", "000004400000fffff03000"),
    *_nobody("tcode 3", "000004300000fffff0300004"),
    *_nobody("tcode 8", "000004800000fffff0300004"),
    *_nobody("block of no octets", "000008500000fffff030000000000000"),
    *_nobody("block of 2,035 octets", "000008500000fffff030000007f30000"),
    *_nobody("extended code", "000008500000fffff030000000400001"),
    *_nobody("retry bits", "000007400000fffff0300004"),
    *_nobody("priority", "000004410000fffff0300004"),
    *_nobody("an address that is not ffff", "000004400000fffef0300004"),
)


@pytest.mark.parametrize(
    "octets",
    ["81040012c0a80086bac00120ffff000e1008", "0d2f0000000601030000000a", "23" + "00" * 47],
    ids=["BACnet", "Modbus", "NTP"],
)
@pytest.mark.parametrize("transport", [TCP, UDP])
def test_its_neighbours_are_not_optommp(octets: str, transport: Transport) -> None:
    payload = Payload.of(transport, [unhex(octets)])

    assert recognise(payload) is None
    assert recognise(payload.swapped()) is None


def test_a_client_is_told_from_a_device_when_the_answer_was_met_first() -> None:
    told = identify(Payload.of(UDP, [STATUS], [ASK_STATUS]))

    assert told is not None
    assert told.swapped
    assert "SNAP-PAC-S1" == told.server["product"]


def test_an_answer_with_another_label_is_not_paired() -> None:
    told = recognise(Payload.of(UDP, [ASK_STATUS], [FLOAT]))

    assert told is not None
    assert PLAUSIBLE == told.confidence
    assert ("1 answers without a request of their label",) == told.against


def test_messages_are_framed_by_their_lengths_over_tcp() -> None:
    asked = ASK_STATUS + unhex(ALONE["18: scratch pad, PYPI"])
    answered = STATUS + unhex("000000200000000000000000")
    for cut in (1, 12, 16, 17, 35):
        told = recognise(
            Payload.of(TCP, [asked[:cut], asked[cut:]], [answered[:cut], answered[cut:]])
        )

        assert told is not None
        assert CONFIRMED == told.confidence
        assert ("scratch pad F0D81000: application data",) == told.facts["writes"]


def test_a_stream_that_turns_to_something_else_is_only_plausible() -> None:
    told = recognise(Payload.of(TCP, [ASK_STATUS + b"GET / HTTP/1.1\r\n"], [STATUS]))

    assert told is not None
    assert PLAUSIBLE == told.confidence
    assert told.against


def test_a_long_session_of_which_the_start_was_kept_is_confirmed() -> None:
    asked = Side(ASK_STATUS * 8, ((16, 16),) * 4, 16_000)
    answered = Side((STATUS * 3)[:128], ((80, 80), (80, 48)), 80_000)

    told = recognise(Payload(TCP, asked, answered))

    assert told is not None
    assert CONFIRMED == told.confidence


def test_a_padded_block_is_accepted_over_udp_only() -> None:
    message = messages.REQUEST.write(code=0x10, address=0xF0D81000)
    message += messages.BLOCK.write(length=5) + b"12345"

    assert messages.datagram(message) is not None
    assert messages.datagram(message + bytes(3)) is not None
    assert messages.datagram(message + bytes(4)) is None
    assert 21 == messages.framed(message + bytes(3))


@pytest.mark.parametrize(
    ("request_hex", "written"),
    [
        (PAIRS["6, 7: powerup clear, GUIDE"][0], "status write F0380000: powerup clear"),
        (ALONE["8: powerup clear as a block, IPCFG"], "status write F0380000: powerup clear"),
        ("000004000000fffff038000000000009", "status write F0380000: operation 9"),
        ("000004000000fffff090000000000001", "digital channel write, old F0900000: actuation"),
        ("000004000000fffffffff00800000001", "IP settings FFFFF008: re-addressing"),
        ("000004000000fffff03a007400000001", "network security F03A0074: security change"),
        ("000004000000fffff080018000000000", "digital channel read, old F0800180"),
        ("000004000000fffff390000000000000", "unknown area F3900000"),
    ],
)
def test_a_write_names_its_area_and_what_it_means(request_hex: str, written: str) -> None:
    told = recognise(Payload.of(UDP, [unhex(request_hex)]))

    assert told is not None
    assert (written,) == told.facts["writes"]


def test_the_areas_do_not_overlap() -> None:
    for before, after in zip(areas.AREAS, areas.AREAS[1:], strict=False):
        assert before.first <= before.last < after.first


def test_a_part_number_outranks_the_unit_type() -> None:
    asked = [ASK_STATUS, unhex(PAIRS["11: part number, PYPI"][0])]
    answered = [STATUS, unhex(PAIRS["11: part number, PYPI"][1])]

    told = recognise(Payload.of(UDP, asked, answered))

    assert told is not None
    assert {"vendor": "Opto 22", "product": "GRV-EPIC-PR1", "version": "R3.5a"} == dict(told.server)


@pytest.mark.parametrize(
    ("octets", "text"),
    [("03050200", "R3.5a"), ("0a030301", "S10.3b"), ("03050400", "03050400")],
)
def test_a_firmware_version_reads_as_the_vendor_writes_it(octets: str, text: str) -> None:
    assert text == areas.firmware(unhex(octets))


@given(
    st.sampled_from(messages.REQUESTS),
    st.integers(0, 63),
    st.integers(0xF0000000, 0xF8FFFFFF),
    st.binary(min_size=1, max_size=64),
)
def test_every_request_that_is_written_is_read_back(
    code: int, label: int, address: int, data: bytes
) -> None:
    octets = messages.REQUEST.write(code=code << 4, label=label << 2, address=address)
    if code in (messages.WRITE_BLOCK, messages.READ_BLOCK):
        octets += messages.BLOCK.write(length=len(data))
        octets += data if code == messages.WRITE_BLOCK else b""
    elif code == messages.WRITE_QUADLET:
        octets += data[:4].ljust(4, b"\0")

    found = messages.datagram(octets)

    assert found is not None
    assert (code, label, address, len(octets)) == (
        found.code,
        found.label,
        found.address,
        found.size,
    )
