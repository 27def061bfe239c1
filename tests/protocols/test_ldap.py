"""LDAP: whole operations, numbers that come back, and what a server tells of itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.ldap import recognise

TCP, UDP = Transport.TCP, Transport.UDP
# RFC 4511 section 4.2: version 3, a name, no password
BIND = unhex(
    "302f020101602a0201030423636e3d61646d696e2c6f753d75736572732c64633d6578616d706c652c64633d636f"
    "6d8000"
)
# suricata-verify and arkime's tests, in mixed-ot-it-synthetic-352hosts.pcap
SHORT = unhex("3031020101602c") + BIND[7:]
BOUND = unhex("300c02010161070a010004000400")
SIMPLE = unhex(
    "302e0201016029020103041a636e3d61646d696e2c64633d6578616d706c652c64633d636f6d80087465737470617373"
)
LYING = unhex("301d0201016018020103040b636e3d61646d696e2c64633d800470617373")


def der(tag: int, *parts: bytes) -> bytes:
    """As Active Directory writes it: four octets of length for what is built of parts."""
    content = b"".join(parts)
    long = tag & 0x20
    size = b"\x84" + len(content).to_bytes(4, "big") if long else bytes((len(content),))
    return bytes((tag,)) + size + content


def attribute(name: bytes, *values: bytes) -> bytes:
    return der(0x30, der(4, name), der(0x31, *(der(4, value) for value in values)))


# RFC 4511 section 4.5.1: the base alone, never an alias, no limits, whatever has a class
SEARCH = der(
    0x30,
    der(2, b"\2"),
    der(
        0x63,
        *(der(4, b""), der(0x0A, b"\0"), der(0x0A, b"\0"), der(2, b"\0"), der(2, b"\0")),
        *(der(1, b"\0"), der(0x87, b"objectclass"), der(0x30, der(4, b"vendorName"))),
    ),
)
ENTRY = der(
    0x30,
    der(2, b"\2"),
    der(
        0x64,
        der(4, b""),
        der(
            0x30,
            attribute(b"vendorName", b"389 Project"),
            attribute(b"vendorVersion", b"389-Directory/2.4.5"),
            attribute(b"dnsHostName", b"dir.plant.example"),
        ),
    ),
)
DONE = der(0x30, der(2, b"\2"), der(0x65, der(0x0A, b"\0"), der(4, b""), der(4, b"")))
# RFC 4511 section 4.14: StartTLS
START = der(0x30, der(2, b"\1"), der(0x77, der(0x80, b"1.3.6.1.4.1.1466.20037")))
STARTED = unhex("300c02010178070a010004000400")
UNBIND = unhex("30050201034200")
HELLO = unhex("16030100680100")

EXAMPLES = [
    Example(
        "bind, RFC 4511 section 4.2; its answer from arkime's tests",
        Payload.of(TCP, [BIND], [BOUND]),
        "ldap",
        facts={"operations": ["bind"]},
    ),
    Example(
        "the server tells of itself, lengths as of Active Directory, RFC 4511 section 4.5",
        Payload.of(TCP, [SEARCH, UNBIND], [ENTRY + DONE]),
        "ldap",
        facts={"operations": ["search", "unbind"]},
        server={
            "vendor": "389 Project",
            "version": "389-Directory/2.4.5",
            "name": "dir.plant.example",
        },
    ),
    Example(
        "the same over UDP, MS-ADTS section 6.3.3",
        Payload.of(UDP, [SEARCH], [ENTRY + DONE]),
        "ldap",
    ),
    Example(
        "TLS is started, RFC 4511 section 4.14",
        Payload.of(TCP, [START, HELLO], [STARTED, HELLO]),
        "ldap",
        facts={"operations": ["extended"]},
    ),
    Example("a bind alone, arkime's tests", Payload.of(TCP, [SIMPLE]), "ldap", PLAUSIBLE),
    Example("answers alone", Payload.of(TCP, [], [ENTRY + DONE]), "ldap", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("lengths that lie, suricata-verify", LYING),
        ("lengths past the end, arkime's tests", SHORT),
        ("version 1", BIND.replace(b"\2\1\3", b"\2\1\1", 1)),
        ("an operation that is none", BIND.replace(b"\x60\x2a", b"\x62\x2a")),
        ("a search without its filter", SEARCH.replace(b"\x87\x0bobjectclass", b"", 1)),
        ("controls of another kind", der(0x30, der(2, b"\2"), UNBIND[5:], der(0xA1, b""))),
        ("a negative number", BIND.replace(b"\2\1\1", b"\2\1\xff", 1)),
        ("SNMP", unhex("302802010104067075626c6963a01b02030458aa020100020100300e300c06082b06010201"
                       "0101000500")),
        ("an unbind alone, which says too little", UNBIND),
        ("something behind it", BIND + b"GET / HTTP/1.1\r\n\r\n"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_not_ldap(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(TCP, [octets])) is None, why


def test_an_answer_with_another_number_confirms_nothing() -> None:
    told = recognise(Payload.of(TCP, [BIND], [BOUND.replace(b"\2\1\1", b"\2\1\2", 1)]))

    assert told is not None
    assert told.confidence is PLAUSIBLE
    assert ("no request with its answer",) == told.against


def test_what_follows_a_bind_may_be_sealed() -> None:
    sealed = unhex("00000040") + bytes(64)

    assert recognise(Payload.of(TCP, [BIND, sealed], [BOUND, sealed])) is not None
    assert recognise(Payload.of(TCP, [BIND, b"\0\0\0\0"], [BOUND])) is None


def test_name_and_password_go_nowhere() -> None:
    told = recognise(Payload.of(TCP, [SIMPLE], [BOUND]))

    assert told is not None
    assert "testpass" not in repr(told)
    assert "cn=admin" not in repr(told)


@given(st.binary(max_size=40), st.integers(0, 60))
def test_any_octets_are_read_without_an_error(octets: bytes, at: int) -> None:
    for transport in (TCP, UDP):
        recognise(Payload.of(transport, [BIND[:at] + octets], [SEARCH[:at] + octets]))
