"""Rows that want the same port: the sweep finds whoever clashes, as trying all pairs does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portbook.planning.clashes import clashes
from portbook.planning.siteplan import Entry
from portbook.ports import PortRange, Transport

TCP, UDP = Transport.TCP, Transport.UDP


def entry(
    line: int, host: str, first: int, last: int | None = None, transport: Transport | None = TCP
) -> Entry:
    return Entry(line, host, PortRange(first, last or first), transport, "x")


def met(*entries: Entry) -> list[tuple[int, int, str]]:
    return [(one.later.line, one.earlier.line, str(one.ports)) for one in clashes(entries)]


def test_the_later_row_is_told_with_the_earlier_one() -> None:
    assert [(2, 1, "5")] == met(entry(2, "a", 5), entry(1, "a", 5))
    assert [(2, 1, "5-7")] == met(entry(1, "a", 1, 7), entry(2, "a", 5, 9))


def test_other_hosts_transports_and_roles_do_not_clash() -> None:
    assert [] == met(entry(1, "a", 5), entry(2, "b", 5))
    assert [] == met(entry(1, "a", 5), entry(2, "a", 5, transport=UDP))
    assert [] == met(entry(1, "a", 5), Entry(2, "a", PortRange(5, 5), TCP, "", "connect"))
    assert [] == met(entry(1, "a", 5), Entry(2, "a", PortRange(5, 5), TCP, "", opens=False))


def test_a_row_for_both_transports_is_told_once() -> None:
    assert [(2, 1, "5")] == met(entry(1, "a", 5, transport=None), entry(2, "a", 5, transport=None))
    assert [(2, 1, "5")] == met(entry(1, "a", 5, transport=None), entry(2, "a", 5, transport=UDP))


def test_a_row_for_every_host_meets_each_host() -> None:
    assert [(2, 1, "5"), (3, 1, "6")] == met(
        entry(1, "*", 1, 9), entry(2, "a", 5), entry(3, "b", 6)
    )
    assert [(2, 1, "5")] == met(entry(1, "a", 5), entry(2, "*", 5))
    assert [(2, 1, "5")] == met(entry(1, "*", 5), entry(2, "*", 5))


def test_each_row_for_every_host_is_told_though_another_one_reaches_further() -> None:
    assert [(2, 1, "1"), (3, 1, "2")] == met(
        entry(1, "a", 1, 2), entry(2, "*", 1), entry(3, "*", 2)
    )


def brute(entries: list[Entry]) -> set[tuple[int, int]]:
    found = set()
    for at, one in enumerate(entries):
        for other in entries[at + 1 :]:
            if "*" not in (one.host, other.host) and one.host != other.host:
                continue
            if None not in (one.transport, other.transport) and one.transport != other.transport:
                continue
            if max(one.ports.first, other.ports.first) <= min(one.ports.last, other.ports.last):
                found.add((other.line, one.line))
    return found


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "*"]),
            st.integers(1, 30),
            st.integers(0, 6),
            st.sampled_from([TCP, UDP, None]),
        ),
        max_size=12,
    )
)
def test_what_is_found_is_true_and_nobody_is_passed_over(
    rows: list[tuple[str, int, int, Transport | None]],
) -> None:
    entries = [
        entry(line, host, first, first + more, transport)
        for line, (host, first, more, transport) in enumerate(rows, 1)
    ]
    expected = brute(entries)
    found = {(one.later.line, one.earlier.line) for one in clashes(entries)}

    assert found <= expected
    assert {line for pair in expected for line in pair} == {line for pair in found for line in pair}
