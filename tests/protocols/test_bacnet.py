"""BACnet/IP: the datagram's own length, services by tags, and devices behind routers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Cast, Payload, Side, identify
from portbook.protocols.bacnet import recognise, tags
from portbook.records import Confidence

UDP = Transport.UDP
WHO_IS = unhex("810b000c0120ffff00ff1008")
FORWARDED = unhex("81040012c0a80086bac00120ffff000e1008")
I_AM = unhex("810b001401001000c4020009612201e091032118")
BEHIND = unhex("810b001c0128ffff000003016cfe1000c40200006c2201e09100212a")
ASK_ID = unhex("810a001101040005010c0c023fffff194b")
ID_IS = unhex("810a0017010030010c0c023fffff194b3ec4020001f43f")
ASK_VENDOR = unhex("810a001101040005010c0c023fffff1978")
VENDOR_IS = unhex("810a0014010030010c0c023fffff19783e21053f")
VENDOR_NAME = unhex("810a001b010030010c0c023fffff19793e750704004a004300493f")
FIRMWARE = unhex(
    "810a0029010030010c0c023fffff192c3e7515040035002e0031002e0030002e00340034003000303f"
)


def unicast(application: str, network: str = "0100") -> bytes:
    rest = unhex(network + application)
    return b"\x81\x0a" + (4 + len(rest)).to_bytes(2, "big") + rest


EXAMPLES = [
    Example("Who-Is, public captures", Payload.of(UDP, [WHO_IS], cast=Cast.BROADCAST), "bacnet"),
    Example("forwarded Who-Is, public captures", Payload.of(UDP, [FORWARDED]), "bacnet"),
    Example(
        "I-Am, public captures",
        Payload.of(UDP, [I_AM], cast=Cast.BROADCAST),
        "bacnet",
        client={"device instance": "2401", "vendor id": "24", "vendor": "BACnet vendor 24"},
    ),
    Example(
        "I-Am of a device behind a router, cisagov/icsnpp-bacnet",
        Payload.of(UDP, [BEHIND], cast=Cast.BROADCAST),
        "bacnet",
        facts={"devices behind": [108]},
    ),
    Example("object id, public captures", Payload.of(UDP, [ASK_ID], [ID_IS]), "bacnet"),
    Example(
        "vendor and firmware, public captures",
        Payload.of(UDP, [ASK_VENDOR], [VENDOR_IS, VENDOR_NAME, FIRMWARE]),
        "bacnet",
        server={"vendor": "JCI", "vendor id": "5", "version": "5.1.0.4400"},
    ),
    Example(
        "a length copied onto a longer datagram",
        Payload.of(UDP, [ASK_ID[:3] + b"\x11" + unhex("01040005010c0c023fffff194b2900")]),
        "bacnet",
        PLAUSIBLE,
    ),
    Example(
        "Who-Is over IPv6, made after annex U",
        Payload.of(UDP, [unhex("8202000f 123456 0120ffff00ff1008")]),
        "bacnet",
    ),
    Example("an error", Payload.of(UDP, [ASK_ID], [unicast("50010c91029120")]), "bacnet"),
    Example("an abort", Payload.of(UDP, [ASK_ID], [unicast("710104")]), "bacnet"),
    Example(
        "register as a foreign device",
        Payload.of(UDP, [unhex("810500060e10")]),
        "bacnet",
        PLAUSIBLE,
    ),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("link type", b"\x80" + WHO_IS[1:]),
        ("function", b"\x81\x0d" + WHO_IS[2:]),
        ("network version", WHO_IS[:4] + b"\2" + WHO_IS[5:]),
        ("length without a message that fits", b"\x81\x0b\0\x11" + WHO_IS[4:]),
        ("length of a link message", unhex("810500070e10")),
        ("nothing behind the link header", unhex("810a0004")),
    ],
)
def test_what_does_not_fit_is_not_bacnet(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why
    assert recognise(Payload.of(Transport.TCP, [octets])) is None, why


def test_every_datagram_must_fit() -> None:
    assert recognise(Payload.of(UDP, [WHO_IS, b"M-SEARCH * HTTP/1.1"])) is None


def test_a_datagram_cut_by_the_capture_is_at_most_plausible() -> None:
    cut = Side(FIRMWARE[:30], ((41, 30),), 41)

    told = recognise(Payload(UDP, Side(), cut))

    assert told is not None
    assert recognise(Payload(UDP, cut)) is None  # an answer cannot come from the client
    assert (Confidence.PLAUSIBLE, {}) == (told.confidence, told.server)


def test_the_side_that_asks_is_the_client() -> None:
    told = identify(Payload.of(UDP, [VENDOR_NAME], [ASK_VENDOR]))

    assert told is not None
    assert told.swapped
    assert told.server["vendor"] == "JCI"


def test_identity_of_a_device_behind_a_router_is_not_the_routers() -> None:
    behind = unicast("30010c0c023fffff194d3e7504004142433f", "01080003016c")
    direct = unicast("30010c0c023fffff194d3e7504004142433f")

    for octets, name in ((behind, None), (direct, "ABC")):
        told = recognise(Payload.of(UDP, [ASK_ID], [octets]))
        assert told is not None
        assert name == told.server.get("name")


def test_properties_of_other_objects_are_not_the_devices() -> None:
    told = recognise(Payload.of(UDP, [ASK_ID], [unicast("30010c0c00000001194d3e7504004142433f")]))

    assert told is not None
    assert "name" not in told.server


def test_many_properties_in_one_answer() -> None:
    name, product, refused = "294d4e7504004142434f", "29464e75030058594f", "292c5e910291205f"
    answer = unicast(f"30020e0c020000011e{name}{product}{refused}1f")

    told = recognise(Payload.of(UDP, [unicast("0005020e0c020000011e094d09461f")], [answer]))

    assert told is not None
    assert {"name": "ABC", "product": "XY"} == dict(told.server)


def test_a_text_that_nobody_set_tells_nothing() -> None:
    # captured from bacpypes3 0.0.110, 2026-11-21: its model name is "N/A"
    asked, answer = unicast("0244020c0c020003091946"), unicast("30020c0c0200030919463e74004e2f413f")

    told = recognise(Payload.of(UDP, [asked], [answer]))

    assert told is not None
    assert {} == told.server


def test_a_text_that_is_not_the_utf_8_it_claims() -> None:
    answer = unicast("30010c0c023fffff19463e750500416263ae3f")

    told = recognise(Payload.of(UDP, [ASK_ID], [answer]))

    assert told is not None
    assert told.server["product"] == "Abc®"


def test_datagrams_after_the_first_four_tell_too() -> None:
    joined = ID_IS * 4 + VENDOR_NAME
    side = Side(joined, ((len(ID_IS), len(ID_IS)),) * 4, len(joined))

    told = recognise(Payload(UDP, Side.of(ASK_ID), side))

    assert told is not None
    assert told.server["vendor"] == "JCI"


@pytest.mark.parametrize(
    ("octets", "numbers", "exact"),
    [
        ("c402000961", [12], True),
        ("11", [1], True),
        ("75fe0100" + "41" * 256, [7], True),
        ("f9100a", [16], True),
        ("3e21053f", [3, 2, 3], True),
        ("3e2105", [3, 2], False),
        ("3f", [3], False),
        ("c40200", [], False),
        ("f9", [], False),
        ("75ffffffffff41", [], False),
    ],
)
def test_tags_are_walked_to_the_end(octets: str, numbers: list[int], exact: bool) -> None:
    found, ended = tags(unhex(octets), 0)

    assert (numbers, exact) == ([tag.number for tag in found], ended)


@given(st.binary(max_size=60))
def test_tags_of_any_octets_hold_no_more_than_there_is(octets: bytes) -> None:
    found, _ = tags(octets, 0)

    assert sum(len(tag.octets) + 1 for tag in found) <= len(octets)


def test_the_devices_behind_a_router_are_told_of_the_router() -> None:
    other = BEHIND.replace(unhex("0200006c"), unhex("0200003d"))
    told = recognise(Payload.of(UDP, [BEHIND, other, BEHIND], cast=Cast.BROADCAST))

    assert told is not None
    assert {"devices behind": "61, 108"} == told.client


@pytest.mark.parametrize(
    ("thing", "client"),
    [("0200003d", {"name": "SYNERGY"}), ("0000003d", {}), ("0200003e", {})],
)
def test_a_device_that_has_itself_tells_its_name(thing: str, client: dict[str, str]) -> None:
    """I-Have, as in public captures; the name of another object is not the device's."""
    have = unicast(f"1001 c40200003d c4{thing} 75080053594e45524759")
    told = recognise(Payload.of(UDP, [have]))

    assert told is not None
    assert client == told.client
