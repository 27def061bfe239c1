"""Links go on where they were, though the segments of their packets are gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.spooling import RECORD, TOKEN, arrival, everything, put, spool_of

from portbook.seismic.spool import Mode


def test_a_link_goes_on_where_it_was_though_its_segments_are_gone(tmp_path: Path) -> None:
    unit = 0x9D20
    with spool_of(tmp_path, segment_octets=10 * RECORD) as spool:
        for _ in range(5):
            put(spool, 10)
        other = arrival(1)._replace(mode=Mode.LINK, token=9, link_sequence=(1 << 32) - 1)
        spool.write([other])

        assert {(unit, TOKEN): 49, (unit, 9): 0} == spool.links()

        spool.write([other._replace(link_sequence=5), other._replace(link_sequence=2)])
        expected = {(unit, TOKEN): 49, (unit, 9): 6}

        assert expected == spool.links()

        put(spool, 10)
        spool.release(1 << 40, 0)

        assert 53 == everything(tmp_path)[0].number
    with spool_of(tmp_path) as spool:
        assert (9, 6) in [(token, at) for (_, token), at in spool.links().items()]
        assert {(unit, TOKEN): 61, (unit, 9): 6} == spool.links()


def test_a_saved_table_of_links_that_is_damaged_is_not_believed(tmp_path: Path) -> None:
    with spool_of(tmp_path, segment_octets=10 * RECORD) as spool:
        put(spool, 10)
        put(spool, 10)
        spool.sync()
        expected = spool.links()
    saved = tmp_path / "links"
    octets = saved.read_bytes()
    for damaged in (octets[:-1], octets[:5], b"", octets[:-1] + b"\xee"):
        saved.write_bytes(damaged)
        with spool_of(tmp_path) as spool:
            assert expected == spool.links()


def test_links_without_number_take_no_memory_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portbook.seismic.spool_links.MOST", 8)
    with spool_of(tmp_path) as spool:
        spool.write([arrival(0)._replace(token=token) for token in range(100)])

        assert [(0x9D20, token) for token in range(92, 100)] == list(spool.links())
