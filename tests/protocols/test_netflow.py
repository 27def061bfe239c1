"""NetFlow and IPFIX: records of one size, and sets with their templates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.netflow import recognise

UDP = Transport.UDP
# mixed-ot-it-synthetic-352hosts.pcap
FIVE = unhex("""
    000500010000ea606553f1000000000000000001000000000a0101010a02020200000000000100020000000a
    000003e8000000000000ea6030390050001006000000000018180000
""")
# built from Cisco's guide: header, and one record of 52 octets
SEVEN = unhex("""
    000700010000ea606553f100000000000000000100000000
    0a0303030a040404000000000001000200000005000001f4000000000000ea60d43101bb0018060000000000181800
    0000000000
""")
# mixed-ot-it-synthetic-352hosts.pcap
NINE = unhex(
    "000900010000ea606553f100000000010000002a 0000 0014 0100 0003 0008 0004 000c 0004 0002 0004"
)
IPFIX = unhex("000a00246553f1000000000100000063 0002 0014 0100 0003 0008 0004 000c 0004 0002 0004")
# RFC 7011, appendix A.2.1 and A.4.3: a template and its data, three records of 20 octets
DATA = unhex("0100 0040") + bytes(range(60))
BOTH = unhex("000a 0064 6553f100 00000002 00000063") + IPFIX[16:] + DATA


def again(octets: bytes, at: int) -> bytes:
    """Return the datagram that follows: its sequence number is one higher."""
    return octets[: at + 3] + bytes((octets[at + 3] + 1,)) + octets[at + 4 :]


EXAMPLES = [
    Example(
        "version 5, one record", Payload.of(UDP, [FIVE]), "netflow", PLAUSIBLE,
        facts={"netflow_version": 5},
    ),
    Example("version 5, two datagrams", Payload.of(UDP, [FIVE, again(FIVE, 16)]), "netflow"),
    Example("version 7, one record", Payload.of(UDP, [SEVEN]), "netflow", PLAUSIBLE),
    Example("version 9, a template", Payload.of(UDP, [NINE]), "netflow", PLAUSIBLE),
    Example(
        "IPFIX, a template", Payload.of(UDP, [IPFIX]), "netflow", PLAUSIBLE,
        facts={"netflow_version": 10},
    ),
    Example(
        "IPFIX, a template and data, built from RFC 7011 section 3",
        Payload.of(UDP, [IPFIX, BOTH]),
        "netflow",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("a record more than there is", FIVE[:3] + b"\2" + FIVE[4:]),
        ("no record", FIVE[:3] + b"\0" + FIVE[4:24]),
        ("an octet behind it", FIVE + b"\0"),
        ("more packets than octets", FIVE[:40] + b"\xff" * 4 + FIVE[44:]),
        ("a record that ends before it begins", FIVE[:48] + FIVE[52:56] + FIVE[48:52] + FIVE[56:]),
        ("a time before anybody counted", FIVE[:8] + bytes(4) + FIVE[12:]),
        ("version 6", b"\0\6" + FIVE[2:]),
        ("a set past the end", NINE[:23] + b"\x18" + NINE[24:]),
        ("a set of nothing", NINE[:20] + unhex("0000 0004")),
        ("a field without a size", NINE[:-1] + b"\0"),
        ("a template id of data's", NINE[:24] + b"\0\7" + NINE[26:]),
        ("more fields than there are", NINE[:27] + b"\4" + NINE[28:]),
        ("a set id that is none", NINE[:20] + b"\0\7" + NINE[22:]),
        ("data alone", unhex("000a 0050 6553f100 00000002 00000063") + DATA),
        ("a length that lies", IPFIX[:3] + b"\x25" + IPFIX[4:]),
        ("nothing but a header", IPFIX[:3] + b"\x10" + IPFIX[4:16]),
    ],
)
def test_what_does_not_fit_is_not_netflow(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


def test_who_is_answered_is_no_exporter() -> None:
    assert recognise(Payload.of(UDP, [FIVE], [FIVE])) is None


def test_numbers_that_fall_confirm_nothing() -> None:
    told = recognise(Payload.of(UDP, [again(FIVE, 16), FIVE]))

    assert told is not None
    assert PLAUSIBLE is told.confidence
    assert ("sequence numbers do not rise",) == told.against


@given(st.sampled_from((FIVE, SEVEN, NINE, IPFIX)), st.binary(max_size=60), st.integers(0, 60))
def test_any_octets_are_read_without_an_error(start: bytes, octets: bytes, at: int) -> None:
    recognise(Payload.of(UDP, [start[:at] + octets]))
