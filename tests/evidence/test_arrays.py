"""The compiled reader's numbers: said once in Python, once for the compiler, and equal."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from portbook.evidence import arrays
from portbook.evidence.segments import Segment

LAYOUT = files("portbook.evidence").joinpath("_layout.pxd")


@pytest.mark.skipif(not LAYOUT.is_file(), reason="the compiler's declarations are not installed")
def test_the_compiler_knows_the_same_numbers() -> None:
    told = dict(re.findall(r"^    (\w+) = (\d+)$", LAYOUT.read_text(), re.MULTILINE))

    assert len(told) > 40
    assert {name: getattr(arrays, name) for name in told} == {
        name: int(number) for name, number in told.items()
    }


def test_a_key_tells_vlan_and_tunnel_apart() -> None:
    keys = {
        arrays.key(Segment(17, source, 1, source, 2, vlan, tunnel, b"", b"", False, 0, 0, 60))
        for source in (b"\x0a\0\0\1", b"\xfe" * 16)
        for vlan in (None, 0, 1, 4095)
        for tunnel in (None, "gre", "vxlan")
    }

    assert 2 * 4 * 3 == len(keys)


def test_a_store_grows_and_gives_rows_that_nobody_has() -> None:
    stores = arrays.Stores(0)
    taken = [stores.take("late") for _ in range(3000)]

    assert sorted(set(taken)) == list(range(3000))
    assert stores.room("late") >= 3000
    assert stores.take_block(0, 0) is None
    assert stores.starved
