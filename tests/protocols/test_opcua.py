"""OPC UA binary: chunks of the size that they tell, endpoints and applications."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify
from portbook.protocols.opcua import recognise
from portbook.protocols.opcua_values import endpoints
from portbook.records import Confidence

TCP = Transport.TCP
HELLO = unhex(
    "48454c464a00000000000000000001000000010000000000000000002a000000"
    "6f70632e7463703a2f2f6c6f63616c686f73743a343834302f667265656f706375612f7365727665722f"
)
ACKNOWLEDGE = unhex("41434b461c0000000000000000000100000001000000000188130000")
ASYNCUA = unhex(
    "48454c463c00000000000000ffffff7fffffff7f00000000000000001c000000"
    "6f70632e7463703a2f2f3132372e302e302e313a34383430312f782f"
)
ASYNCUA_ACK = unhex("41434b461c00000000000000ffff0000ffff00000000400641060000")
OPEN = unhex(
    "4f504e4684000000000000002f000000687474703a2f2f6f7063666f756e646174696f6e2e6f72672f55412f"
    "5365637572697479506f6c696379234e6f6e65ffffffffffffffff01000000010000000100be010000003c7d0c"
    "5c2bca0101000000ff030000ffffffff0000000000000000000000000000000100000000000000808d5b00"
)
GET_ENDPOINTS = unhex(
    "4d534746450000005f1900000100000002000000020000000100ac010000003c7d0c5c2bca01"
    "01000000ff030000ffffffff00000000000000ffffffff0000000000000000"
)
URL = "opc.tcp://10.0.0.9:4840"


def number(value: int) -> bytes:
    return value.to_bytes(4, "little")


def text(value: str | None) -> bytes:
    return number(0xFFFFFFFF) if value is None else number(len(value)) + value.encode()


def application(name: str, product: str, kind: int = 0) -> bytes:
    return (
        text("urn:plant:9") + text(product) + b"\3" + text("en") + text(name) + number(kind)
        + text(None) + text(None) + number(1) + text(URL)
    )  # fmt: skip


def endpoint(policy: str = "None") -> bytes:
    token = text("anonymous") + number(0) + text(None) * 3
    return (
        text(URL) + application("Pump house", "urn:vendor:plc") + text("certificate") + number(1)
        + text(f"http://opcfoundation.org/UA/SecurityPolicy#{policy}") + number(1) + token
        + text("binary") + b"\0"
    )  # fmt: skip


RESPONSE_HEADER = bytes(8) + number(1) + number(0) + b"\0" + number(0xFFFFFFFF) + bytes(3)
REQUEST_HEADER = bytes(2) + bytes(8) + number(1) + number(0) + text(None) + number(0) + bytes(3)


def service(kind: int, body: bytes, chunk: bytes = b"F") -> bytes:
    inside = b"\1\0" + kind.to_bytes(2, "little") + body
    return b"MSG" + chunk + number(24 + len(inside)) + bytes(16) + inside


ENDPOINTS = service(431, RESPONSE_HEADER + number(2) + endpoint() + endpoint("Basic256Sha256"))
SESSION = service(461, REQUEST_HEADER + application("Operator desk", "urn:vendor:hmi", 1))
REVERSE = b"RHEF" + number(8 + 15 + 4 + len(URL)) + text("urn:plant:9") + text(URL)

EXAMPLES = [
    Example(
        "a dialogue as FreeOpcUa begins it, public captures",
        Payload.of(TCP, [HELLO, OPEN, GET_ENDPOINTS], [ACKNOWLEDGE]),
        "opcua",
        facts={
            "endpoint url": "opc.tcp://localhost:4840/freeopcua/server/",
            "security policy": "None",
            "services": ["GetEndpoints"],
        },
    ),
    Example("hello alone, asyncua 2.1.0", Payload.of(TCP, [ASYNCUA], []), "opcua"),
    Example("acknowledge alone, asyncua 2.1.0", Payload.of(TCP, [], [ASYNCUA_ACK]), "opcua"),
    Example(
        "endpoints, made after the standard",
        Payload.of(TCP, [HELLO, GET_ENDPOINTS], [ACKNOWLEDGE, ENDPOINTS]),
        "opcua",
        facts={"endpoints": [URL], "security policies": ["Basic256Sha256", "None"]},
        server={
            "name": "Pump house",
            "product": "urn:vendor:plc",
            "application uri": "urn:plant:9",
            "application type": "server",
        },
    ),
    Example(
        "a session, made after the standard",
        Payload.of(TCP, [HELLO, SESSION], [ACKNOWLEDGE]),
        "opcua",
        client={"name": "Operator desk", "application type": "client"},
    ),
    Example(
        "a service, joined in the middle", Payload.of(TCP, [GET_ENDPOINTS], [ENDPOINTS]), "opcua"
    ),
    Example(
        "one request, joined in the middle", Payload.of(TCP, [SESSION], []), "opcua", PLAUSIBLE
    ),
    Example(
        "a server that calls its client",
        Payload.of(TCP, [REVERSE, ACKNOWLEDGE], [HELLO]),
        "opcua",
        facts={"reverse": "the server opened the connection"},
        client={"application uri": "urn:plant:9"},
    ),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("type", b"HEM" + HELLO[3:]),
        ("chunk", b"HELX" + HELLO[4:]),
        ("size below 8", HELLO[:4] + number(7) + HELLO[8:]),
        ("size above 64 MiB", HELLO[:4] + number(1 << 30) + HELLO[8:]),
        ("size past the end", HELLO[:-1]),
        (
            "URL longer than 4096",
            b"HELF" + number(32 + 5000) + bytes(20) + number(5000) + bytes(5000),
        ),
        ("URL that does not fill the hello", HELLO[:28] + number(7) + HELLO[32:]),
        ("acknowledge of another size", b"ACKF" + number(29) + bytes(21)),
    ],
)
def test_what_does_not_fit_is_not_opc_ua(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(TCP, [octets], [])) is None, why
    assert recognise(Payload.of(TCP, [], [octets])) is None, why
    assert recognise(Payload.of(Transport.UDP, [octets], [])) is None, why


def test_a_hello_without_url_is_one() -> None:
    hello = b"HELF" + number(32) + bytes(20) + number(0xFFFFFFFF)

    told = recognise(Payload.of(TCP, [hello], [ACKNOWLEDGE]))

    assert told is not None
    assert (Confidence.CONFIRMED, {}) == (told.confidence, told.facts)


def test_each_side_says_only_what_is_its_own() -> None:
    for asked, answered in (([ACKNOWLEDGE], [HELLO]), ([ENDPOINTS], [GET_ENDPOINTS])):
        payload = Payload.of(TCP, asked, answered)
        assert recognise(payload) is None
        told = identify(payload)
        assert told is not None
        assert told.swapped


def test_a_message_in_two_chunks_is_put_together() -> None:
    body = ENDPOINTS[24:]
    chunks = [
        b"MSG" + kind + number(24 + len(part)) + bytes(16) + part
        for kind, part in ((b"C", body[:90]), (b"F", body[90:]))
    ]

    told = recognise(Payload.of(TCP, [HELLO], [ACKNOWLEDGE, *chunks]))

    assert told is not None
    assert told.server["name"] == "Pump house"


def test_what_a_secured_channel_hides_is_left_out() -> None:
    hidden = ENDPOINTS[:24] + bytes(octet ^ 0x5A for octet in ENDPOINTS[24:])

    told = recognise(Payload.of(TCP, [HELLO], [ACKNOWLEDGE, hidden]))

    assert told is not None
    assert (Confidence.CONFIRMED, {}) == (told.confidence, told.server)


def test_the_last_chunk_cut_by_the_head_takes_nothing_away() -> None:
    sent = HELLO + OPEN
    cut = Side(sent[:128], ((len(HELLO), len(HELLO)), (len(OPEN), 128 - len(HELLO))), len(sent))

    told = recognise(Payload(TCP, cut, Side.of(ACKNOWLEDGE)))

    assert told is not None
    assert Confidence.CONFIRMED is told.confidence


def test_a_hello_cut_by_the_capture_is_at_most_plausible() -> None:
    told = recognise(Payload(TCP, Side(HELLO[:40], ((len(HELLO), 40),), len(HELLO))))

    assert told is not None
    assert Confidence.PLAUSIBLE is told.confidence


@given(st.integers(0, len(ENDPOINTS)), st.integers(0, 255), st.sampled_from((422, 428, 461)))
def test_an_answer_with_any_octet_changed_raises_nothing(at: int, octet: int, kind: int) -> None:
    body = bytearray(ENDPOINTS[28:])
    if at < len(body):
        body[at] = octet

    assert all(isinstance(one.url, str) for one in endpoints(kind, bytes(body)))


@given(st.binary(max_size=200), st.sampled_from((422, 428, 461)))
def test_an_answer_of_any_octets_raises_nothing(octets: bytes, kind: int) -> None:
    assert len(endpoints(kind, RESPONSE_HEADER + octets)) <= 64
