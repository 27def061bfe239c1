"""NetBIOS datagrams: who sends stands in the first name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Cast, Payload, Side
from portbook.protocols.nbdgm import recognise

UDP = Transport.UDP
# EmreEkin/ICS-Pcaps, IEC60870-104 capture with a second CODESYS instance, frame 41
ANNOUNCED = unhex(
    "1102e32bc0a801c8008a00bb000020454545464644454c464545504641434e46454444444a4645454946 "
    "41454d43410020464845504643454c45484643455046464641434143414341434143414341424f00ff53 "
    "4d4225 "
    "00*27 "
    "11000021 "
    "00*9 "
    "e803 "
    "00*8 "
    "21005600030001000000020032005c4d41494c534c4f545c42524f575345000f0080fc0a004445534b54 "
    "4f502d5433395448504c000a00071005000f0155aa00 "
)


def group(*messages: bytes) -> Payload:
    return Payload.of(UDP, messages, cast=Cast.BROADCAST)


EXAMPLES = [
    Example(
        "browser announcement of a Windows PC, ICS-Pcaps IEC 104 capture frame 41",
        group(ANNOUNCED),
        "nbdgm",
        facts={"kind": "to a group", "to": "WORKGROUP"},
        client={"name": "DESKTOP-T39THPL"},
    ),
    Example("the same without its last octet", group(ANNOUNCED[:-1]), "nbdgm", PLAUSIBLE),
    Example("a name query is none", group(ANNOUNCED[:12]), None),
    Example("letters that are no name", group(ANNOUNCED[:20] + b"ZZ" + ANNOUNCED[22:]), None),
]


def test_a_cut_message_is_plausible_while_its_names_are_there() -> None:
    cut = Side(ANNOUNCED[:90], ((len(ANNOUNCED), 90),), len(ANNOUNCED))
    told = recognise(Payload(UDP, cut, cast=Cast.BROADCAST))

    assert told is not None
    assert (PLAUSIBLE, {"name": "DESKTOP-T39THPL"}) == (told.confidence, told.client)


@pytest.mark.parametrize("change", [(0, 0x17), (1, 0x40), (14, 0x21), (47, 1)])
def test_another_header_or_name_is_none(change: tuple[int, int]) -> None:
    at, value = change

    assert recognise(group(ANNOUNCED[:at] + bytes((value,)) + ANNOUNCED[at + 1 :])) is None


def test_the_name_of_a_group_is_no_hosts() -> None:
    browser = ANNOUNCED[:45] + b"BO" + ANNOUNCED[47:]  # <1e>
    told = recognise(group(browser))

    assert told is not None
    assert {} == told.client


@given(st.binary(max_size=250))
def test_hostile_octets_raise_nothing(octets: bytes) -> None:
    recognise(group(octets))
    recognise(group(ANNOUNCED[:14] + octets))
