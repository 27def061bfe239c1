"""DHCP and BootP: the cookie, the options, who told what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import CONFIRMED, PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Cast, Payload, Piece, Side
from portbook.protocols.dhcp import COOKIE, HEADER, read, recognise

UDP = Transport.UDP
# an Allen-Bradley 1756-ENBT asks and is answered
BOOTP = unhex("0101060057dc3bb2 00*22 bc3eebe4 00*202 63825363ff 00*59")
REPLY = unhex(
    "0201060057dc3bb2 00*8 c0a80a78c0a80a69000000000000bc3eebe4 00*10 "
    "44424c6963656e7365536572766572 00*177 638253630104ffffff000304c0a80a01ff 00*47"
)
DISCOVER = unhex(
    "0101060000003d1d 00*21 0b8201fc42 00*202 638253633501013d0701000b8201fc4232040000000037040103"
    "062aff 00*7"
)
OPTO22 = BOOTP[:28] + bytes.fromhex("00a03d011f3e") + BOOTP[34:]
MAC = bytes.fromhex("00a03d011f3e")


def message(op: int = 1, options: bytes = b"\xff", **fields: object) -> bytes:
    return HEADER.write({"op": op, "hardware_address": MAC, **fields}) + COOKIE + options


EXAMPLES = [
    Example(
        "BootP request and reply of a 1756-ENBT, public capture",
        Payload.of(UDP, (BOOTP,), (REPLY,)),
        "dhcp",
        facts={"message": "bootp request", "your_ip": "192.168.10.120"},
        client={"mac": "00:00:bc:3e:eb:e4", "vendor": "Rockwell Automation"},
        server={"name": "DBLicenseServer"},
    ),
    Example(
        "DHCP discover, public capture",
        Payload.of(UDP, (DISCOVER,), cast=Cast.BROADCAST),
        "dhcp",
        facts={"message": "discover"},
        client={"mac": "00:0b:82:01:fc:42"},
    ),
    Example(
        "BootP request of an Opto 22 controller, made after the first",
        Payload.of(UDP, (OPTO22,), cast=Cast.BROADCAST),
        "dhcp",
        client={"mac": "00:a0:3d:01:1f:3e", "vendor": "Opto 22"},
    ),
    Example(
        "reply to everybody",
        Payload.of(UDP, (REPLY,), cast=Cast.BROADCAST),
        "dhcp",
        facts={"message": "bootp reply"},
        client={"name": "DBLicenseServer"},
    ),
    Example(
        "BootP of RFC 951, without the cookie",
        Payload.of(UDP, (OPTO22[:236] + bytes(64),)),
        "dhcp",
        PLAUSIBLE,
    ),
    Example(
        "request that tells name and vendor class",
        Payload.of(UDP, (message(options=b"\x35\x01\x03\x0c\x05pump7\x3c\x0cudhcp 1.20.2\xff"),)),
        "dhcp",
        facts={"message": "request"},
        client={"name": "pump7", "product": "udhcp", "version": "1.20.2", "vendor": "Opto 22"},
    ),
    Example("300 zeros", Payload.of(UDP, (bytes(300),)), None, None),
    Example(
        "cookie one octet too early, as in a fuzzed public capture",
        Payload.of(UDP, (DISCOVER[:40] + b"\1" + DISCOVER[42:],)),
        None,
        None,
    ),
]


def test_options_in_the_name_and_file_fields_are_read() -> None:
    octets = message(
        options=b"\x34\x01\x03\xff",
        boot_file="\x35\x01\x05\xff",
        server_name="\x0c\x01a\xff",
    )
    told = read(Piece(octets, len(octets)))

    assert told is not None
    assert "ack" == told.message
    assert b"a" == told.options[12]


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (b"\x35\x01", "option 53 runs past the end"),
        (b"\x35\x01\x01\x0c\x20ab", "option 12 runs past the end"),
        (b"\x35\x01\x01", "no end option"),
        (b"\0" * 400, "no end option"),
    ],
)
def test_options_that_lie_are_told_and_the_cookie_stands(options: bytes, fault: str) -> None:
    told = recognise(Payload.of(UDP, (message(options=options),)))

    assert told is not None
    assert CONFIRMED is told.confidence
    assert (fault,) == told.against


def test_a_message_cut_to_54_octets_is_plausible() -> None:
    cut = Side(DISCOVER[:54], ((len(DISCOVER), 54),), len(DISCOVER))
    told = recognise(Payload(UDP, cut))

    assert told is not None
    assert PLAUSIBLE is told.confidence
    assert ("the message was cut",) == told.against


def test_a_message_cut_too_early_says_nothing() -> None:
    assert recognise(Payload(UDP, Side(DISCOVER[:43], ((272, 43),), 272))) is None


@pytest.mark.parametrize("field", [{"op": 3}, {"hops": 17}, {"hardware_length": 17}])
def test_a_header_out_of_range_is_not_dhcp(field: dict[str, int]) -> None:
    assert recognise(Payload.of(UDP, (message(**field),))) is None  # type: ignore[arg-type]


def test_another_hardware_type_is_taken_with_the_cookie_only() -> None:
    told = recognise(Payload.of(UDP, (message(hardware_type=0),)))
    assert told is not None
    assert CONFIRMED is told.confidence
    without = HEADER.write(hardware_address=MAC, hardware_type=0) + bytes(64)
    assert recognise(Payload.of(UDP, (without,))) is None


def test_what_several_clients_tell_belongs_to_none_of_them() -> None:
    several = recognise(Payload.of(UDP, (BOOTP, OPTO22), cast=Cast.BROADCAST))
    relayed = recognise(Payload.of(UDP, (message(relay_ip="10.0.0.1"),)))

    assert several is not None
    assert {} == dict(several.client)
    assert relayed is not None
    assert {} == dict(relayed.client)


def test_a_request_does_not_come_from_the_server() -> None:
    assert recognise(Payload.of(UDP, (REPLY,))) is None
    assert recognise(Payload.of(UDP, (), (DISCOVER,))) is None


@given(st.binary(max_size=400))
def test_any_options_are_read_without_an_error(options: bytes) -> None:
    octets = message(options=options)
    told = read(Piece(octets, len(octets)))

    assert told is not None
    assert sum(map(len, told.options.values())) <= len(options) + 192
