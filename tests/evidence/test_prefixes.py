"""The interfaces' own prefixes, from the kernel's answer."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import mutations
from support.sockets import linux_only

from portbook.evidence.prefixes import own, parse, text


def message(
    family: int, bits: int, address: bytes, kind: int = 20, attribute: int | None = None
) -> bytes:
    size = 4 + len(address) if attribute is None else attribute
    body = struct.pack("=BBBBI", family, bits, 0, 0, 2) + struct.pack("=HH", size, 1) + address
    return struct.pack("=IHHII", 16 + len(body), kind, 2, 1, 0) + body


DONE = struct.pack("=IHHIIi", 20, 3, 2, 1, 0, 0)
WHOLE = message(2, 24, b"\xc0\xa8\1\5") + message(10, 64, b"\xfd" + bytes(15)) + DONE


def test_addresses_and_prefix_lengths_are_read() -> None:
    answer = parse(WHOLE)

    assert answer.done
    assert ["192.168.1.0/24", "fd00::/64"] == list(map(text, answer.prefixes))


@pytest.mark.parametrize(
    "octets",
    [
        message(2, 33, b"\xc0\xa8\1\5"),
        message(2, 24, bytes(16)),
        message(7, 24, bytes(4)),
        message(2, 24, b"\xc0\xa8\1\5", attribute=3),
        message(2, 24, b"\xc0\xa8\1\5", attribute=99),
    ],
    ids=["bits", "width", "family", "short", "long"],
)
def test_an_address_that_makes_no_sense_is_left_out(octets: bytes) -> None:
    assert ["10.0.0.0/8"] == list(map(text, parse(octets + message(2, 8, b"\x0a\1\2\3")).prefixes))


def test_the_kernels_refusal_is_told_by_its_number() -> None:
    assert 1 == parse(struct.pack("=IHHIIi", 20, 2, 0, 1, 0, -1)).error


def test_every_prefix_and_change_of_an_answer_is_read_without_complaint() -> None:
    for changed in mutations(WHOLE):
        list(map(text, parse(changed).prefixes))


@given(st.binary(max_size=200))
def test_any_octets_are_read_without_complaint(octets: bytes) -> None:
    list(map(text, parse(octets).prefixes))


@linux_only
def test_loopback_is_no_prefix_of_ours() -> None:
    assert not [prefix for prefix in own() if prefix.startswith("127.") or prefix == "::1/128"]
