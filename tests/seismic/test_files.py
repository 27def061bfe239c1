"""Packets are found in files that are cut, damaged, or of another instrument."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import CAPTURES, needs_captures
from support.recorded import C0, C2, PLAIN, SIZE, Recorder

from portbook.seismic.files import Piece, pieces

MADE = Recorder().event_of(4)


def found(octets: bytes, chunk: int | None = None) -> list[Piece]:
    """Return the pieces of a file that is given in parts of at most so many octets."""
    stream = io.BytesIO(octets)
    return list(pieces(lambda most: stream.read(min(most, chunk or most))))


def packets(octets: bytes, chunk: int | None = None) -> list[bytes]:
    return [one.packet.octets for one in found(octets, chunk) if one.packet]


@pytest.mark.parametrize("chunk", [None, 1024, 1000, 7, 5000])
def test_packets_in_a_row_are_found_however_they_are_read(chunk: int | None) -> None:
    pieces_ = found(b"".join(MADE), chunk)

    assert MADE == [one.packet.octets for one in pieces_ if one.packet]
    assert [at * SIZE for at in range(len(MADE))] == [one.offset for one in pieces_]


@pytest.mark.parametrize("left", [1, 5, 15, 16, 17, 500, 1023])
def test_a_file_cut_inside_a_packet_gives_those_before(left: int) -> None:
    *whole, last = found(b"".join(MADE) + C0[:left])

    assert MADE == [one.packet.octets for one in whole if one.packet]
    assert (len(MADE) * SIZE, left, None, True) == last


@given(st.binary(max_size=3000), st.integers(0, 14))
def test_foreign_octets_cost_no_packet(foreign: bytes, at: int) -> None:
    octets = b"".join(MADE[:at]) + foreign + b"".join(MADE[at:])
    told = found(octets)

    assert MADE == [one.packet.octets for one in told if one.packet]
    assert len(octets) == sum(one.octets for one in told)
    assert all(a.offset + a.octets == b.offset for a, b in pairwise(told))


@given(st.binary(max_size=4000), st.integers(1, 3000))
def test_every_octet_is_in_one_piece(octets: bytes, chunk: int) -> None:
    told = found(octets, chunk)

    assert len(octets) == sum(one.octets for one in told)


def test_foreign_octets_that_make_a_type_with_the_next_one_cost_no_packet() -> None:
    for foreign in (b"A", b"xC", b"xyE", b"DD", b"SHAD"):
        assert [C0, C2] == packets(C0 + foreign + C2)


def test_a_damaged_head_costs_one_packet() -> None:
    octets = bytearray(C0 + C2 + PLAIN)
    octets[SIZE + 6] = 0xFF
    told = found(bytes(octets))

    assert [C0, PLAIN] == [one.packet.octets for one in told if one.packet]
    assert [(SIZE, SIZE)] == [(one.offset, one.octets) for one in told if not one.packet]


def test_a_text_or_nothing_holds_no_packet() -> None:
    assert [] == found(b"")
    assert [] == packets(b"DT is a type, SH too. " * 500)


@needs_captures
def test_an_rt_125a_recording_holds_no_packet() -> None:
    octets = (CAPTURES / "reftek" / "I2183RAW.TRD").read_bytes()

    assert [] == packets(octets)
    assert [(0, len(octets))] == [(one.offset, one.octets) for one in found(octets)]
