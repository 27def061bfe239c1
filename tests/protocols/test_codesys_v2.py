"""CODESYS V2: log-in requests of four programs, two answers, both byte orders."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side
from portbook.protocols.codesys_v2 import ANSWERS, recognise

TCP = Transport.TCP

# zmap/zgrab2, test data of module codesys2; they look like answers of devices.
WINDOWS = unhex("""
bbbbce000000e8030100000000000000b00d0000000002007e13000000000200f401000000000000fa000000000000000000
000000000000c80600000100010057696e646f7773000000000000000000000000000000000000000000000000004e542f32
3030302f5850205b72756e74696d6520706f72742076332028322e0033532d536d61727420536f66747761726520536f6c75
74696f6e730000000000f4ff000000000000010000000000ffff000000000000c80000000300000100100000001000000010
000000002000003030000100
""")
ABB = unhex("""
bbbb000000ce03e8000000010000000000020cb0000013880000137e00001388000001f400000800000000fa000000000000
000000000000000006d400030001534d580000000000000000000000000000000000000000000000000000000000736d7850
504320332e352e32000000000000000000000000000000000000000041424200000000000000000000000000000000000000
0000000000000000000000000400000000000008000000000000139400000000000000c80003000100008000000080000001
000000040000000240000000
""")
LOG_IN, LOG_IN_BIG = unhex("bbbb0100000001"), unhex("bbbb0000000101")
FULL, FULL_BIG = (
    unhex("bbbb0d00000001040000000600000000000000"),
    unhex("bbbb0000000d01000000040000000600000000"),
)
SLIP = unhex("bbbb0100000101")  # as Redpoint and Greenbone send it

EXAMPLES = (
    Example(
        "log-in and answer, little-endian, zgrab2",
        Payload.of(TCP, [LOG_IN], [WINDOWS]),
        "codesys-v2",
        facts={"byte_order": "little", "asks": "log in", "system": "Windows"},
        server={
            "vendor": "3S-Smart Software Solutions",
            "version": "NT/2000/XP [runtime port v3 (2.",
        },
    ),
    Example(
        "full log-in and answer, big-endian, zgrab2",
        Payload.of(TCP, [FULL_BIG], [ABB]),
        "codesys-v2",
        facts={"byte_order": "big", "system": "SMX"},
        server={"vendor": "ABB", "version": "smxPPC 3.5.2"},
    ),
    Example(
        "an answer to the request of Redpoint, whose length is a slip",
        Payload.of(TCP, [SLIP], [ABB]),
        "codesys-v2",
        server={"vendor": "ABB"},
    ),
    Example("answer alone", Payload.of(TCP, (), [ABB]), "codesys-v2", server={"vendor": "ABB"}),
    Example("log-in alone", Payload.of(TCP, [LOG_IN]), "codesys-v2", PLAUSIBLE),
    Example("log-in alone, big-endian", Payload.of(TCP, [LOG_IN_BIG]), "codesys-v2", PLAUSIBLE),
    Example("full log-in alone", Payload.of(TCP, [FULL]), "codesys-v2", PLAUSIBLE),
    Example("magic alone", Payload.of(TCP, [b"\xbb\xbb"]), None),
    Example("magic and a length that lies", Payload.of(TCP, [b"\xbb\xbb\x09\0\0\0\x01"]), None),
    Example("magic over UDP", Payload.of(Transport.UDP, [LOG_IN]), None),
    Example("log-in answered by text", Payload.of(TCP, [LOG_IN], [b"ERROR\r\n"]), None),
    Example(
        "the V3 probe of nmap is not V2",
        Payload.of(TCP, (), [unhex("04efefb3000000010100c40100000000")]),
        None,
    ),
)


def test_both_answers_are_as_long_as_their_layout() -> None:
    assert {212} == {len(WINDOWS), len(ABB), *(layout.size for layout in ANSWERS.values())}
    assert 0x03E8 == ANSWERS["little"].get(WINDOWS, "result") == ANSWERS["big"].get(ABB, "result")


def test_an_answer_cut_by_the_snapshot_length_names_nobody() -> None:
    side = Side(ABB[:100], ((212, 100),), 212)

    told = recognise(Payload(TCP, Side.of(LOG_IN_BIG), side))

    assert told is not None
    assert {} == dict(told.server)


@given(st.text(alphabet="abc XYZ.3", max_size=27), st.sampled_from(["little", "big"]))
def test_what_an_emulator_writes_is_read_back(vendor: str, order: str) -> None:
    answer = ANSWERS[order].write(length=206, result=0x3E8, vendor=vendor, system="Linux")

    told = recognise(Payload.of(TCP, (), [answer]))

    assert (told is not None) == bool(told and told.server)
    assert told is not None
    assert vendor.rstrip() == told.server.get("vendor", "")
    assert (order, "Linux") == (told.facts["byte_order"], told.facts["system"])
