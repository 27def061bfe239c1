"""What goes one way is put together: by sender, destination and captures that go on."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rows import UDP, row

from portbook.evidence.conversations import records
from portbook.evidence.streams import FOLLOWS_NS, rounds, streams
from portbook.records import Conversation

SECOND = 1_000_000_000
NOON = 1_767_268_800 * SECOND


class Seen(NamedTuple):
    conversation: Conversation
    times: tuple[int, ...]


def _seen(
    capture: str,
    begin_s: float,
    end_s: float,
    *,
    site: str = "local",
    protocol: str | None = None,
    facts: dict[str, object] | None = None,
    group: str = "10.0.0.255",
) -> Seen:
    times = (NOON + round(begin_s * SECOND), NOON + round(end_s * SECOND))
    made = row(
        UDP, "10.0.0.5", 1740, group, 1740, packets=(2, 0), times=times, bursts=2, broadcast=True
    )
    (one,) = records([made], capture, site)
    told = msgspec.structs.replace(
        one.conversation,
        protocol=protocol,
        facts=facts or {},
        first_ns=times[0],
        last_ns=times[1],
    )
    return Seen(told, times)


def _leaders(*seen: Seen) -> list[tuple[str, list[str]]]:
    return sorted(
        (stream.capture, [member.capture for member in members])
        for stream, members in streams(seen).items()
    )


def test_captures_that_follow_one_another_go_on_in_any_order_of_reading() -> None:
    parts = [_seen("b", 130, 200), _seen("c", 200, 290), _seen("a", 0, 120)]

    assert [("a", ["b", "c", "a"])] == _leaders(*parts)


@pytest.mark.parametrize(
    ("begin_s", "together"),
    [
        (100, True),
        (100 + FOLLOWS_NS / SECOND, True),
        (101 + FOLLOWS_NS / SECOND, False),
        (99, False),  # both listened then: two places, or copies of one another
    ],
)
def test_captures_of_another_time_or_place_stay_apart(begin_s: float, together: bool) -> None:
    found = _leaders(_seen("a", 0, 100), _seen("b", begin_s, begin_s + 50))

    assert (1 if together else 2) == len(found)


def test_what_follows_two_captures_at_once_goes_on_with_neither() -> None:
    found = _leaders(_seen("a", 0, 200), _seen("b", 50, 150), _seen("c", 210, 300))

    assert ["a", "b", "c"] == [leader for leader, _ in found]


def test_sites_stay_apart() -> None:
    assert 2 == len(_leaders(_seen("a", 0, 100), _seen("b", 110, 200, site="north")))


@pytest.mark.parametrize(
    ("protocol", "facts", "asks"),
    [
        ("nbns", {"operation": "registration"}, True),
        ("dns", {"asked": "example.org"}, True),
        ("llmnr", {"asked": "printer"}, True),
        ("ssdp", {"messages": ("M-SEARCH *",)}, True),
        ("ssdp", {"messages": ("NOTIFY *",)}, False),
        ("ssdp", {"messages": ("NOTIFY *", "M-SEARCH *")}, False),
        ("mdns", {"asked": ("_http._tcp",)}, True),
        ("mdns", {"asked": ("_http._tcp",), "services": ("_http._tcp",)}, False),
        ("mdns", {"services": ("_http._tcp",)}, False),
        ("snmp", {"pdu": "get-next"}, True),
        ("snmp", {"pdu": "trap"}, False),
        ("codesys-v3", {}, False),
        ("of-somebody-else", {}, False),
        (None, {}, False),
    ],
)
def test_the_bytes_tell_what_awaits_an_answer(
    protocol: str | None, facts: dict[str, object], asks: bool
) -> None:
    (stream,) = streams([_seen("a", 0, 100, protocol=protocol, facts=facts)])

    assert asks == stream.asks


def test_an_answer_does_not_ask() -> None:
    told = _seen("a", 0, 100, protocol="dns", group="10.0.0.9")
    turned = msgspec.structs.replace(
        told.conversation,
        packets_to_server=0,
        packets_to_client=2,
    )
    (stream,) = streams([Seen(turned, told.times)])

    assert ("10.0.0.9", "10.0.0.5", False) == (stream.sender, stream.destination, stream.asks)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=60), st.integers(1, 10**11))
def test_rounds_begin_after_silence_and_hold_every_time(times: list[int], quiet_ns: int) -> None:
    (members,) = streams([_seen("a", 0, 100)]).values()
    begun = rounds([members[0]._replace(times=tuple(sorted(times)))], quiet_ns)

    assert begun == sorted(set(begun))
    assert min(times) == begun[0]
    for time_ns in times:
        assert any(one <= time_ns for one in begun)
    for earlier, later in pairwise(begun):
        assert max(one for one in times if one < later) <= later - quiet_ns
        assert later - earlier >= quiet_ns


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 300)), min_size=1, max_size=8))
def test_no_capture_is_lost_and_order_of_reading_does_not_matter(
    spans: list[tuple[int, int]],
) -> None:
    seen = [_seen(str(number), begin, begin + last) for number, (begin, last) in enumerate(spans)]
    told = _leaders(*seen)

    assert sorted(map(str, range(len(spans)))) == sorted(one for _, many in told for one in many)
    assert [(leader, sorted(many)) for leader, many in told] == [
        (leader, sorted(many)) for leader, many in _leaders(*reversed(seen))
    ]
