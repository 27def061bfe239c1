"""The DNS format: names, pointers, counts that lie."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import unhex

from portbook.protocols.dnsmessage import NAME_OCTETS, read, read_name

MDNS = unhex(
    "0000000000010000000000010c5f736c6565702d70726f7879045f756470056c6f63616c00000c000100002905a0"
    "00001194000c000400080000d850e605a31e"
)


def test_a_name_with_a_pointer_goes_on_after_the_pointer() -> None:
    octets = b"\x01a\x00\x01b\xc0\x00rest"
    name = read_name(octets, 3)

    assert name is not None
    assert ((b"b", b"a"), 7, "b.a") == (name.labels, name.end, name.text)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"\xc0\x00", "points to itself"),
        (b"\x01a\xc0\x00", "points in a circle"),
        (b"\xc0\x02\x01a\x00", "points forward"),
        (b"\x40" + b"a" * 64 + b"\0", "a label of 64 octets"),
        (b"\x3f" + b"a" * 20, "a cut label"),
        (b"\x01a", "no end"),
        (b"\xc0", "half a pointer"),
        (b"", "nothing"),
        ((b"\x3f" + b"a" * 63) * 4 + b"\0", "a name of 257 octets"),
    ],
)
def test_a_name_that_cannot_be_is_none(octets: bytes, why: str) -> None:
    assert read_name(octets, 0) is None, why


def test_a_chain_of_pointers_ends() -> None:
    octets = b"\x01a\x00" + b"".join(
        (0xC000 | max(0, 3 + 2 * (at - 1)) if at else 0xC000).to_bytes(2, "big")
        for at in range(1000)
    )
    read_name(octets, len(octets) - 2)


def test_the_size_in_an_opt_record_is_not_taken_for_a_class() -> None:
    message = read(MDNS)

    assert message is not None
    assert message.whole
    assert len(MDNS) == message.end
    assert (1, 1) == (len(message.questions), len(message.records))
    assert "_sleep-proxy._udp.local" == message.questions[0].name.text


def test_a_count_that_promises_too_much_keeps_what_was_read() -> None:
    message = read(MDNS[:10] + b"\xff\xff" + MDNS[12:])

    assert message is not None
    assert not message.whole
    assert 1 == len(message.records)


def test_record_data_past_the_end_is_not_read() -> None:
    message = read(MDNS[:-1])

    assert message is not None
    assert not message.whole
    assert () == message.records


@given(st.binary(max_size=300))
def test_any_octets_are_read_without_an_error(octets: bytes) -> None:
    message = read(octets)
    name = read_name(octets, 0)

    assert message is None or 12 <= message.end <= len(octets)
    assert name is None or sum(len(label) + 1 for label in name.labels) < NAME_OCTETS


@given(st.lists(st.binary(min_size=1, max_size=63), max_size=3))
def test_a_name_written_is_the_name_read(labels: list[bytes]) -> None:
    octets = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    name = read_name(octets, 0)

    assert name is not None
    assert tuple(labels) == name.labels
    assert len(octets) == name.end
    assert all(sign == "\ufffd" or sign.isprintable() for sign in name.text)
