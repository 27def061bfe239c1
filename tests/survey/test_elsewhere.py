"""Answers to one host get the name of the question that a group was asked, and no others do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import CAPTURES, needs_captures
from support.knowing import NOW_NS, knowledge
from support.rows import TCP, UDP, row

from portbook.evidence.conversations import Observed, records
from portbook.evidence.table import Row
from portbook.protocols.prefilter import prefilter
from portbook.records import Confidence
from portbook.survey import traffic
from portbook.survey.elsewhere import MOST, joined
from portbook.survey.naming import Named, named

CLAIMS = knowledge().claims
SECOND = 1_000_000_000
NAME = b"\x03SCV\x00\x00\x01\x00\x01"
HEAD = b"\x9f\xa9\0\0\0\1\0\0\0\0\0\0"
ASKED = HEAD + NAME
# it-windows-198conversations.pcap: question and answer of LLMNR
ANSWER = b"\x9f\xa9\x80\0\0\1\0\1\0\0\0\0" + NAME + NAME + bytes.fromhex("0000001e0004c0a8c701")
LOCAL = b"\x03hmi\x05local\x00\x00\x01\x00\x01"
SERVED = b"\x03hmi\x05local\x00\x00\x01\x80\x01" + bytes.fromhex("000000780004c0a8c701")
HOST, OTHER, GROUP = "192.168.199.133", "192.168.199.1", "224.0.0.252"


def names(*made: Row) -> list[Named]:
    def bits(one: Row) -> int:
        return prefilter().bits(one.transport, one.head_ab) | prefilter().bits(
            one.transport, one.head_ba
        )

    seen: list[Observed] = list(
        records((one._replace(candidates=bits(one)) for one in made), "own.pcap")
    )
    return joined(list(named(seen, CLAIMS, {})))


def question(
    octets: bytes = ASKED, host: str = HOST, port: int = 51385, to: str = GROUP, at: int = SECOND
) -> Row:
    return row(UDP, host, port, to, 4711, to_b=(octets,), times=(at,))


def answer(
    octets: bytes = ANSWER, host: str = HOST, port: int = 51385, at: int = SECOND + 1000
) -> Row:
    return row(UDP, OTHER, 4711, host, port, to_b=(octets,), times=(at,))


def test_an_answer_to_one_host_is_llmnr_when_that_host_asked_the_group() -> None:
    _, told = names(question(), answer())
    one = told.conversation

    assert ("llmnr", Confidence.CONFIRMED) == (one.protocol, one.confidence)
    assert (HOST, OTHER, "protocol") == (one.client, one.server, one.roles)
    assert "its receiver asked the group 224.0.0.252 for 'scv' from the same port" in one.because
    assert () == one.against
    assert {"asked": "SCV"} == dict(one.facts)
    assert told.identification is not None
    assert "llmnr" == told.identification.protocol


def test_the_order_of_conversations_does_not_matter() -> None:
    told, _ = names(answer(), question())

    assert "llmnr" == told.conversation.protocol


def test_a_question_by_ipv6_joins_as_well() -> None:
    asked = question(host="fe80::5", to="ff02::1:3")
    given_back = row(UDP, "fe80::9", 4711, "fe80::5", 51385, to_b=(ANSWER,), times=(SECOND + 9,))

    assert ["llmnr", "llmnr"] == [one.conversation.protocol for one in names(asked, given_back)]


@pytest.mark.parametrize(
    ("why", "asked", "answered"),
    [
        ("another port asked", question(port=51386), answer()),
        ("another host asked", question(host="192.168.199.7"), answer()),
        ("another number", question(b"\0\7" + ASKED[2:]), answer()),
        ("another name", question(ASKED.replace(b"SCV", b"SCW")), answer()),
        ("another type", question(HEAD + NAME[:5] + b"\0\x1c\0\1"), answer()),
        ("asked after the answer", question(at=2 * SECOND), answer()),
        ("asked long before", question(), answer(at=7 * SECOND)),
        ("another VLAN", question()._replace(vlan=7), answer()),
        ("asked of one host", row(UDP, HOST, 51385, OTHER, 53, to_b=(ASKED,)), answer()),
    ],
)
def test_what_was_not_asked_stays_dns_with_its_doubt(why: str, asked: Row, answered: Row) -> None:
    told = names(asked, answered)[1].conversation

    assert ("dns", Confidence.PLAUSIBLE) == (told.protocol, told.confidence), why
    assert told.against


def test_a_group_that_is_nobodys_gives_no_name() -> None:
    told = names(question(to="239.1.2.3"), answer())[1].conversation

    assert "dns" == told.protocol


def test_a_dns_exchange_keeps_its_name_whatever_was_asked_of_a_group() -> None:
    spoken = row(UDP, HOST, 51385, OTHER, 53, to_b=(ASKED,), to_a=(ANSWER,), times=(SECOND,))
    told = names(question(), spoken)[1].conversation

    assert ("dns", Confidence.CONFIRMED) == (told.protocol, told.confidence)


@pytest.mark.parametrize(
    ("asked", "given_back"),
    [
        # RFC 6762 section 6.7: number and question are given back to whoever is no full resolver
        (b"\0\5\0\0\0\1\0\0\0\0\0\0" + LOCAL, b"\0\5\x84\0\0\1\0\1\0\0\0\0" + LOCAL + SERVED),
        # section 5.4: who asks for it gets the answer alone, without number and question
        (
            bytes(4) + b"\0\1\0\0\0\0\0\0" + LOCAL[:-2] + b"\x80\1",
            b"\0\0\x84\0\0\0\0\1\0\0\0\0" + SERVED,
        ),
    ],
)
def test_multicast_dns_that_answers_one_host_is_mdns(asked: bytes, given_back: bytes) -> None:
    alone = names(answer(given_back))[0].conversation
    told = names(question(asked, to="224.0.0.251"), answer(given_back))[1].conversation

    assert ("dns", Confidence.PLAUSIBLE) == (alone.protocol, alone.confidence)
    assert ("mdns", Confidence.CONFIRMED) == (told.protocol, told.confidence)


def test_a_question_told_in_parts_counts_with_its_last_repetition() -> None:
    early, late = question(), question(at=9 * SECOND)
    told = names(late, early, answer(at=11 * SECOND))[2].conversation

    assert "llmnr" == told.protocol


def test_nothing_to_join_gives_back_the_same_list() -> None:
    seen = names(question(), row(TCP, to_b=(b"\0" * 40,), syn=9))

    assert seen is joined(seen)
    assert [] == joined([])


def test_a_flood_of_questions_is_held_to_a_bound() -> None:
    (one, told) = names(question(), answer())
    many = [
        one._replace(
            identification=one.identification
            and type(one.identification)(
                "llmnr",
                Confidence.CONFIRMED,
                (),
                ties=tuple(f"{number:04x} 1 flood" for number in range(at, at + 4096)),
            )
        )
        for at in range(0, MOST, 4096)
    ]
    loose = names(answer())

    assert "dns" == joined([*many, one, *loose])[-1].conversation.protocol
    assert "llmnr" == told.conversation.protocol


@given(st.binary(max_size=60), st.binary(max_size=80))
def test_hostile_octets_join_nothing_and_raise_nothing(asked: bytes, answered: bytes) -> None:
    seen = names(question(HEAD + asked), answer(HEAD[:2] + b"\x80\0\0\1\0\1\0\0\0\0" + answered))

    assert 2 == len(seen)


@pytest.mark.shared
@needs_captures
def test_all_answers_in_a_real_capture_are_llmnr() -> None:
    path = CAPTURES / "it-windows-198conversations.pcap"
    told = traffic.read([str(path)], knowledge(), now_ns=NOW_NS)
    answers = [one for one in told.conversations if 5355 in (one.client_port, one.server_port)]

    assert {("llmnr", Confidence.CONFIRMED)} == {(one.protocol, one.confidence) for one in answers}
    assert 20 == sum(one.cast == "unicast" for one in answers)
