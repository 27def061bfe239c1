"""M-Bus: sums, a meter's header, and nothing without a meter's answer."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, identify
from portbook.protocols.mbus import maker, recognise

TCP, UDP = Transport.TCP, Transport.UDP
RESET, ACKNOWLEDGED = unhex("1040014116"), unhex("e5")
ASK, ASK_2 = unhex("105b015c16"), unhex("105b025d16")
ITRON = unhex(
    "685656680801722315010977041407250000000c78231501090d7c084449202e747375630a353537363730414c39"
    "30046d1a0ecd13027c09656d6974202e746162d40904131f00000004937f0000000044131f0000000f00011fa916"
)
EXAMPLE = unhex("681f1f680802727856341224400107550000000313153100da023b13018b60043718021816")
# IEC 60870-5-101 has the same frames: an interrogation confirmed
IEC_101 = unhex("680909680801640107010000148a16")

EXAMPLES = [
    Example(
        "a water meter asked, libmbus ACW_Itron-CYBLE-M-Bus-14",
        Payload.of(TCP, [RESET, ASK], [ACKNOWLEDGED, ITRON]),
        "mbus",
        PLAUSIBLE,
        facts={"meters": ["ACW 09011523 water"]},
        server={"vendor": "ACW", "serial": "09011523", "version": "20"},
    ),
    Example(
        "the worked example of The M-Bus: A Documentation, section 6.3",
        Payload.of(UDP, [ASK_2], [EXAMPLE]),
        "mbus",
        PLAUSIBLE,
        facts={"meters": ["PAD 12345678 water"]},
    ),
    Example("an answer alone", Payload.of(TCP, [], [ITRON]), "mbus", PLAUSIBLE),
    Example("questions that IEC 101 has too", Payload.of(TCP, [RESET, ASK], [ACKNOWLEDGED]), None),
    Example("IEC 101", Payload.of(TCP, [ASK], [IEC_101]), None),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("the sum", ITRON[:-2] + b"\xaa\x16"),
        ("the end", ITRON[:-1] + b"\x17"),
        ("two lengths", ITRON[:2] + b"\x57" + ITRON[3:]),
        ("more behind it", ITRON + b"\0"),
        ("cut", ITRON[:-1]),
        ("a frame of the master", b"\x68\x03\x03\x68\x53\xfe\x51\xa2\x16"),
        ("half a header", b"\x68\x04\x04\x68\x08\x01\x72\x23\x9e\x16"),
    ],
)
def test_what_does_not_fit_is_not_mbus(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [ASK], [octets])) is None, why


def test_the_meter_is_the_server() -> None:
    told = identify(Payload.of(TCP, [ITRON], [ASK]))

    assert told is not None
    assert told.swapped


def test_a_gateway_that_speaks_for_many_meters_is_none_of_them() -> None:
    told = recognise(Payload.of(TCP, [ASK, ASK_2], [ITRON, EXAMPLE]))

    assert told is not None
    assert ["ACW 09011523 water", "PAD 12345678 water"] == told.facts["meters"]
    assert {} == dict(told.server)


def test_three_letters_are_five_bits_each() -> None:
    assert "ACW" == maker(0x0477)
