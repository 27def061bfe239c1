"""All that is known of one address."""

from __future__ import annotations

import pytest
from support.asking import Api


def test_an_address_is_told_with_all_that_was_seen_of_it(api: Api) -> None:
    found = api.told("/devices/10.20.0.11")
    kinds = {one["of"] for one in found["seen"]}
    (device,) = (one for one in found["seen"] if one["of"] == "device")

    assert ("10.20.0.11", False) == (found["address"], found["more"])
    assert {"device", "service", "announcement", "finding"} <= kinds
    assert "press-1" == device["details"]["facts"]["name"]
    assert all("10.20.0.11" in one["subject"] for one in found["seen"])


def test_names_from_the_network_come_as_they_were_told(api: Api) -> None:
    rows = api.told("/devices/10.66.1.1")["seen"]
    facts = " ".join(str(one["details"].get("facts")) for one in rows)

    assert "<script>alert('text')</script>" in facts


def test_an_address_that_nobody_saw_is_not_there(api: Api) -> None:
    assert "203.0.113.77" in api.problem(404, "/devices/203.0.113.77")


@pytest.mark.parametrize("address", ["%3Cscript%3E", "a%20b", "x" * 65, "%00"])
def test_what_can_be_no_address_is_refused(api: Api, address: str) -> None:
    answer = api.ask(f"/devices/{address}")

    assert 400 == answer.status
    assert "application/problem+json" == answer.headers["content-type"]
