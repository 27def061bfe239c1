"""The pool of longer heads is divided, so that shares keep what a table of all keeps."""

from __future__ import annotations

import pytest
from support.reading import KINDS, Make, count, maker, udp_frame

from portbook.evidence.pots import LEAST, LEFT, POTS, Pots
from portbook.evidence.table import HEAD_OCTETS, MORE_OCTETS, Row, Table
from portbook.protocols.prefilter import Row as Signature

SIGNATURE = (Signature(17, 0, 2, 0xFFFF, 0x4141, 4),)
POOL = POTS * LEAST * MORE_OCTETS
ASKING = 3 * POTS * LEAST  # conversations that want a block


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Make:
    return maker(request.param)


def test_a_large_pool_is_divided_evenly() -> None:
    pots = Pots((POTS * LEAST + 5) * MORE_OCTETS)
    taken = [sum(pots.take(pot) for _ in range(2 * LEAST)) for pot in range(pots.count)]

    assert POTS == pots.count
    assert [LEAST + 1] * 5 + [LEAST] * (POTS - 5) == taken


def test_a_small_pool_is_one_pot() -> None:
    assert 1 == Pots(0).count == Pots((POTS * LEAST - 1) * MORE_OCTETS).count


def test_a_pot_is_dry_before_the_last_block_is_gone() -> None:
    pots = Pots(2 * LEFT * MORE_OCTETS)
    for _ in range(2 * LEFT - 2 - 1):
        assert pots.take(0)
    assert not pots.starved
    assert pots.take(0)
    assert pots.starved


def test_blocks_that_are_given_back_fill_a_pot() -> None:
    pots = Pots(2 * MORE_OCTETS)
    assert [True, True, False] == [pots.take(0) for _ in range(3)]
    assert pots.starved
    pots.give(0)
    assert not pots.starved
    assert pots.take(0)


def test_nothing_is_taken_from_a_pool_of_nothing() -> None:
    pots = Pots(0)

    assert not pots.take(0)
    assert pots.starved
    pots.filled()
    assert not pots.starved


def test_only_what_is_dry_is_due_and_all_when_nothing_is() -> None:
    pots = Pots(POTS * LEAST * MORE_OCTETS)
    assert pots.due(3)
    while not pots.starved:
        pots.take(3)

    assert pots.due(3)
    assert not pots.due(4)


def kept(table: Table) -> list[Row]:
    """Read many conversations with long heads, giving blocks back whenever a pot is dry."""
    for at in range(ASKING):
        count(table, udp_frame(b"AA" + bytes(HEAD_OCTETS), 1000 + at, 53))
        if table.starved:
            assert 0 < len(list(table.young())) < ASKING // 2
            table.release()
            assert not table.starved
    return list(table.rows())


def test_a_share_keeps_what_a_table_of_all_keeps(make: Make) -> None:
    """That some lose their longer heads hangs on their own pot alone."""
    whole = kept(make(SIGNATURE, pool_octets=POOL))
    shares = [kept(make(SIGNATURE, pool_octets=POOL, part=(number, 3))) for number in range(3)]

    lengths = {len(row.head_ab) for row in whole}
    assert lengths == {HEAD_OCTETS, HEAD_OCTETS + 2}
    assert {row.a_port: row.head_ab for row in whole} == {
        row.a_port: row.head_ab for rows in shares for row in rows
    }


def test_without_need_all_blocks_are_given_back(make: Make) -> None:
    table = make(SIGNATURE, pool_octets=POOL)
    for at in range(50):
        count(table, udp_frame(b"AA" + bytes(HEAD_OCTETS), 1000 + at, 53))

    assert not table.starved
    assert 50 == len(list(table.young()))
    table.release()
    assert [] == list(table.young())
