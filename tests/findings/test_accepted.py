"""Accepted findings: marked until a date, and back when they change."""

from __future__ import annotations

import msgspec
import pytest
from findings.cases import NOW, conversation, findings
from hypothesis import given
from hypothesis import strategies as st

from portbook.findings.accepted import Acceptance, applies, fingerprint, mark
from portbook.records import Finding, Level

DAY = 86_400_000_000_000


def _finding(*clients: str) -> Finding:
    given = [conversation(client, "10.0.0.9", 502, "modbus") for client in clients]
    (found,) = findings("PB301", conversations=given)
    return found


FOUND = _finding("203.0.113.9")
ACCEPTANCE = Acceptance(
    FOUND.code, FOUND.subject, NOW + 30 * DAY, "the vendor's remote service", fingerprint(FOUND)
)


def test_an_accepted_finding_is_marked_with_date_and_reason() -> None:
    (marked,) = mark([FOUND], [ACCEPTANCE], NOW)

    assert "until 2026-10-21: the vendor's remote service" == marked.accepted
    assert msgspec.structs.replace(marked, accepted=None) == FOUND


def test_it_returns_when_the_date_has_passed() -> None:
    assert applies(ACCEPTANCE, FOUND, ACCEPTANCE.until_ns - 1)
    assert not applies(ACCEPTANCE, FOUND, ACCEPTANCE.until_ns)


def test_it_returns_when_another_peer_appears() -> None:
    changed = _finding("203.0.113.9", "198.51.100.7")

    assert [None] == [one.accepted for one in mark([changed], [ACCEPTANCE], NOW)]


def test_more_of_the_same_is_not_a_change() -> None:
    again = _finding("203.0.113.9", "203.0.113.9")

    assert applies(ACCEPTANCE, again, NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"code": "PB302"},
        {"subject": "tcp 10.0.0.8:502"},
        {"site": "north"},
        {"vlan": 3},
        {"level": Level.WARNING},
    ],
)
def test_it_holds_for_this_finding_alone(change: dict) -> None:
    assert not applies(ACCEPTANCE, msgspec.structs.replace(FOUND, **change), NOW)


def test_without_a_fingerprint_it_takes_the_finding_as_it_is() -> None:
    assert applies(msgspec.structs.replace(ACCEPTANCE, fingerprint=None), FOUND, NOW)


@given(st.permutations(sorted(FOUND.parameters)))
def test_the_fingerprint_does_not_depend_on_order(names: list[str]) -> None:
    mixed = {name: FOUND.parameters[name] for name in names}

    assert fingerprint(FOUND) == fingerprint(msgspec.structs.replace(FOUND, parameters=mixed))


def test_counts_that_change_from_look_to_look_do_not_count() -> None:
    one = msgspec.structs.replace(FOUND, parameters={"place_count": 3, "port": 1})
    other = msgspec.structs.replace(FOUND, parameters={"place_count": 9, "port": 1})

    assert fingerprint(one) == fingerprint(other)
