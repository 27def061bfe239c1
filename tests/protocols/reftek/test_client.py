"""What a client of the server wants: the maker's rule, on packets of every kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.protocols.reftek.client import Wish
from portbook.protocols.reftek.packets import TYPES

UNIT = 0x91F5


def _packet(kind: str, stream: int = 0, unit: int = UNIT) -> bytes:
    head = kind.encode() + bytes.fromhex("0016") + unit.to_bytes(2, "big")
    head += bytes.fromhex("100065520000 1024 0000 0009") + bytes((stream // 10 << 4 | stream % 10,))
    return head.ljust(1024, b"\0")


SPEC, RESPONSE = (bytes((first,)).ljust(1024, b"\0") for first in (0x01, 0x85))
COMMANDS = [bytes((first,)).ljust(1024, b"\0") for first in (0x80, 0x84)]


@pytest.mark.parametrize("kind", TYPES)
def test_the_usual_wish_takes_every_known_packet(kind: str) -> None:
    assert Wish().wants(_packet(kind, stream=8))
    assert Wish().everything


def test_all_units_do_not_look_at_the_stream_mask() -> None:
    assert all(Wish(0, 0xFFFE, 0xFF).wants(_packet("DT", stream)) for stream in (0, 7, 8, 15))


def test_one_unit_with_the_usual_stream_mask_gets_no_auxiliary_data() -> None:
    wish = Wish(UNIT, 0xFFFE, 0xFF)

    assert [True, False, True, True] == [
        wish.wants(_packet(*one)) for one in (("DT", 7), ("DT", 8), ("EH", 8), ("ET", 8))
    ]
    assert Wish(UNIT, 0xFFFE, 0x1FF).wants(_packet("DT", 8))
    assert not wish.everything


def test_another_unit_does_not_pass_unless_the_mask_takes_all() -> None:
    other = _packet("DT", unit=0x9EEF)

    assert not Wish(UNIT).wants(other)
    assert Wish(UNIT, 0xFFFF).wants(other)
    assert Wish(UNIT, 0xFFFF).everything


def test_all_types_of_version_2_are_of_the_unit_that_is_named() -> None:
    other, aux = _packet("DT", unit=0x9EEF), _packet("DT", 8)

    assert not Wish(UNIT, 0x3FFFF).wants(other)
    assert not Wish(UNIT, 0x3FFFF).everything
    assert [False, True] == [Wish(UNIT, 0x3FFFF, streams).wants(aux) for streams in (0xFF, 0x1FF)]
    assert Wish(0, 0x3FFFF).everything
    assert Wish(0, 0x3FFFF).wants(b"ZZ".ljust(1024, b"\0"))


@pytest.mark.parametrize(
    ("kind", "bit"),
    [
        ("AD", 1),
        ("CD", 2),
        ("DS", 3),
        ("DT", 4),
        ("EH", 5),
        ("ET", 6),
        ("OM", 7),
        ("SH", 8),
        ("SC", 9),
        ("FD", 11),
    ],
)
def test_each_type_has_its_bit(kind: str, bit: int) -> None:
    assert Wish(UNIT, 1 << bit).wants(_packet(kind))
    assert not Wish(UNIT, 0xFFFF & ~(1 << bit)).wants(_packet(kind))


def test_responses_pass_by_their_own_bit_whatever_the_unit() -> None:
    assert Wish(UNIT, 0x0001).wants(SPEC)
    assert Wish(UNIT, 0x0001).wants(RESPONSE)
    assert not any(Wish().wants(one) for one in (SPEC, RESPONSE))
    assert all(Wish(0, 0x0400).wants(one) for one in COMMANDS)


def test_unknown_packets_pass_only_when_all_is_asked_for() -> None:
    unknown = b"ZZ".ljust(1024, b"\0")

    assert [False, True] == [Wish(0, mask).wants(unknown) for mask in (0xFFFE, 0xFFFF)]


@given(st.binary(max_size=40), st.integers(0, 0xFFFF), st.integers(0, 0x3FFFF))
def test_any_octets_can_be_asked_about(octets: bytes, unit: int, mask: int) -> None:
    assert Wish(unit, mask).wants(octets) in (True, False)
