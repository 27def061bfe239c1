"""Oracle TNS: the descriptor of a connect, and a listener's answers."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.oracle_tns import CONNECT_FIELDS, HEADER, recognise

TCP = Transport.TCP
DESCRIPTOR = (
    b"(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME=historian)(CID=(PROGRAM=sqlplus)(HOST=bench3)"
    b"(USER=anna)))(ADDRESS=(PROTOCOL=TCP)(HOST=10.0.0.9)(PORT=1521)))"
)


def connect(descriptor: bytes = DESCRIPTOR, offset: int = 58, **fields: int) -> bytes:
    told = {
        "version": 314, "compatible": 300, "options": 0x0C41, "session_unit": 8192,
        "transport_unit": 32767, "traits": 0x7F08, "one": 1, "size": len(descriptor),
        "offset": offset, **fields,
    }  # fmt: skip
    body = CONNECT_FIELDS.write(told) + bytes(offset - 28) + descriptor
    return HEADER.write(length=len(body) + 8, type=1) + body


def refuse(words: bytes) -> bytes:
    body = b"\x22\0" + len(words).to_bytes(2, "big") + words
    return HEADER.write(length=len(body) + 8, type=4) + body


# A connect of version 310, octet by octet
SHORT = unhex(
    "0057 0000 01 00 0000 0136 012c 0000 0800 7fff 7f08 0000 0100 001d 003a 00000200 61 61"
    "00*24 28434f4e4e4543545f444154413d28434f4d4d414e443d70696e672929"
)
RESEND = unhex("0008 0000 0b 00 0000")
ACCEPT = unhex("0020 0000 02 00 0000 013a 0000 0800 7fff 0001 0000 0020 41 41 00*8")
REFUSED = refuse(b"(DESCRIPTION=(TMP=)(VSNNUM=186647552)(ERR=12514))")
LONG = (
    connect(b"", size=len(DESCRIPTOR))
    + HEADER.write(length=len(DESCRIPTOR) + 10, type=6)
    + b"\0\0"
    + DESCRIPTOR
)

EXAMPLES = [
    Example(
        "a connect that is to be sent again, built from packet-tns.c",
        Payload.of(TCP, [connect()], [RESEND]),
        "oracle-tns",
        facts={"service": "historian"},
        client={"product": "sqlplus", "name": "bench3"},
    ),
    Example(
        "refused, built from packet-tns.c",
        Payload.of(TCP, [connect()], [REFUSED]),
        "oracle-tns",
        server={"product": "Oracle Net Listener", "version": "11.2.0.4.0"},
    ),
    Example(
        "accepted, the descriptor in a packet of its own",
        Payload.of(TCP, [LONG], [ACCEPT]),
        "oracle-tns",
        facts={"service": "historian"},
    ),
    Example(
        "a connect without its last fields, mixed-ot-it-synthetic-352hosts.pcap",
        Payload.of(TCP, [connect(offset=28, one=0)]),
        "oracle-tns",
        PLAUSIBLE,
    ),
    Example("octet by octet, alone", Payload.of(TCP, [SHORT]), "oracle-tns", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "asked", "answer"),
    [
        ("a length that lies", SHORT[:1] + b"\x58" + SHORT[2:], b""),
        ("a checksum", SHORT[:3] + b"\1" + SHORT[4:], b""),
        ("a version that is none", connect(version=100), b""),
        ("an order that is none", connect(one=7), b""),
        ("a descriptor of something else", connect(b"GET / HTTP/1.1"), b""),
        ("an answer of something else", connect(), b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        (
            "a refusal whose reason does not fill it",
            connect(),
            REFUSED[:11] + b"\x01" + REFUSED[12:],
        ),
        ("half an answer", connect(), ACCEPT[:12]),
    ],
)
def test_what_does_not_fit_is_not_oracle_tns(why: str, asked: bytes, answer: bytes) -> None:
    told = recognise(Payload.of(TCP, [asked] if asked else [], [answer] if answer else []))

    assert told is None, why


@pytest.mark.parametrize("fields", [{"offset": 28}, {"offset": 33}, {"one": 0}])
def test_a_connect_that_no_client_writes_so_says_so(fields: dict[str, int]) -> None:
    told = recognise(Payload.of(TCP, [connect(**fields)]))

    assert told is not None
    assert PLAUSIBLE is told.confidence
    assert ("the connect is not as clients write it: fields are missing",) == told.against
    assert recognise(Payload.of(TCP, [connect(offset=28)[:8] + b"\0" * 40])) is None


def test_the_user_never_leaves_the_recogniser() -> None:
    assert "anna" not in repr(recognise(Payload.of(TCP, [connect()], [RESEND])))


def test_the_number_of_a_newer_version_has_other_fields() -> None:
    told = recognise(Payload.of(TCP, [connect()], [refuse(b"(VSNNUM=318767104)")]))

    assert told is not None
    assert "19.0.0.0.0" == told.server["version"]
