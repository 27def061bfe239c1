"""Search by number, service, vendor, protocol or device."""

from __future__ import annotations

import pytest
from support.asking import Api


@pytest.mark.parametrize(
    ("words", "path"),
    [
        ("1743", "/ports/1743"),
        ("1743/UDP", "/ports/1743/udp"),
        ("pb301", "/rules/PB301"),
        ("10.20.0.11", "/devices/10.20.0.11"),
    ],
)
def test_what_means_one_thing_is_named(api: Api, words: str, path: str) -> None:
    assert f"/api/v1{path}" == api.told("/search", q=words)["exactly"]
    assert api.told(path)


def test_words_are_found_in_claims_protocols_and_sightings(api: Api) -> None:
    found = api.told("/search", q="modbus")

    assert None is found["exactly"]
    assert "mbap" in {one["claimant"] for one in found["claim"]}
    assert ["modbus"] == [one["name"] for one in found["protocol"]]
    assert {"service", "device"} & {one["of"] for one in found["seen"]}


def test_devices_are_found_by_name(api: Api) -> None:
    assert any("10.20.0.11" == one["subject"] for one in api.told("/search", q="press-1")["seen"])


def test_a_search_that_finds_much_says_so(api: Api) -> None:
    found = api.told("/search", q="Example Controls")

    assert found["more"]
    assert 60 == sum(one["of"] == "device" for one in found["seen"])


def test_nothing_found_is_an_answer(api: Api) -> None:
    found = api.told("/search", q="no such thing anywhere")

    assert ([], [], []) == (found["claim"], found["protocol"], found["seen"])


def test_a_search_needs_words(api: Api) -> None:
    assert "q: is needed" in api.problem(400, "/search")
    assert "q: A port" in api.problem(400, "/search", q="")
