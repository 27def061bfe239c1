"""Addresses of CODESYS nodes: made, read, and held against where they come from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import unhex

from portbook.protocols.codesys import addresses


@pytest.mark.parametrize(
    ("prefix", "hex_text"),
    [
        (30, "000d"),
        (28, "003d"),
        (25, "018d"),
        (24, "030d"),
        (23, "060d"),
        (22, "0c0d"),
        (20, "3c0d"),
        (18, "cc0d"),
        (17, "00018c0d"),
        (16, "00030c0d"),
        (12, "003b0c0d"),
        (8, "030b0c0d"),
    ],
)
def test_an_address_is_made_and_read_for_each_prefix(prefix: int, hex_text: str) -> None:
    ipv4 = bytes((10, 11, 12, 13))
    address = addresses.encode(ipv4, 1743, prefix)

    assert unhex(hex_text) == address
    assert (ipv4, 1743) == addresses.decode(address, ipv4, prefix)
    assert prefix in addresses.fitting_prefixes(address, ipv4, 1743)


def test_without_a_mask_an_address_takes_three_words() -> None:
    ipv4 = bytes((192, 168, 1, 10))

    assert unhex("0000c0a8010a") == addresses.encode(ipv4, 1740, 0)


def test_the_directed_broadcast_settles_which_prefix_it_was() -> None:
    ipv4, broadcast = bytes((192, 168, 190, 175)), bytes((192, 168, 190, 255))

    assert (23, 24) == addresses.fitting_prefixes(unhex("00af"), ipv4, 1740)
    assert (24,) == addresses.fitting_prefixes(unhex("00af"), ipv4, 1740, broadcast)


def test_an_address_lie_is_a_mismatch() -> None:
    ipv4 = bytes((192, 168, 190, 175))

    assert () == addresses.fitting_prefixes(unhex("03af"), ipv4, 1740)
    assert addresses.fitting_prefixes(unhex("03af"), ipv4, 1743)
    assert () == addresses.fitting_prefixes(unhex("00ae"), ipv4, 1740)


@given(st.integers(0, 2**32 - 1), st.integers(1740, 1743), st.integers(0, 32))
def test_every_address_agrees_with_where_it_comes_from(ip: int, port: int, prefix: int) -> None:
    ipv4 = ip.to_bytes(4, "big")
    address = addresses.encode(ipv4, port, prefix)

    assert prefix in addresses.fitting_prefixes(address, ipv4, port)
    assert (ipv4, port) == addresses.decode(address, ipv4, prefix)


@given(st.binary(min_size=1, max_size=15).map(lambda half: half * 2))
def test_an_address_is_read_back_from_its_text(address: bytes) -> None:
    assert address == addresses.parse(addresses.text(address))


@pytest.mark.parametrize("text", ["", "00A", "00AG", "00AF" * 16])
def test_what_is_no_address_is_none(text: str) -> None:
    assert addresses.parse(text) is None
