"""Makers of network cards."""

from __future__ import annotations

from portbook.protocols.hardware import MAKERS, maker


def test_a_card_of_opto_22_is_known_in_either_case() -> None:
    assert "Opto 22" == maker("00:a0:3d:01:1f:3e") == maker("00:A0:3D:01:1F:3E")


def test_an_unknown_or_empty_address_has_no_maker() -> None:
    assert maker("02:00:00:00:00:01") is None
    assert maker("") is None


def test_every_prefix_has_the_form_that_is_looked_up() -> None:
    for prefix in MAKERS:
        assert 8 == len(prefix)
        assert 3 == len(bytes.fromhex(prefix.replace(":", "")))
        assert prefix == prefix.lower()
