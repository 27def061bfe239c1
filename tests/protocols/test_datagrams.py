"""Which datagrams are judged when a head was cut."""

from __future__ import annotations

from support.examples import unhex

from portbook.ports import Transport
from portbook.protocols import Payload, Side, identify
from portbook.protocols.datagrams import judged

ASKED = unhex("032c0100000100000000000003626f78056669616e6505696e7472610000010001")
WHOLE = len(ASKED)


def test_the_first_counts_always_and_later_ones_when_they_are_whole() -> None:
    side = Side(b"aabbc", ((9, 2), (2, 2), (7, 1), (4, 0)), 22)

    assert [(b"aa", 9), (b"bb", 2)] == judged(side)
    assert [] == judged(Side())


def test_a_stump_behind_whole_messages_does_not_unname_them() -> None:
    stump = Side(ASKED + ASKED[:9], ((WHOLE, WHOLE), (WHOLE, 9), (WHOLE, 0)), 3 * WHOLE)
    told = identify(Payload(Transport.UDP, stump))

    assert told is not None
    assert "dns" == told.protocol


def test_a_whole_message_of_something_else_does() -> None:
    assert identify(Payload.of(Transport.UDP, (ASKED, b"\xff" * 40))) is None
