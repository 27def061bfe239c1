"""The port plan answers for a port as `plan check` does, and draws all of them."""

from __future__ import annotations

import pytest
from support.served import Served

from portbook.claims import loading
from portbook.faces.web.pages.plan import allowed
from portbook.ports import HIGHEST


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("port=22004&policy=opto22", "Port 22004 may be used."),
        ("port=22001&policy=opto22", "Port 22001 may not be used."),
        ("port=22000-22003&policy=opto22", "Port 22000 may not be used."),
        ("port=5000&policy=none", "Port 5000 may be used."),
    ],
)
def test_a_port_is_answered_for(pages: Served, query: str, said: str) -> None:
    assert said in pages.ask(f"/plan?{query}").text


@pytest.mark.parametrize("name", loading.SHIPPED)
def test_ranges_that_are_allowed_are_those_that_the_policy_allows(name: str) -> None:
    policy = loading.policy(name)
    free = bytearray(HIGHEST + 1)
    for span in allowed(policy):
        free[span.first : span.last + 1] = bytes([1]) * span.size

    assert [number for number in range(HIGHEST + 1) if policy.judge(number).allowed] == [
        number for number in range(HIGHEST + 1) if free[number]
    ]


@pytest.mark.parametrize(
    "query", ["policy=/etc/passwd", "port=99999", "role=steal", "port=1&transport=icmp"]
)
def test_what_cannot_be_asked_is_told(pages: Served, query: str) -> None:
    assert 400 == pages.ask(f"/plan?{query}").status
