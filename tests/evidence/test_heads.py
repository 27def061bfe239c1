"""The first octets of each direction: TCP by sequence number, datagrams joined."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.reading import (
    KINDS,
    Make,
    count,
    maker,
    needs_compiled,
    one,
    tcp_frame,
    udp_frame,
)

from portbook.evidence.table import DATAGRAM_OCTETS, DATAGRAMS, HEAD_OCTETS, MORE_OCTETS, Row
from portbook.protocols.prefilter import Row as Signature

SYN, ACK = 0x02, 0x10
BOTH = ("plain", "compiled")
HIT = (Signature(6, 0, 2, 0xFFFF, 0x4141, 3), Signature(17, 0, 2, 0xFFFF, 0x4141, 4))

TALK = (*HIT, Signature(17, 0, 2, 0xFFFF, 0x4D4D, 1, many=True))


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Make:
    return maker(request.param)


def row(make: Make, *octets: bytes, signatures: tuple[Signature, ...] = ()) -> Row:
    table = make(signatures)
    count(table, *octets)
    return one(table)


def test_segments_out_of_order_are_put_in_order(make: Make) -> None:
    told = row(
        make,
        tcp_frame(sequence=99, flags=SYN),
        tcp_frame(b"third", sequence=110),
        tcp_frame(b"first", sequence=100),
        tcp_frame(b"2cond", sequence=105),
    )

    assert b"first2condthird" == told.head_ab
    assert ((5, 5), (5, 5), (5, 5)) == told.pieces_ab
    assert told.started_ab
    assert 15 == told.payload_ab


def test_what_comes_again_is_no_new_piece_and_changes_nothing(make: Make) -> None:
    told = row(
        make,
        tcp_frame(b"hello", sequence=100),
        tcp_frame(b"HELLO", sequence=100),
        tcp_frame(b"LO, you", sequence=103),
    )

    assert b"hello, you" == told.head_ab
    assert ((5, 5), (5, 5)) == told.pieces_ab
    assert not told.started_ab


def test_a_keep_alive_with_an_octet_of_garbage_is_not_payload(make: Make) -> None:
    told = row(
        make,
        tcp_frame(back=True, acknowledged=100),
        tcp_frame(b"\0", sequence=99),
        tcp_frame(b"hello", sequence=100),
        tcp_frame(b"\0", sequence=104),
    )

    assert b"hello" == told.head_ba  # the acknowledgement came first


def test_a_sequence_number_may_wrap(make: Make) -> None:
    told = row(
        make,
        tcp_frame(sequence=0xFFFFFFFC, flags=SYN),
        tcp_frame(b"567", sequence=2),
        tcp_frame(b"01234", sequence=0xFFFFFFFD),
    )

    assert b"01234567" == told.head_ab
    assert told.started_ab


def test_the_head_ends_at_a_gap_and_so_do_the_pieces(make: Make) -> None:
    told = row(make, tcp_frame(b"abc", sequence=10), tcp_frame(b"xyz", sequence=20))

    assert b"abc" == told.head_ab
    assert ((3, 3),) == told.pieces_ab


def test_data_on_a_syn_stands_behind_it(make: Make) -> None:
    told = row(
        make,
        tcp_frame(b"early", sequence=100, flags=SYN),
        tcp_frame(b"late", sequence=106),
    )

    assert b"earlylate" == told.head_ab
    assert 1 == told.syn


def test_a_stream_whose_sender_did_not_count_the_syn_is_read_from_its_first_octet(
    make: Make,
) -> None:
    told = row(make, tcp_frame(sequence=0, flags=SYN), tcp_frame(b"hello", sequence=0))

    assert b"hello" == told.head_ab


def test_a_new_stream_between_the_same_ports_keeps_counting_in_the_same_row(make: Make) -> None:
    told = row(
        make,
        tcp_frame(sequence=99, flags=SYN),
        tcp_frame(b"old", sequence=100),
        tcp_frame(sequence=70000, flags=SYN),
        tcp_frame(b"new", sequence=70001),
    )

    assert b"old" == told.head_ab
    assert 4 == told.packets_ab
    assert 6 == told.payload_ab


def test_the_syns_of_both_sides_are_told_apart(make: Make) -> None:
    told = row(
        make,
        tcp_frame(sequence=1, flags=SYN | ACK, back=True),
        tcp_frame(sequence=1, flags=SYN),
    )

    assert 4 | 2 == told.syn
    assert told.started_ab
    assert told.started_ba


def test_lengths_are_true_where_the_head_is_full(make: Make) -> None:
    told = row(
        make,
        tcp_frame(b"a" * 100, sequence=0),
        tcp_frame(b"b" * 100, sequence=100),
        tcp_frame(b"c" * 100, sequence=200),
    )

    assert b"a" * 100 + b"b" * 28 == told.head_ab
    assert ((100, 100), (100, 28), (100, 0)) == told.pieces_ab


def test_datagrams_are_joined_up_to_the_fourth(make: Make) -> None:
    told = row(make, *(udp_frame(bytes((number,)) * 3) for number in range(6)))

    assert b"\0\0\0\1\1\1\2\2\2\3\3\3" == told.head_ab
    assert ((3, 3),) * 4 == told.pieces_ab
    assert 18 == told.payload_ab


def test_a_protocol_that_asks_for_it_gets_more_datagrams(make: Make) -> None:
    frames = [udp_frame(b"MM" + bytes((at,)) * at) for at in range(DATAGRAMS + 8)]
    told = row(make, *frames, signatures=TALK)

    assert tuple((2 + at, 2 + at) for at in range(DATAGRAMS)) == told.pieces_ab
    assert b"".join(b"MM" + bytes((at,)) * at for at in range(DATAGRAMS)) == told.head_ab


def test_the_answers_to_what_asks_for_it_are_kept_as_well(make: Make) -> None:
    frames = [udp_frame(b"MM"), *(udp_frame(b"answer", back=True) for _ in range(9))]
    told = row(make, *frames, signatures=TALK)

    assert ((6, 6),) * 9 == told.pieces_ba


def test_more_datagrams_need_a_block_of_the_pool(make: Make) -> None:
    table = make(TALK, pool_octets=0)
    count(table, *(udp_frame(b"MM") for _ in range(9)))

    assert ((2, 2),) * 4 == one(table).pieces_ab


def test_more_datagrams_end_where_their_place_begins(make: Make) -> None:
    frames = [udp_frame(b"MM" + bytes((at,)) * 1400) for at in range(20)]
    told = row(make, *frames, signatures=TALK)

    assert DATAGRAM_OCTETS == len(told.head_ab)
    assert b"MM" + bytes(1400) + b"MM" + b"\1" * 1400 == told.head_ab[:2804]
    assert ((1402, 1402),) * 11 + ((1402, DATAGRAM_OCTETS - 11 * 1402),) == told.pieces_ab[:12]
    assert {(1402, 0)} == set(told.pieces_ab[12:])


def test_a_block_that_is_given_back_leaves_the_first_four_datagrams(make: Make) -> None:
    table = make(TALK)
    frames = [udp_frame(b"MM" + bytes((at,))) for at in range(9)]
    count(table, *frames)
    table.release()
    count(table, *frames)

    assert ((3, 3),) * 4 == one(table).pieces_ab
    assert b"MM\0MM\1MM\2MM\3" == one(table).head_ab


def test_those_with_a_longer_head_are_told_apart(make: Make) -> None:
    table = make(HIT, pool_octets=2 * MORE_OCTETS)
    told = (b"zz", b"AA", b"zz", b"AA", b"AA")  # for the last one the pool is empty
    count(table, *(udp_frame(text + bytes(200), 9000 + at) for at, text in enumerate(told)))

    assert [9001, 9003] == [max(row.a_port, row.b_port) for row in table.young()]
    assert list(table.young()) == [row for row in table.rows() if len(row.head_ab) > HEAD_OCTETS]
    table.release()
    assert [] == list(table.young())


def test_short_heads_take_no_block_however_promising(make: Make) -> None:
    table = make(TALK, pool_octets=MORE_OCTETS)
    for port in range(9000, 9020):
        count(table, *(udp_frame(b"MM" + bytes(12), port) for _ in range(4)))
        count(table, *(tcp_frame(b"AA" * 16, sequence=32 * at, ports=(port, 1)) for at in range(4)))

    assert not table.starved
    assert [] == list(table.young())
    assert {b"MM" + bytes(12), b"AA" * 7} == {row.head_ab[:14] for row in table.rows()}


def test_a_head_gets_its_block_when_a_later_payload_needs_it(make: Make) -> None:
    count(table := make(HIT, pool_octets=MORE_OCTETS), udp_frame(b"AA" + bytes(98)))
    assert not list(table.young())
    count(table, udp_frame(b"\1" * 28))
    assert not list(table.young())
    count(table, udp_frame(b"\2"))

    assert b"AA" + bytes(98) + b"\1" * 28 + b"\2" == one(table).head_ab
    assert [one(table)] == list(table.young())


def test_a_block_takes_what_waits_behind_a_gap(make: Make) -> None:
    told = row(
        make,
        tcp_frame(b"AA" + bytes(78), sequence=0),
        tcp_frame(b"\2" * 20, sequence=100),
        tcp_frame(b"\4" * 900, sequence=400),
        tcp_frame(b"\1" * 20, sequence=80),
        tcp_frame(b"\3" * 280, sequence=120),
        signatures=HIT,
    )

    parts = (b"AA" + bytes(78), b"\1" * 20, b"\2" * 20, b"\3" * 280, b"\4" * 900)
    assert b"".join(parts) == told.head_ab


def test_a_payload_too_far_for_any_block_takes_none(make: Make) -> None:
    table = make(HIT, pool_octets=MORE_OCTETS)
    count(table, tcp_frame(b"AA", sequence=0), tcp_frame(b"far", sequence=MORE_OCTETS))
    assert not list(table.young())
    count(table, tcp_frame(b"z" * 1000, sequence=2))

    assert b"AA" + b"z" * 1000 == one(table).head_ab


def test_four_short_payloads_are_not_all_of_a_promising_stream(make: Make) -> None:
    frames = (tcp_frame(b"A" * 32, sequence=32 * at) for at in range(8))
    told = row(make, *frames, signatures=HIT)

    assert b"A" * 256 == told.head_ab
    assert ((32, 32),) * 4 == told.pieces_ab


def test_a_head_that_found_no_block_ends_as_a_short_one(make: Make) -> None:
    table = make(HIT, pool_octets=0)
    count(table, *(tcp_frame(b"A" * 50, sequence=50 * at) for at in range(8)))

    assert b"A" * 128 == one(table).head_ab
    assert ((50, 50), (50, 50), (50, 28), (50, 0)) == one(table).pieces_ab
    assert table.starved


def test_those_that_are_left_keep_their_blocks_when_others_are_closed(make: Make) -> None:
    table = make(HIT, pool_octets=4 * MORE_OCTETS)
    for at, size in enumerate((10, 500, 10, 500, 500, 10)):
        frame = udp_frame(b"AA" + bytes(size), 9000 + at)
        table.frame(frame, 1, at if at != 1 else 7, len(frame))
    table.close(4)  # all but those of 9005 and 9001, whose packet is the last

    assert [9001] == [max(row.a_port, row.b_port) for row in table.young()]
    count(table, *(udp_frame(b"AA" + bytes(500), 9100 + at) for at in range(3)))
    assert [9001, 9100, 9101, 9102] == [max(row.a_port, row.b_port) for row in table.young()]


PART = st.tuples(
    st.booleans(),
    st.sampled_from([0, 0, 1, 32, 90, 128, 300, 16380, 16384, 70000]),  # further than the last
    st.sampled_from([1, 2, 30, 32, 127, 129, 1400]),
    st.sampled_from(["", "", "", "give back", "close"]),
)


@needs_compiled
@settings(max_examples=150, deadline=None)
@given(st.lists(PART, max_size=40), st.integers(0, 3), st.sampled_from([b"A", b"Az", b"z"]))
def test_both_readers_keep_the_same_of_streams(
    parts: list[tuple[bool, int, int, str]], blocks: int, pattern: bytes
) -> None:
    told = []
    for kind in BOTH:
        table = maker(kind)(HIT, pool_octets=blocks * MORE_OCTETS)
        closed: list[Row] = []
        at = [0, 0]
        for number, (back, further, size, then) in enumerate(parts):
            start = at[back] + further if number % 3 else max(0, at[back] - further)
            octets = (pattern * (start + size))[start : start + size]
            count(table, tcp_frame(octets, sequence=start, back=back, flags=ACK))
            at[back] = max(at[back], start + size) if further < 300 else at[back]
            if then == "give back":
                table.release()
            elif then == "close":
                closed += table.close(1)
        told.append((closed, list(table.rows()), list(table.young()), table.starved))

    assert told[0] == told[1]


DONE = st.sampled_from(["MM", "AA", "zz", "", "give back", "close"])


@needs_compiled
@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(DONE, st.booleans(), st.integers(1, 3), st.sampled_from([0, 1, 130, 1400])),
        max_size=80,
    ),
    st.integers(0, 4),
)
def test_both_readers_keep_the_same_datagrams(
    steps: list[tuple[str, bool, int, int]], blocks: int
) -> None:
    tables = [maker(kind)(TALK, pool_octets=blocks * MORE_OCTETS) for kind in BOTH]
    told = []
    for table in tables:
        closed: list[Row] = []
        for what, back, port, size in steps:
            if what == "give back":
                table.release()
            elif what == "close":
                closed += table.close(1)
            else:
                frame = udp_frame(what.encode() + bytes(size), port, back=back)
                table.frame(frame, 1, 0, len(frame))
        told.append((closed, list(table.rows()), list(table.young()), table.starved))

    assert told[0] == told[1]


def test_an_empty_datagram_is_no_piece(make: Make) -> None:
    told = row(make, udp_frame(b""), udp_frame(b"x"))

    assert ((1, 1),) == told.pieces_ab


def test_a_frame_cut_by_the_capture_keeps_its_true_length(make: Make) -> None:
    table = make()
    frame = udp_frame(b"x" * 100)
    table.frame(frame[:60], 1, 0, len(frame))

    assert ((100, 18),) == one(table).pieces_ab
    assert len(frame) == one(table).octets_ab
    assert 1 == table.counts().cut


def test_a_hit_of_the_prefilter_keeps_more_of_both_directions(make: Make) -> None:
    told = row(
        make,
        tcp_frame(b"AA" + b"q" * 1000, sequence=0),
        tcp_frame(b"z" * 1000, sequence=0, back=True),
        tcp_frame(b"q" * 20, sequence=1002),
        signatures=HIT,
    )

    assert 1022 == len(told.head_ab)
    assert 1000 == len(told.head_ba)
    assert 8 == told.candidates


def test_a_pool_that_is_empty_says_so_and_gets_its_blocks_back(make: Make) -> None:
    table = make(HIT, pool_octets=MORE_OCTETS)
    count(table, udp_frame(b"AA" + b"x" * 500, 1), udp_frame(b"AA" + b"x" * 500, 2))
    assert table.starved
    assert [502, 128] == [len(row.head_ab) for row in table.rows()]

    table.release()

    assert not table.starved
    assert [128, 128] == [len(row.head_ab) for row in table.rows()]
    count(table, udp_frame(b"AA" + b"x" * 500, 3), udp_frame(b"more", 1))
    assert [128, 128, 502] == [len(row.head_ab) for row in table.rows()]


def test_a_pool_is_starved_before_somebody_has_to_go_without(make: Make) -> None:
    table = make(HIT, pool_octets=2 * MORE_OCTETS)
    count(table, udp_frame(b"AA" + b"x" * 500, 1))
    assert not table.starved
    count(table, udp_frame(b"AA" + b"x" * 500, 2))

    assert table.starved
    assert [502, 502] == [len(row.head_ab) for row in table.rows()]


def test_a_closed_conversation_gives_its_block_back(make: Make) -> None:
    table = make(HIT, pool_octets=2 * MORE_OCTETS)  # with the last one it would be starved
    count(table, udp_frame(b"AA" + b"x" * 500, 1))
    (closed,) = table.close(1)
    count(table, udp_frame(b"AA" + b"y" * 500, 2))

    assert 502 == len(closed.head_ab)
    assert b"AA" + b"y" * 500 == one(table).head_ab
    assert not table.starved


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 0xFFFFFFFF), st.integers(1, 300), st.randoms(use_true_random=False))
def test_a_stream_in_any_order_with_repeats_gives_its_start_or_a_prefix_of_it(
    kind: str, base: int, size: int, chance: random.Random
) -> None:
    stream = bytes(chance.randrange(256) for _ in range(size))
    cuts = sorted({0, size, *(chance.randrange(size) for _ in range(5))})
    parts = [(low, stream[low:high]) for low, high in pairwise(cuts)]
    sent = parts + chance.sample(parts, len(parts) // 2)
    chance.shuffle(sent)
    table = maker(kind)()
    syn = tcp_frame(sequence=(base - 1) % (1 << 32), flags=SYN)
    count(table, syn, *(tcp_frame(part, sequence=base + low) for low, part in sent))

    told = one(table)

    assert stream[: len(told.head_ab)] == told.head_ab
    if len(parts) <= 4:
        assert min(size, HEAD_OCTETS) == len(told.head_ab)
        assert [len(part) for _, part in parts] == [length for length, _ in told.pieces_ab]
