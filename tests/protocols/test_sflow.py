"""sFlow: an agent's datagrams and the samples that fill them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.sflow import recognise

UDP = Transport.UDP
# mixed-ot-it-synthetic-352hosts.pcap
EMPTY = unhex("00000005 00000001 0a636363 00000001 00000001 0000ea60 00000000")
# sFlow version 5, section 5: counters_sample with if_counters, 88 octets, of source 3
COUNTERS = unhex("00000002 0000006c 00000001 00000003 00000001 00000001 00000058 00*88")
FIRST = unhex("00000005 00000001 0a000001 00000000 00000007 0000ea60 00000001") + COUNTERS
SECOND = unhex("00000005 00000001 0a000001 00000000 00000008 0000eb60 00000001") + COUNTERS
SIX = unhex("00000005 00000002 20010db8 00*11 01 00000000 00000001 00000010 00000001") + COUNTERS

EXAMPLES = [
    Example("without a sample", Payload.of(UDP, [EMPTY]), "sflow", PLAUSIBLE),
    Example("counters, sFlow version 5 section 5", Payload.of(UDP, [FIRST, SECOND]), "sflow"),
    Example("an agent of IPv6", Payload.of(UDP, [SIX]), "sflow", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("version 4", b"\0\0\0\4" + FIRST[4:]),
        ("an address that is none", FIRST[:7] + b"\3" + FIRST[8:]),
        ("an agent of zeros", FIRST[:8] + bytes(4) + FIRST[12:]),
        ("a sequence of zero", FIRST[:16] + bytes(4) + FIRST[20:]),
        ("a sample more", FIRST[:27] + b"\2" + FIRST[28:]),
        ("a sample less", FIRST[:27] + b"\0" + FIRST[28:]),
        ("a sample past the end", FIRST[:35] + b"\x70" + FIRST[36:]),
        ("a sample of an odd length", FIRST[:35] + b"\x6b" + FIRST[36:-1]),
        ("a format that is none", FIRST[:31] + b"\x09" + FIRST[32:]),
        ("cut in its header", FIRST[:20]),
    ],
)
def test_what_does_not_fit_is_not_sflow(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


def test_who_is_answered_is_no_agent() -> None:
    assert recognise(Payload.of(UDP, [FIRST], [FIRST])) is None


def test_numbers_that_fall_confirm_nothing() -> None:
    told = recognise(Payload.of(UDP, [SECOND, FIRST]))

    assert told is not None
    assert (PLAUSIBLE, ("numbers do not rise",)) == (told.confidence, told.against)


@given(st.binary(max_size=60), st.integers(0, 120))
def test_any_octets_are_read_without_an_error(octets: bytes, at: int) -> None:
    recognise(Payload.of(UDP, [FIRST[:at] + octets]))
