"""Check sums against their published check values and against frames from the field."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portbook.protocols.checks import ccitt, crc16


def test_the_published_check_values_come_out() -> None:
    assert 0x4B37 == crc16(b"123456789")
    assert 0xBB3D == crc16(b"123456789", start=0)
    assert 0x29B1 == ccitt(b"123456789")


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_a_sum_can_be_carried_on(first: bytes, second: bytes) -> None:
    assert crc16(first + second) == crc16(second, start=crc16(first))
    assert ccitt(first + second) == ccitt(second, start=ccitt(first))


@given(st.binary(max_size=40))
def test_octets_with_their_own_sum_leave_nothing(octets: bytes) -> None:
    assert crc16(octets + crc16(octets).to_bytes(2, "little")) == 0
    assert ccitt(octets + ccitt(octets).to_bytes(2, "big")) == 0
