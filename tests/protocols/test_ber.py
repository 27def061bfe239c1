"""BER: lengths that lie, elements that fill another one, object identifiers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.protocols import ber


def test_elements_that_fill_a_sequence_are_given() -> None:
    octets = b"\x30\x06\x02\x01\x05\x04\x01a"
    outer = ber.item(octets, 0, len(octets), ber.SEQUENCE)

    assert outer is not None
    assert [b"\x05", b"a"] == [one.of(octets) for one in ber.items(octets, outer) or ()]


@pytest.mark.parametrize(
    "octets",
    [b"", b"\x30", b"\x30\x01", b"\x30\x80", b"\x30\x85\0\0\0\0\0", b"\x30\x82\x01", b"\x1f\x01\0"],
)
def test_what_is_no_element_is_none(octets: bytes) -> None:
    assert ber.item(octets, 0, len(octets)) is None


def test_an_element_that_does_not_fill_its_sequence_is_refused() -> None:
    octets = b"\x30\x04\x02\x01\x05\x04"
    outer = ber.item(octets, 0, len(octets))

    assert outer is not None
    assert ber.items(octets, outer) is None
    assert 1 == len(list(ber.walk(octets, outer)))


@pytest.mark.parametrize(
    ("octets", "arcs"),
    [
        (bytes.fromhex("2b06010401a279"), (1, 3, 6, 1, 4, 1, 4473)),
        (bytes.fromhex("550403"), (2, 5, 4, 3)),
        (bytes.fromhex("883703"), (2, 999, 3)),
        (b"\x2b\x86", None),
        (b"", None),
        (b"\x01" * 200, None),
    ],
)
def test_an_object_identifier_is_read(octets: bytes, arcs: tuple[int, ...] | None) -> None:
    assert arcs == ber.oid(octets)


def test_integers_are_signed() -> None:
    assert (-1, 128, None, None) == (
        ber.integer(b"\xff"),
        ber.integer(b"\x00\x80"),
        ber.integer(b""),
        ber.integer(bytes(10)),
    )


@given(st.binary(max_size=60), st.integers(-2, 70), st.integers(-2, 70))
def test_an_element_lies_inside_what_was_given(octets: bytes, at: int, end: int) -> None:
    found = ber.item(octets, at, end)

    assert found is None or 0 <= at < found.start <= found.end <= min(end, len(octets))
