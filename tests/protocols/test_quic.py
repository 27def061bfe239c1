"""QUIC: the header of version 1 and 2, negotiation of versions, and the ids that agree."""

from __future__ import annotations

import pytest
from support import CAPTURES, needs_captures
from support.examples import CONFIRMED, PLAUSIBLE, Example, unhex
from support.initials import CLIENT, HELLO, crypto, sealed
from support.initials import SERVER as SERVER_1
from support.knowing import NOW_NS, knowledge

from portbook.ports import Transport
from portbook.protocols import Payload, Side
from portbook.protocols.quic import recognise
from portbook.protocols.quic_initial import V2
from portbook.survey import traffic

UDP = Transport.UDP
# The encrypted rest is left out as zeros.
CHROME = unhex("""
    c0000000010895412c47018cdfe8004046006e2385e694b43534cc4506131c629fc029f854dad8927dbf2545a59d
    323e2d507b2bad115094ecccaa094e76cb0782e728d7cd8153197fe90e58048434b9b3a16cd4581ddf4489d7ba28
    eea7972516afab349ac3886fbd6c060b11021ea4218be2963df82cb9 00*1130
""")
SERVER = unhex("""
    c9000000010008d5412c47018cdfe80043a2f4646202349801ce34096c36d7c14c2e8175748a03fdfbfa941a38d1
    0a87fa0b6690b9308231aae447373fd91c20 00*1186
""")
CHROME_GOES_ON = unhex("""
    e40000000108d5412c47018cdfe800404711753410f5fb44bdc9c0d717f68b8d5fa8b0a3e434565dc122a8a96a28
    6518ea1ffcf18799684914abc9b8fbd4d4dfad27524a504fa3300ddb776a9d73726ec3470f4cb3a13c694dd5412c
    47018cdfe80337cedfd01aed4f6edd73634be8e61b5c79fe361c058f1361ca7daa945152c9048043834f6bc08eb2
    52d6d84f2d5b77aef897690edb800dfc9f70b318ecae865128ad9b
""")
ASK = unhex("c000000001088394c8f03e5157080000449e 00*1182")
ANSWER = unhex("cf000000010008f067a5502a4262b5004075 c0d95a482cd0991cd25b0aac406a 00*103")
RETRY = unhex("ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba")
ASK_2 = unhex("d76b3343cf088394c8f03e5157080000449e 00*1182")
RETRY_2 = unhex("cf6b3343cf0008f067a5502a4262b5746f6b656ec8646ce8bfe33952d955543665dcc7b6")
ASK_WITH_ID = unhex("c00000000108 8394c8f03e515708 04 01020304 00 449a 00*1178")
ANSWER_TO_ID = unhex("c10000000104 01020304 08 f067a5502a4262b5 00 4064 00*100")
GREASE = unhex("c01a2a3a4a08 8394c8f03e515708 04 01020304 00 449a 00*1178")
NEGOTIATION = unhex("8f0000000004 01020304 08 8394c8f03e515708 00000001 6b3343cf fafafafa")

REAL = Payload.of(UDP, [CLIENT], [SERVER_1])

EXAMPLES = [
    Example(
        "RFC 9001, appendices A.2 and A.3, whole",
        REAL,
        "quic",
        facts={
            "quic_version": "1",
            "tls_version": "TLS 1.3",
            "server_name": "example.com",
            "alpn": ("alpn",),
        },
    ),
    Example(
        "RFC 9001, appendix A.2, whole and alone",
        Payload.of(UDP, [CLIENT]),
        "quic",
        facts={"server_name": "example.com"},
    ),
    Example(
        "RFC 9369, appendix A.2, whole: version 2",
        Payload.of(UDP, [sealed(HELLO, version=V2)]),
        "quic",
        facts={"quic_version": "2", "server_name": "example.com"},
    ),
    Example(
        "built from RFC 9000, section 19.6: a hello in two datagrams",
        Payload.of(UDP, [sealed(crypto(0, HELLO[4:70]), 0), sealed(crypto(66, HELLO[70:]), 1)]),
        "quic",
        facts={"server_name": "example.com", "tls_version": "TLS 1.3"},
    ),
    Example(
        "Chromium on port 4433, odd-quic-on-4433.pcap",
        Payload.of(UDP, [CHROME, CHROME_GOES_ON], [SERVER]),
        "quic",
        facts={"quic_version": "1"},
    ),
    Example(
        "RFC 9001, appendix A.2, alone",
        Payload.of(UDP, [ASK]),
        "quic",
        PLAUSIBLE,
        facts={"quic_version": "1"},
    ),
    Example(
        "RFC 9001, appendices A.2 and A.3: the client has no id of its own",
        Payload.of(UDP, [ASK], [ANSWER]),
        "quic",
        PLAUSIBLE,
    ),
    Example(
        "RFC 9001, appendices A.2 and A.4: an Initial and the Retry",
        Payload.of(UDP, [ASK], [RETRY]),
        "quic",
        PLAUSIBLE,
    ),
    Example(
        "RFC 9369, appendices A.2 and A.4: version 2",
        Payload.of(UDP, [ASK_2], [RETRY_2]),
        "quic",
        PLAUSIBLE,
        facts={"quic_version": "2"},
    ),
    Example(
        "built from RFC 9000, section 17.2.2: both sides have ids",
        Payload.of(UDP, [ASK_WITH_ID], [ANSWER_TO_ID]),
        "quic",
        facts={"quic_version": "1"},
    ),
    Example(
        "built from RFC 9000, section 17.2.1: a version that is offered to be refused",
        Payload.of(UDP, [GREASE], [NEGOTIATION]),
        "quic",
        facts={"quic_versions": ["1", "2"]},
    ),
    Example(
        "Google's QUIC, version Q043: another header",
        Payload.of(UDP, [unhex("0d112233445566778851303433 01 00*87")]),
        None,
        None,
    ),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("shorter than a client may begin", ASK[:16] + b"\x40\x40" + bytes(64)),
        ("a length past the end", ASK[:16] + b"\x7f\xff" + ASK[18:]),
        ("a length that leaves octets of something else", ASK[:16] + b"\x44\x00" + b"\x11" * 1182),
        ("no fixed bit", b"\x80" + ASK[1:]),
        ("a version that nobody speaks", ASK[:1] + b"\0\0\0\x07" + ASK[5:]),
        ("an id of 21 octets", ASK[:5] + b"\x15" + ASK[6:]),
        ("a handshake packet first", b"\xe0" + ASK[1:]),
    ],
)
def test_what_does_not_fit_is_not_quic(why: str, octets: bytes) -> None:
    assert recognise(Payload.of(UDP, [octets])) is None, why


@pytest.mark.parametrize(
    ("why", "answer"),
    [
        ("another id", ANSWER_TO_ID.replace(b"\1\2\3\4", b"\1\2\3\5")),
        ("another version", ANSWER_TO_ID.replace(b"\0\0\0\1", b"\x6b\x33\x43\xcf", 1)),
        ("no QUIC at all", b"not here"),
        ("a negotiation with other ids", NEGOTIATION.replace(b"\x83\x94", b"\x83\x95")),
        ("half a negotiation", NEGOTIATION[:-2]),
    ],
)
def test_an_answer_that_does_not_agree_takes_the_name(why: str, answer: bytes) -> None:
    assert recognise(Payload.of(UDP, [ASK_WITH_ID], [answer])) is None, why


def test_a_datagram_of_which_the_start_was_kept_is_judged_by_its_true_length() -> None:
    asked = Side(ASK_WITH_ID[:128], ((1200, 128),), 1200)

    told = recognise(Payload(UDP, asked, Side.of(ANSWER_TO_ID)))
    assert told is not None
    assert recognise(Payload(UDP, Side(ASK_WITH_ID[:128], ((1100, 128),), 1100))) is None


def test_a_tag_that_does_not_fit_stands_against_the_name() -> None:
    told = recognise(Payload.of(UDP, [ASK]))

    assert told is not None
    assert ("its tag does not fit the keys of its connection id",) == told.against
    assert "server_name" not in told.facts


def test_a_tag_that_fits_bears_an_answer_that_does_not_agree() -> None:
    told = recognise(Payload.of(UDP, [CLIENT], [b"not here"]))

    assert told is not None
    assert PLAUSIBLE is told.confidence
    assert ("the answer does not agree",) == told.against
    assert "example.com" == told.facts["server_name"]


def test_a_packet_of_which_the_end_was_not_kept_is_not_opened() -> None:
    told = recognise(Payload(UDP, Side(CLIENT[:400], ((1200, 400),), 1200)))

    assert told is not None
    assert (PLAUSIBLE, ()) == (told.confidence, told.against)


@pytest.mark.shared
@needs_captures
def test_a_browsers_hello_is_read_in_a_real_capture() -> None:
    path = CAPTURES / "odd-quic-on-4433.pcap"
    told = traffic.read([str(path)], knowledge(), now_ns=NOW_NS)

    (one,) = (one for one in told.conversations if one.protocol == "quic")
    assert CONFIRMED is one.confidence
    assert {
        "quic_version": "1",
        "tls_version": "TLS 1.3",
        "server_name": "api.cirrus-ci.com",
        "alpn": ("h3",),
    } == dict(one.facts)
