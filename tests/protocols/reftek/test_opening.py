"""What a connection to 2543 is by its first octets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.protocols.reftek.opening import Opening, opening
from portbook.protocols.reftek.packets import TYPES


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        ("000100000000", Opening.CLIENT),
        ("000200000000 000b", Opening.CLIENT),
        ("0001000000", None),
        ("000100000006", Opening.FOREIGN),  # Modbus/TCP, transaction 1
        ("000117e8", Opening.FOREIGN),  # CODESYS over TCP
        ("000300000000", Opening.FOREIGN),
        ("4454", Opening.STREAM),
        ("44", None),
        ("4458", Opening.FOREIGN),
        ("00", None),
        ("", None),
        ("474554202f", Opening.FOREIGN),  # HTTP
    ],
)
def test_six_octets_make_a_client_and_two_letters_a_stream(
    octets: str, what: Opening | None
) -> None:
    assert what is opening(bytes.fromhex(octets))


@pytest.mark.parametrize("kind", TYPES)
def test_each_type_begins_a_stream(kind: str) -> None:
    assert Opening.STREAM is opening(kind.encode())


@given(st.binary(max_size=12))
def test_six_octets_are_always_enough(octets: bytes) -> None:
    what = opening(octets)

    assert what is not None or len(octets) < 6
    if what is not None:  # and what was said once stays
        assert what is opening(octets + b"\0")
