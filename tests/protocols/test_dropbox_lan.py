"""Dropbox's search on the own network: whole objects, and what is none of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example

from portbook.ports import Transport
from portbook.protocols import Cast, Payload, Side
from portbook.protocols.dropbox_lan import recognise

UDP = Transport.UDP
# plant-profinet-16hosts.pcap
TOLD = (
    b'{"host_int": 341894388, "version": [1, 8], "displayname": "341894388", "port": 17500, '
    b'"namespaces": [173776658, 206696810, 174157159]}'
)
# built the way later versions write the host: larger than 64 bits
LARGE = TOLD.replace(b"341894388,", b"3418943880000000000000000000000001,", 1)

EXAMPLES = [
    Example(
        "a computer tells it again and again, plant-profinet-16hosts.pcap",
        Payload.of(UDP, [TOLD, TOLD], cast=Cast.BROADCAST),
        "dropbox-lan",
        facts={"protocol_version": "1.8"},
    ),
    Example(
        "once, pcapng-le-test006.pcapng",
        Payload.of(UDP, [TOLD], cast=Cast.BROADCAST),
        "dropbox-lan",
        PLAUSIBLE,
    ),
    Example("a large number of the host", Payload.of(UDP, [LARGE]), "dropbox-lan", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("another object", b'{"host_int": 1, "kind": "other"}'),
        ("no port", TOLD.replace(b'"port": 17500, ', b"")),
        ("a port that is none", TOLD.replace(b"17500", b"175000")),
        ("a version of one number", TOLD.replace(b"[1, 8]", b"[1]")),
        ("folders that are words", TOLD.replace(b"173776658", b'"home"')),
        ("more behind it", TOLD + b"{}"),
        ("cut", TOLD[:-1]),
    ],
)
def test_what_does_not_fit_is_not_dropbox(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


def test_what_was_kept_in_part_is_not_judged() -> None:
    assert recognise(Payload(UDP, Side(TOLD[:100], ((len(TOLD), 100),), len(TOLD)))) is None
    assert recognise(Payload.of(UDP, [TOLD], [TOLD])) is None


def test_several_hosts_confirm_nothing() -> None:
    told = recognise(Payload.of(UDP, [TOLD, TOLD.replace(b"341894388,", b"2,", 1)]))

    assert told is not None
    assert (PLAUSIBLE, ("they are of several hosts",)) == (told.confidence, told.against)


@given(st.binary(max_size=60), st.integers(0, 130))
def test_any_octets_are_read_without_an_error(octets: bytes, at: int) -> None:
    recognise(Payload.of(UDP, [TOLD[:at] + octets]))
