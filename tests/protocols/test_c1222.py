"""C12.22: elements that fill their unit, titles that come back the other way."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side
from portbook.protocols.c1222 import recognise

TCP, UDP = Transport.TCP, Transport.UDP
ASKED = unhex(
    "604fa20580037bc175a60480027b04a803020103ac0fa20da00ba109800102810448f3d061be2a2828812688"
    "41d10cda76206811b36f781489a11997773e117cb07aa3aa40374a7107c50da7f799c5d4e8"
)
TOLD = unhex(
    "6048a20480027b04a403020103a60580037bc175a803020103ac0fa20da00ba109800102810448f3d060be1e"
    "281c811a884baee4349631ab5e56a0e6e0e90dfad558591ee4ea334cb268"
)
IN_CLEAR = unhex("6026a20706056000020001a60706056000020002a403020101a803020102be082806810400300001")
# the association of MMS and that of DLMS, which are ACSE units too
MMS = unhex("601aa107060528ca220203a206060429876701be07280502 0103a000")
DLMS = unhex("601da109060760857405080101be10040e01000000065f1f0400007c1fffff")

EXAMPLES = [
    Example(
        "example 8 of the standard, c1222_std_example8.pcap",
        Payload.of(TCP, [], [ASKED, TOLD]),
        "c1222",
        facts={"titles": [".123.4", ".123.8437"]},
    ),
    Example("the same, one each way", Payload.of(UDP, [ASKED], [TOLD]), "c1222"),
    Example(
        "one unit in clear text, arkime_synthetic.pcap",
        Payload.of(TCP, [IN_CLEAR]),
        "c1222",
        PLAUSIBLE,
        facts={"titles": ["2.16.0.2.0.1", "2.16.0.2.0.2"]},
    ),
    Example("an association of MMS", Payload.of(TCP, [MMS]), None),
    Example("an association of DLMS", Payload.of(TCP, [DLMS]), None),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("another unit", b"\x61" + ASKED[1:]),
        ("a length past the end", ASKED[:-1]),
        ("more behind it", ASKED + b"\0"),
        ("an element that is none", ASKED[:2] + b"\xa9" + ASKED[3:]),
        ("an element that runs past the unit", ASKED[:3] + b"\x7f" + ASKED[4:]),
        ("no user information", unhex("6007a20580037bc175")),
        ("no title", unhex("600abe082806810400300001")),
        ("two of one element", unhex("600ea20580037bc175a20580037bc175")),
        ("a length of five octets", unhex("6085 00*5")),
    ],
)
def test_what_does_not_fit_is_not_c1222(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


def test_two_units_that_only_repeat_confirm_nothing() -> None:
    told = recognise(Payload.of(UDP, [ASKED], [ASKED]))

    assert told is not None
    assert told.confidence is PLAUSIBLE


def test_a_unit_cut_by_the_capture_says_nothing_against_the_first() -> None:
    side = Side(ASKED + TOLD[:47], ((81, 81), (74, 47)), 155)

    told = recognise(Payload(TCP, Side(), side))
    assert told is not None
    assert told.against == ()
