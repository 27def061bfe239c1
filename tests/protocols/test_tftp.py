"""TFTP: requests to their exact end, and transfers in order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import CONFIRMED, PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload, identify
from portbook.protocols.tftp import recognise

UDP = Transport.UDP
# arkime's tests, in mixed-ot-it-synthetic-352hosts.pcap
GET = b"\0\1firmware.bin\0octet\0"
PUT = b"\0\2upload.txt\0octet\0"
FIRST = unhex("00030001 41*64")
TAKEN = unhex("00040000")
# RFC 2347, RFC 2348, RFC 2349
BETTER = b"\0\1plc.fw\0OCTET\0blksize\0001428\0tsize\0000\0"
AGREED = b"\0\6blksize\0001428\0tsize\00070000\0"


def data(block: int, size: int = 512) -> bytes:
    return b"\0\3" + block.to_bytes(2, "big") + bytes(size)


def ack(block: int) -> bytes:
    return b"\0\4" + block.to_bytes(2, "big")


EXAMPLES = [
    Example(
        "a read and its first block, arkime's tests",
        Payload.of(UDP, [GET], [FIRST]),
        "tftp",
        facts={"operation": "read", "file": "firmware.bin", "mode": "octet"},
    ),
    Example("a write, arkime's tests", Payload.of(UDP, [PUT], [TAKEN]), "tftp"),
    Example(
        "a read with options, RFC 2347",
        Payload.of(UDP, [BETTER], [AGREED]),
        "tftp",
        facts={"options": {"blksize": "1428", "tsize": "0"}, "mode": "octet"},
    ),
    Example(
        "a file that is not there, RFC 1350 section 5",
        Payload.of(UDP, [GET], [b"\0\5\0\1File not found\0"]),
        "tftp",
    ),
    Example("a read alone, twice", Payload.of(UDP, [GET, GET]), "tftp", PLAUSIBLE),
    Example(
        "a transfer from the server, which writes first, RFC 1350 section 4",
        Payload.of(UDP, [data(1), data(2), data(3, 9)], [ack(1), ack(2), ack(3)]),
        "tftp",
        PLAUSIBLE,
    ),
    Example(
        "a transfer to the server, with options, RFC 2347",
        Payload.of(UDP, [data(1), data(2), data(3)], [AGREED, ack(1), ack(2)]),
        "tftp",
        PLAUSIBLE,
    ),
]


@pytest.mark.parametrize(
    ("why", "octets"),
    [
        ("a mode that is none", GET.replace(b"octet", b"octal")),
        ("no end", GET[:-1]),
        ("something behind it", GET + b"x"),
        ("an option without a value", GET + b"blksize\0"),
        ("an option that nobody knows", GET + b"speed\0009\0"),
        ("no file", b"\0\1\0octet\0"),
        ("a file of control characters", b"\0\1\x01\x02\0octet\0"),
        ("a block alone", FIRST),
        ("an acknowledgement alone", TAKEN),
    ],
)
def test_what_does_not_fit_is_not_tftp(why: str, octets: bytes) -> None:
    assert identify(Payload.of(UDP, [octets])) is None, why


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ([data(1), data(3)], [ack(1), ack(3)]),
        ([data(1)], [ack(1)]),
        ([data(1), data(2)], [ack(1), ack(7)]),
        ([data(1, 9), data(2)], [ack(1), ack(2)]),
        ([data(1), data(2)], [ack(1) + b"\0", ack(2)]),
        ([data(1), data(2)], [data(1), data(2)]),
        ([ack(1), ack(2)], [ack(1), ack(2)]),
    ],
)
def test_blocks_out_of_order_are_no_transfer(sent: list[bytes], taken: list[bytes]) -> None:
    assert identify(Payload.of(UDP, sent, taken)) is None


def test_who_writes_first_in_a_transfer_is_the_server() -> None:
    told = identify(Payload.of(UDP, [data(1), data(2)], [ack(1), ack(2)]))
    written = identify(Payload.of(UDP, [ack(0), ack(1), ack(2)], [data(1), data(2)]))

    assert told is not None
    assert told.swapped
    assert written is not None
    assert written.swapped


def test_an_answer_that_cannot_be_the_first_confirms_nothing() -> None:
    told = recognise(Payload.of(UDP, [GET], [ack(0)]))

    assert told is not None
    assert told.confidence is not CONFIRMED


@given(st.binary(max_size=40), st.integers(0, 30))
def test_any_octets_are_read_without_an_error(octets: bytes, at: int) -> None:
    recognise(Payload.of(UDP, [GET[:at] + octets], [AGREED[:at] + octets]))
    recognise(Payload.of(UDP, [octets, octets], [octets]))
