"""Which datagrams are judged when a head was cut, and what later ones add."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
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


NAME_ANSWER = (  # sysDescr "UMTS Soft Switch", a real agent's
    "303802010104067075626c6963a22b02030458aa020100020100301e301c06082b06010201010100"
    "0410554d545320536f667420537769746368"
)
SYS_NAME = (  # the same with sysName
    "303802010104067075626c6963a22b02030458aa020100020100301e301c06082b06010201010500"
    "0410554d545320536f667420537769746368"
)
COUNTER = "302a02010104067075626c6963a21d02030458aa0201000201003010300e06082b060102010103004302047f"


def heard(*answers: str) -> Payload:
    return Payload.of(Transport.UDP, to_client=map(bytes.fromhex, answers))


def test_later_datagrams_add_what_they_tell() -> None:
    told = identify(heard(*[COUNTER] * 8, NAME_ANSWER, SYS_NAME))

    assert told is not None
    assert {"product": "UMTS Soft Switch", "name": "UMTS Soft Switch"} == told.server


def test_a_malformed_later_datagram_takes_nothing_away() -> None:
    broken = [COUNTER] * 5 + ["3081ff020101"] + [COUNTER] * 6 + [SYS_NAME]
    early, late = identify(heard(*[COUNTER] * 4)), identify(heard(*broken))

    assert early is not None
    assert late is not None
    assert (early.protocol, early.confidence, early.because) == (
        late.protocol,
        late.confidence,
        late.because,
    )
    assert {"name": "UMTS Soft Switch"} == late.server


def test_what_the_first_datagrams_are_not_the_later_ones_do_not_make_it() -> None:
    assert identify(heard("3081ff020101", *[COUNTER] * 9)) is None


@given(st.lists(st.sampled_from([COUNTER, NAME_ANSWER, SYS_NAME, "00", "3003020101"]), max_size=12))
def test_the_first_four_datagrams_alone_decide_what_it_is(answers: list[str]) -> None:
    early, late = identify(heard(*answers[:4])), identify(heard(*answers))

    assert (early is None) is (late is None)
    if early and late:
        assert early.protocol == late.protocol
        assert (early.server.items() <= late.server.items()) or len(answers) > 4
