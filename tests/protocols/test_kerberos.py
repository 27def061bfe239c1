"""Kerberos: tags, versions and types that agree, and lengths down to the parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.kerberos import recognise

TCP, UDP = Transport.TCP, Transport.UDP


def der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    return (
        bytes((tag,))
        + (bytes((size,)) if size < 128 else b"\x82" + size.to_bytes(2, "big"))
        + content
    )


def name(kind: int, *words: bytes) -> bytes:
    """PrincipalName, RFC 4120 section 5.2.2."""
    said = der(0xA1, der(0x30, *(der(0x1B, word) for word in words)))
    return der(0x30, der(0xA0, der(2, bytes((kind,)))), said)


REALM = der(0x1B, b"PLANT.EXAMPLE")
TGT = name(2, b"krbtgt", b"PLANT.EXAMPLE")
TIME = der(0x18, b"20370913024805Z")
TICKET = der(0x61, der(0x30, der(0xA0, der(2, b"\5")), der(0xA1, REALM), der(0xA2, TGT)))
SEALED = der(0x30, der(0xA0, der(2, b"\x12")), der(0xA2, der(4, bytes(40))))
NETBIOS = der(0x30, der(0xA0, der(2, b"\x14")), der(0xA1, der(4, b"HMI-7          \x20")))
# AS-REQ, AS-REP, TGS-REQ, TGS-REP: RFC 4120 sections 5.4.1 and 5.4.2


def request(kind: int) -> bytes:
    body = der(
        0x30,
        der(0xA0, der(3, b"\0\x40\x81\0\x10")),
        der(0xA1, name(1, b"operator")),
        der(0xA2, REALM),
        der(0xA3, TGT),
        der(0xA5, TIME),
        der(0xA7, der(2, b"\x3a\x12\x66\x07")),
        der(0xA8, der(0x30, der(2, b"\x12"), der(2, b"\x11"))),
        der(0xA9, der(0x30, NETBIOS)),
    )
    head = der(0xA1, der(2, b"\5")), der(0xA2, der(2, bytes((kind,))))
    return der(0x60 + kind, der(0x30, *head, der(0xA4, body)))


def answer(kind: int) -> bytes:
    parts = der(0xA3, REALM), der(0xA4, name(1, b"operator")), der(0xA5, TICKET), der(0xA6, SEALED)
    head = der(0xA0, der(2, b"\5")), der(0xA1, der(2, bytes((kind,))))
    return der(0x60 + kind, der(0x30, *head, *parts))


AS_REQ, AS_REP, TGS_REQ, TGS_REP = request(10), answer(11), request(12), answer(13)
# RFC 4120 section 5.9.1: pre-authentication is wanted
ERROR = der(
    0x7E,
    der(
        0x30,
        *(der(0xA0, der(2, b"\5")), der(0xA1, der(2, b"\x1e")), der(0xA4, TIME)),
        *(der(0xA5, der(2, b"\1")), der(0xA6, der(2, b"\x19")), der(0xA9, REALM), der(0xAA, TGT)),
    ),
)


def framed(octets: bytes) -> bytes:
    return len(octets).to_bytes(4, "big") + octets


EXAMPLES = [
    Example(
        "a request and the word that it must prove itself, RFC 4120 sections 5.4.1 and 5.9.1",
        Payload.of(UDP, [AS_REQ], [ERROR]),
        "kerberos",
        facts={"messages": ["AS-REQ", "KRB-ERROR"], "realm": "PLANT.EXAMPLE"},
        client={"name": "HMI-7"},
    ),
    Example(
        "a ticket over TCP, RFC 4120 sections 5.4.1, 5.4.2 and 7.2.2",
        Payload.of(TCP, [framed(AS_REQ)], [framed(AS_REP)]),
        "kerberos",
        facts={"messages": ["AS-REQ", "AS-REP"]},
    ),
    Example(
        "a ticket for a service, RFC 4120 section 5.4",
        Payload.of(UDP, [TGS_REQ], [TGS_REP]),
        "kerberos",
    ),
    Example(
        "an error of suricata-verify, in mixed-ot-it-synthetic-352hosts.pcap",
        Payload.of(
            UDP,
            [],
            [
                unhex(
                    "7e423040a003020105a10302011ea603020106a90d1b0b4558414d504c452e434f4daa20301e"
                    "a003020102a11730151b066b72627467741b0b4558414d504c452e434f4d"
                )
            ],
        ),
        "kerberos",
        PLAUSIBLE,
        facts={"realm": "EXAMPLE.COM"},
    ),
    Example("a request alone", Payload.of(UDP, [AS_REQ]), "kerberos", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("a type that is not that of the tag", b"\x6c" + AS_REQ[1:]),
        ("version 4", AS_REQ.replace(b"\xa1\3\2\1\5", b"\xa1\3\2\1\4", 1)),
        ("an octet more", AS_REQ + b"\0"),
        ("an octet less", AS_REQ[:-1]),
        ("no body", der(0x6A, der(0x30, der(0xA1, der(2, b"\5")), der(0xA2, der(2, b"\x0a"))))),
        (
            "filler whose lengths lie, mixed-ot-it-synthetic-352hosts.pcap",
            unhex("6a20301ea103020105a20302010a 00*18"),
        ),
    ],
)
def test_what_does_not_fit_is_not_kerberos(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


def test_over_tcp_the_length_must_agree() -> None:
    assert recognise(Payload.of(TCP, [AS_REQ])) is None
    told = recognise(Payload.of(TCP, [framed(AS_REQ) + b"\0\0\0\x0aother word"], [framed(AS_REP)]))

    assert told is not None
    assert told.confidence is PLAUSIBLE
    assert "no message begins" in told.against[0]


def test_an_answer_to_another_request_confirms_nothing() -> None:
    told = recognise(Payload.of(UDP, [TGS_REQ], [AS_REP]))

    assert told is not None
    assert told.confidence is PLAUSIBLE
    assert ("an answer belongs to no request",) == told.against


def test_the_user_goes_nowhere() -> None:
    told = recognise(Payload.of(UDP, [AS_REQ], [AS_REP]))

    assert told is not None
    assert "operator" not in repr(told)


@given(st.binary(max_size=40), st.integers(0, 255))
def test_any_octets_are_read_without_an_error(octets: bytes, at: int) -> None:
    for start in (octets, AS_REQ[:at] + octets):
        recognise(Payload.of(UDP, [start]))
        recognise(Payload.of(TCP, [framed(start)]))
