"""DHCPv6: options to the end, identifiers of hosts, relays and transactions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Cast, Payload, Side
from portbook.protocols.dhcpv6 import recognise

UDP = Transport.UDP
# dhcpv6-exchange.pcap
SOLICIT = unhex(
    "01c85fb60008000200000001000e0001000123880919000c295201f30003000c0e000c2900000000000000000027"
    "001d000e76616772616e742d323030385232056861707079056372617a79000010000e0000013700084d53465420"
    "352e30000600080018001700110027"
)
# malformed/tcpdump-dhcpv6-AFTR-Name-RFC6334.pcap
ASKED = unhex(
    "01d81eb80001000a0003000100010203040500060004001700400008000200000019000c0203040500000e100000"
    "1518"
)
TOLD = unhex(
    "02d81eb8 0001000a00030001000102030405 0002000e00010001183f4ef0001122334455 0007 0001 0a"
)
# malformed/tcpdump-dhcpv6-ntp-server.pcap
REPLY = unhex(
    "07f69b570001000e0001000118f00b3f000c2938f3680002000e0001000118ef951b000c299ba1530038003d0001"
    "00102a01000000000000000000000000000100020010ff05000000000000000000000000010100030011036e7470"
    "076578616d706c6503636f6d00"
)
# arkime's tests, in mixed-ot-it-synthetic-352hosts.pcap
FORWARD = unhex(
    "0c0020010db800dc0000000000000000000120010db800dc000000000000000000020009001201abcdef0001000a"
    "0003000102deadbeef01"
)
BACK = unhex(
    "0d0020010db800dc0000000000000000000120010db800dc000000000000000000020009001202abcdef0001000a"
    "0003000102deadbeef02"
)
INFORMATION = unhex("0b 112233 0008 0002 0000 0006 0004 0017 0018")  # RFC 8415 section 18.2.6
NO_QUERY = unhex("0e1122330001000e000100012aabbccdd001122334450006000400170018")
# by address, of a client whose data are its identifier and how long ago it was heard
LEASE_QUERY = unhex(
    "0e112233 0001 000a 00030001 021122334455 002c 0011 01 00*16 0002 000a 00030001 020000000001"
)
LEASE_REPLY = unhex(
    "0f112233 0001 000a 00030001 021122334455 0002 000a 00030001 020000000001"
    "002d 0016 0001 000a 00030001 0a0b0c0d0e0f 002e 0004 00000e10"
)

EXAMPLES = [
    Example(
        "Windows seeks a server, dhcpv6-exchange.pcap",
        Payload.of(UDP, [SOLICIT], cast=Cast.MULTICAST, group="ff02::1:2"),
        "dhcpv6",
        PLAUSIBLE,
        facts={"messages": ["solicit"]},
        client={
            "name": "vagrant-2008R2.happy.crazy",
            "product": "MSFT 5.0",
            "mac": "00:0c:29:52:01:f3",
        },
    ),
    Example(
        "a server advertises itself, tcpdump's tests and RFC 8415 section 18.3.9",
        Payload.of(UDP, [ASKED], [TOLD]),
        "dhcpv6",
        facts={"messages": ["solicit", "advertise"]},
        client={"mac": "00:01:02:03:04:05"},
    ),
    Example(
        "a relay and its server, arkime's tests",
        Payload.of(UDP, [FORWARD], [BACK]),
        "dhcpv6",
        facts={"relayed": True, "messages": ["relay-forward", "relay-reply"]},
    ),
    Example("a reply alone, tcpdump's tests", Payload.of(UDP, [], [REPLY]), "dhcpv6", PLAUSIBLE),
    Example(
        "a question without a name, RFC 8415 section 18.2.6",
        Payload.of(UDP, [INFORMATION]),
        "dhcpv6",
        PLAUSIBLE,
    ),
    Example(
        "a lease query and its answer, RFC 5007 sections 4.1.2.1 and 4.2.2.2",
        Payload.of(UDP, [LEASE_QUERY], [LEASE_REPLY]),
        "dhcpv6",
        facts={"messages": ["lease query", "lease query reply"]},
    ),
    Example(
        "a lease query for nothing, mixed-ot-it-synthetic-352hosts.pcap",
        Payload.of(UDP, [NO_QUERY], cast=Cast.MULTICAST, group="ff02::1:2"),
        "dhcpv6",
        PLAUSIBLE,
    ),
    Example(
        "the start of a cut question, dhcpv6-exchange.pcap",
        Payload(UDP, Side(SOLICIT[:60], ((107, 60),), 107)),
        "dhcpv6",
        PLAUSIBLE,
    ),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("a type that is none", b"\x10" + SOLICIT[1:]),
        ("an octet more", SOLICIT + b"\0"),
        ("an octet less", SOLICIT[:-1]),
        ("a code that is none", SOLICIT[:4] + b"\x01" + SOLICIT[5:]),
        ("an identifier that is none", ASKED[:8] + b"\0\5" + ASKED[10:]),
        ("a card that is none", ASKED[:10] + b"\x10\x43" + ASKED[12:]),
        ("a release to no server", b"\x08" + ASKED[1:]),
        ("no identifier", unhex("01c85fb6 000800020000")),
        ("a relay that carries an answer", FORWARD.replace(b"\x01\xab\xcd", b"\x02\xab\xcd")),
        ("33 relays", FORWARD[:1] + b"\x21" + FORWARD[2:]),
        ("no options", unhex("01c85fb6")),
        ("an answer", TOLD),
    ],
)
def test_what_does_not_fit_is_not_dhcpv6(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


def test_a_client_behind_a_relay_is_not_the_relay() -> None:
    told = recognise(Payload.of(UDP, [FORWARD]))

    assert told is not None
    assert {} == dict(told.client)


def test_a_lease_query_that_asks_for_nothing_says_so() -> None:
    told = recognise(Payload.of(UDP, [NO_QUERY]))

    assert told is not None
    assert "a lease query does not say what it asks for" in told.against


def test_an_answer_to_another_question_confirms_nothing() -> None:
    told = recognise(Payload.of(UDP, [SOLICIT], [TOLD]))

    assert told is not None
    assert told.confidence is PLAUSIBLE
    assert ("no answer has the transaction",) == told.against


@given(st.binary(max_size=60), st.integers(0, 60))
def test_any_octets_are_read_without_an_error(octets: bytes, at: int) -> None:
    recognise(Payload.of(UDP, [SOLICIT[:at] + octets], [BACK[:at] + octets]))
