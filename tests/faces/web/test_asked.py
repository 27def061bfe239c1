"""The query's words mean what the command line's do, and nothing else gets through."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import UsageError
from portbook.faces.web.asked import WORDS, asked, changed, plain
from portbook.ports import PortRange, Transport
from portbook.records import Level


def test_filters_are_the_command_lines_words() -> None:
    told = plain(
        "host=10.0.0.0/24&port=1740-1743/udp&protocol=modbus&level=warning&gone=1&text=a+b"
    )

    found = asked(told, now_ns=10**18)

    assert "10.0.0.0/24" == found.host
    assert (PortRange(1740, 1743),) == found.ports
    assert Transport.UDP is found.transport
    assert ("modbus", Level.WARNING, True, "a b") == (
        found.protocol,
        found.level,
        found.gone,
        found.text,
    )


def test_times_are_told_as_on_the_command_line() -> None:
    found = asked({"since": "2h", "until": "2026-11-21T08:00Z"}, now_ns=10**18)

    assert 10**18 - 7_200_000_000_000 == found.since_ns
    assert 1_795_248_000_000_000_000 == found.until_ns


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("host", "10.0.0.300"),
        ("port", "70000"),
        ("port", "1/tcp,2/udp"),
        ("transport", "icmp"),
        ("level", "loud"),
        ("since", "tomorrow-ish"),
        ("most", "0"),
        ("most", "²"),
        ("most", "99999999999999999999"),
        ("text", "x" * 300),
    ],
)
def test_a_word_that_cannot_be_is_told_by_its_name(word: str, value: str) -> None:
    with pytest.raises(UsageError):
        asked({word: value}, now_ns=10**18)


@given(st.text(max_size=400))
def test_no_query_does_more_than_say_what_is_wrong_with_it(query: str) -> None:
    told = plain(query)

    assert set(told) <= set(WORDS)
    with suppress(UsageError):
        asked(told, now_ns=10**18)


def test_a_query_of_thousands_of_words_is_not_read() -> None:
    assert {} == plain("&".join(["host=1"] * 3000))


def test_a_changed_word_leaves_the_others_and_gives_up_the_place_in_the_list() -> None:
    told = {"host": "10.0.0.1", "after": "mark", "order": "port"}

    query = changed(told, order="-port")

    assert {"host": "10.0.0.1", "order": "-port"} == dict(parse_qsl(query[1:]))
    assert "?" == changed({"gone": "1"}, gone=None)
    assert {"after": "next", "order": "port", "host": "10.0.0.1"} == dict(
        parse_qsl(changed(told, after="next")[1:])
    )
