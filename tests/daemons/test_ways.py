"""One recorder with two ways, or two with one id: what their packets show."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support import reftek

from portbook.daemons.sources.ways import RUN, SURE, Likeness, Ways

EVENT = reftek.event(seconds=60)
TWIN = reftek.event(seconds=60, number=9)
OTHER = [one[:-1] + bytes((one[-1] ^ 1,)) for one in EVENT]


def test_equal_packets_of_two_addresses_are_one_recorder_soon() -> None:
    ways = Ways()
    for at in range(SURE):
        assert ways.likeness is Likeness.OPEN
        assert ways.took(EVENT[at], "a", "unit", "unit") == "unit"
        assert ways.took(EVENT[at], "b", "unit", "b") == "unit"
    assert ways.likeness is Likeness.ONE


def test_repetitions_of_one_address_show_nothing() -> None:
    ways = Ways()
    for octets in EVENT[:10] * 10:
        ways.took(octets, "a", "unit", "unit")

    assert ways.likeness is Likeness.OPEN


def test_other_data_of_the_same_numbers_are_two_at_once_and_keep_apart() -> None:
    ways = Ways()
    ways.took(EVENT[0], "a", "unit", "unit")

    assert ways.took(OTHER[0], "b", "unit", "b") == "b"

    ways.took(EVENT[1], "a", "unit", "unit")
    ways.took(OTHER[1], "b", "unit", "b")

    assert ways.likeness is Likeness.TWO
    assert ways.took(OTHER[2], "b", "unit", "b") == "b"


def test_packets_that_are_never_equal_are_two_after_a_while() -> None:
    ways = Ways()
    for one, other in zip(EVENT[: RUN // 2], TWIN, strict=False):
        assert ways.likeness is Likeness.OPEN
        ways.took(one, "a", "unit", "unit")
        ways.took(other, "b", "unit", "b")

    assert ways.likeness is Likeness.TWO
    assert ways.took(TWIN[RUN], "b", "unit", "b") == "b"
    assert ways.took(EVENT[RUN], "a", "unit", "unit") == "unit"


def test_one_recorder_stays_one_while_a_way_sends_what_nobody_remembers() -> None:
    ways = Ways()
    for at in range(10):
        for address in "ab":
            ways.took(EVENT[at], address, "unit", address)
    for octets in reftek.event(seconds=200, number=3):  # from before, by the second way alone
        ways.took(octets, "b", "unit", "b")

    assert ways.likeness is Likeness.ONE


def test_one_recorder_whose_id_another_one_takes_up_becomes_two() -> None:
    ways = Ways()
    for at in range(RUN):
        for address in "ab":
            ways.took(EVENT[at], address, "unit", address)
    for at in range(RUN, 2 * RUN):
        ways.took(EVENT[at], "a", "unit", "a")
        ways.took(OTHER[at], "b", "unit", "b")

    assert ways.likeness is Likeness.TWO


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abc"), st.binary(max_size=40))))
def test_anything_gets_a_lane_and_a_copy_the_one_of_its_first(
    every: list[tuple[int, str, bytes]],
) -> None:
    ways, first = Ways(), dict[bytes, str]()
    for at, address, odd in every[:100]:
        octets = EVENT[at][:20] + odd
        lane = ways.took(octets, address, "unit", address)

        assert lane in ("unit", address, first.get(octets))
        assert first.setdefault(octets, lane) == lane
