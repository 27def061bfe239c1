"""Framing: messages walked to the exact end of what was kept, cut or joined in the middle."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portbook.ports import Transport
from portbook.protocols import Payload, Side
from portbook.protocols.framing import LIMIT, MORE, both, walk

TCP, UDP = Transport.TCP, Transport.UDP


def measure(octets: bytes, at: int) -> int | None:
    """A toy: "L", a length of one octet (the rest), the rest."""
    if octets[at : at + 1] != b"L":
        return None
    return 2 + octets[at + 1] if at + 1 < len(octets) else MORE


ONE, TWO = b"L\x02ab", b"L\x03xyz"


def test_messages_of_a_stream_go_over_segments() -> None:
    found = walk(Side.of(ONE + TWO[:2], TWO[2:]), TCP, measure)

    assert (ONE, TWO) == found.messages
    assert found.sound


def test_a_message_that_what_was_kept_cuts_says_nothing_against_it() -> None:
    found = walk(Side(ONE + TWO[:3], ((9, 7),), 9), TCP, measure)

    assert ((ONE,), TWO[:3], None) == (found.messages, found.cut, found.wrong)


def test_a_length_past_the_end_of_the_stream_is_wrong() -> None:
    found = walk(Side.of(ONE + b"L\x09abc"), TCP, measure)

    assert found.messages == (ONE,)
    assert found.wrong == "the last message is not finished: it begins at octet 4"


def test_octets_that_begin_no_message_end_the_walk() -> None:
    found = walk(Side.of(ONE + b"?" + TWO), TCP, measure)

    assert found.messages == (ONE,)
    assert found.wrong == "no message begins at octet 4"


def test_a_datagram_holds_whole_messages() -> None:
    assert walk(Side.of(ONE + TWO, ONE), UDP, measure).messages == (ONE, TWO, ONE)
    assert walk(Side.of(ONE + TWO[:3], TWO[3:]), UDP, measure).wrong


def test_a_cut_datagram_must_be_filled_to_its_true_end() -> None:
    fits = walk(Side(TWO[:3], ((5, 3),), 5), UDP, measure)
    lies = walk(Side(TWO[:3], ((9, 3),), 9), UDP, measure)

    assert (TWO[:3], None) == (fits.cut, fits.wrong)
    assert lies.wrong == "the length told ends at octet 5"


def test_a_cut_datagram_whose_kept_part_ends_with_a_message_is_wrong() -> None:
    assert walk(Side(ONE, ((9, 4),), 9), UDP, measure).wrong == "the datagram goes on after octet 4"


def test_a_stream_joined_in_the_middle_may_begin_with_the_rest_of_a_message() -> None:
    joined = Side.of(b"yz", ONE, TWO, started=False)

    found = walk(joined, TCP, measure)

    assert ((ONE, TWO), 1) == (found.messages, found.skipped)
    assert not walk(Side.of(b"yz", ONE), TCP, measure)


def test_the_octet_of_a_keep_alive_is_no_message() -> None:
    assert walk(Side.of(b"\0", started=False), TCP, measure) == walk(Side(), TCP, measure)
    assert walk(Side.of(b"\0"), TCP, measure).wrong


def test_a_flood_of_tiny_messages_is_bounded() -> None:
    assert len(walk(Side.of(b"L\0" * 1000), TCP, measure).messages) == LIMIT
    assert len(walk(Side.of(*[b"L\0" * 200] * 4), UDP, measure).messages) == LIMIT


def test_both_directions_are_walked() -> None:
    asked, answered = both(Payload.of(TCP, [ONE], [TWO]), measure)

    assert ((ONE,), (TWO,)) == (asked.messages, answered.messages)


@given(
    st.binary(max_size=60),
    st.lists(st.tuples(st.integers(0, 70), st.integers(0, 70)), max_size=4),
    st.integers(0, 200),
    st.booleans(),
    st.sampled_from((TCP, UDP)),
)
def test_messages_are_parts_of_what_was_kept_in_order(
    octets: bytes, pieces: list[tuple[int, int]], total: int, started: bool, transport: Transport
) -> None:
    found = walk(Side(octets, tuple(pieces), total, started), transport, measure)

    here = 0
    for message in found.messages:
        here = octets.index(message, here if transport is TCP else 0)
        assert len(message) == 2 + message[1]
