"""NTP: fields in range, directions, and the time that an answer repeats."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Cast, Payload, Piece
from portbook.protocols.ntp import HEADER, SIZE, read, recognise

UDP = Transport.UDP
ASKED = unhex("23000000 00*36 cc2b0c4efb1abd7d")
ANSWERED = unhex(
    "240600ec00000000000002e37f7f0100cc2b0c374b1a1279cc2b0c4efb1abd7dcc2b0c4efa8a1caccc2b0c4efa8b"
    "00e5"
)
# captured from chrony 4.3 on loopback, 2026-11-21: it hides the precision of its clock
ASKED_HIDDEN = unhex("23000020 00*36 ad049f6a80711210")
ANSWERED_HIDDEN = unhex(
    "240300e700000000000000007f7f0101eeac46e7a9d0836ead049f6a80711210eeac46e917520c8deeac46e917de"
    "b284"
)
# the same, four times a second and signed with a key
ASKED_SIGNED = unhex(
    "2300fe20 00*36 11aad73f1d87dfa8 00000001c77661f0fdf36c0e63e87d344e06fdbbde8c6f5d"
)
ANSWERED_SIGNED = unhex(
    "2403fee700000000000000007f7f0101eeac46e709ec190b11aad73f1d87dfa8eeac46e949140109eeac46e94917"
    "cd3a000000015c088f3bdc6c7999d65882b546b19c1714feff94"
)
# the same in interleaved mode
ASKED_LATE = unhex("23000020 00*20 eeac517ade95b383e1713e319c22d66f3566579ae1f18ae6")
ANSWERED_LATE = unhex(
    "240300e700000000000000007f7f0101eeac5179539acf0ee1713e319c22d66feeac517b208d83fdeeac517adec2"
    "543a"
)
TELLS_ALL = unhex("250406ec000000af00000d20ac1740a0c7dd0fb3cd85cee1 00*16 c7dd1012e53f077c")
TIME = 0xCC2B0C4E << 32

EXAMPLES = [
    Example(
        "client and server of stratum 6, public capture",
        Payload.of(UDP, (ASKED,), (ANSWERED,)),
        "ntp",
        facts={"stratum": 6, "reference": "127.127.1.0", "ntp_version": 4},
    ),
    Example(
        "client that hides its precision, captured from chrony 4.3 on loopback, 2026-11-21",
        Payload.of(UDP, (ASKED_HIDDEN,), (ANSWERED_HIDDEN,)),
        "ntp",
        facts={"stratum": 3, "reference": "127.127.1.1"},
    ),
    Example(
        "signed, four times a second, captured from chrony 4.3 on loopback, 2026-11-21",
        Payload.of(UDP, (ASKED_SIGNED,), (ANSWERED_SIGNED,)),
        "ntp",
        facts={"stratum": 3},
    ),
    Example(
        "interleaved mode, captured from chrony 4.3 on loopback, 2026-11-21",
        Payload.of(UDP, (ASKED_LATE,), (ANSWERED_LATE,)),
        "ntp",
        facts={"stratum": 3},
    ),
    Example("question of chrony alone", Payload.of(UDP, (ASKED_HIDDEN,)), "ntp", PLAUSIBLE),
    Example("question alone", Payload.of(UDP, (ASKED,)), "ntp", PLAUSIBLE),
    Example("answer alone", Payload.of(UDP, (), (ANSWERED,)), "ntp", PLAUSIBLE),
    Example(
        "server that tells everybody, public capture",
        Payload.of(UDP, (TELLS_ALL,), cast=Cast.BROADCAST),
        "ntp",
        PLAUSIBLE,
        facts={"stratum": 4, "reference": "172.23.64.160"},
    ),
    Example(
        "server without a time of its own",
        Payload.of(UDP, (ASKED,), (unhex("240106ec 00*8 47505300 00*32"),)),
        "ntp",
        PLAUSIBLE,
        facts={"reference": "GPS"},
    ),
    Example(
        "refusal",
        Payload.of(UDP, (ASKED,), (HEADER.write(first=0xE4, reference=b"RATE", precision=0xEC),)),
        "ntp",
        PLAUSIBLE,
        facts={"stratum": 0, "reference": "RATE"},
    ),
    Example(
        "question of mode 6, which nothing but the port tells",
        Payload.of(UDP, (unhex("16020001 00*8"),)),
        None,
        None,
    ),
]


def test_an_answer_to_another_question_is_plausible_at_the_most() -> None:
    other = ASKED[:-1] + b"\0"
    told = recognise(Payload.of(UDP, (other,), (ANSWERED,)))

    assert told is not None
    assert PLAUSIBLE is told.confidence
    assert ("no answer repeats a question's time",) == told.against


@pytest.mark.parametrize(
    "field",
    [
        {"first": 0x00},
        {"first": 0x2B},  # version 5
        {"first": 0x26},  # mode 6
        {"stratum": 17},
        {"poll": 18},
        {"poll": 0xF7},  # 512 times a second
        {"precision": 0x20, "first": 0x24},  # only who asks hides it
        {"precision": 1},
        {"precision": 0xD0},  # 2 to the power of -48
        {"first": 0x24, "transmit_time": 1 << 32},  # an answer of 1900
    ],
)
def test_a_field_out_of_range_is_not_ntp(field: dict[str, int]) -> None:
    values = {"first": 0x23, "precision": 0xEC, "transmit_time": TIME, **field}
    octets = HEADER.write(values)

    assert read(Piece(octets, SIZE)) is None


@pytest.mark.parametrize(("length", "fits"), [(47, False), (49, False), (52, True), (68, True)])
def test_only_lengths_of_the_standard_are_taken(length: int, fits: bool) -> None:
    octets = ASKED.ljust(length, b"\0")[:length]

    assert fits is (read(Piece(octets, length)) is not None)


@pytest.mark.parametrize(
    "field", [{"originate_time": 1 << 32}, {"root_delay": 1 << 24}, {"root_dispersion": 1 << 30}]
)
def test_a_question_alone_needs_orderly_times(field: dict[str, int]) -> None:
    odd = HEADER.write({"first": 0x23, "precision": 0xEC, "transmit_time": TIME, **field})

    assert recognise(Payload.of(UDP, (odd,))) is None
    assert recognise(Payload.of(UDP, (odd,), (ANSWERED,))) is not None


def test_version_3_has_no_extensions() -> None:
    octets = b"\x1b" + ASKED[1:] + bytes(4)

    assert read(Piece(octets, 52)) is None
    assert read(Piece(octets + bytes(8), 60)) is not None


def test_the_server_does_not_ask() -> None:
    assert recognise(Payload.of(UDP, (ANSWERED,))) is None
    assert recognise(Payload.of(UDP, (), (ASKED,))) is None
    assert recognise(Payload.of(Transport.TCP, (ASKED,), (ANSWERED,))) is None


def test_two_equals_ask_each_other() -> None:
    active = HEADER.write(first=0x21, precision=0xEC, transmit_time=TIME)
    passive = HEADER.write(first=0x22, precision=0xEC, transmit_time=TIME, originate_time=TIME)

    assert recognise(Payload.of(UDP, (active,), (passive,))) is not None
    assert recognise(Payload.of(UDP, (), (active,))) is None


@given(st.binary(min_size=0, max_size=80))
def test_any_octets_are_read_without_an_error(octets: bytes) -> None:
    read(Piece(octets, len(octets)))
