"""Lists of the book and of stories: filters, pages, and records as the contract has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.asking import Api
from support.booked import MANY
from support.program import Ended, portbook

OF_STORIES = ("services", "devices", "announcements", "findings", "conversations")


@pytest.fixture(scope="session")
def demo(filled: Path) -> Ended:
    """Return what the command line reads in the demo's capture."""
    return portbook(
        filled.parent, "read", "plant.pcap", "--policy", "opto22", "--no-book", "--jsonl"
    )


@pytest.mark.parametrize("name", OF_STORIES)
def test_a_story_s_records_are_those_of_the_command_line(
    api: Api, story: Any, demo: Ended, name: str
) -> None:
    kind = name.removesuffix("s")
    rows = api.every(f"/{name}", of=story["id"], most=3)
    said = demo.lines(kind)

    assert said
    assert sorted(map(_plain, said)) == sorted(map(_plain, rows))


def test_what_the_book_has_comes_page_by_page_forward_and_back(api: Api) -> None:
    first = api.told("/services", host="10.30.0.0/16", most=200)
    second = api.told("/services", host="10.30.0.0/16", most=200, after=first["next"])
    back = api.told("/services", host="10.30.0.0/16", most=200, after=second["previous"])
    rows = api.every("/services", host="10.30.0.0/16", most=200)

    assert (MANY, False, None) == (first["counted"], first["more"], first["previous"])
    assert first["rows"] == back["rows"]
    assert MANY == len({one["subject"] for one in rows})
    assert {"seen"} == {one["kind"] for one in rows}


@pytest.mark.parametrize(
    ("words", "fine"),
    [
        ({"port": "502/tcp"}, lambda one: one["port"] == 502),
        ({"port": "500-600,44818"}, lambda one: one["port"] in (502, 44818)),
        ({"transport": "udp"}, lambda one: one["transport"] == "udp"),
        ({"protocol": "modbus"}, lambda one: "modbus" in one["protocols"]),
        ({"protocol": "unknown"}, lambda one: not one["protocols"]),
        ({"host": "10.30.0.9"}, lambda one: one["address"] == "10.30.0.9"),
        ({"text": "opcua 10.30.0"}, lambda one: one["address"].startswith("10.30.0")),
    ],
)
def test_a_filter_leaves_what_fits(api: Api, words: dict[str, str], fine: Any) -> None:
    rows = api.told("/services", **words)["rows"]

    assert rows
    assert [] == [one["details"] for one in rows if not fine(one["details"])]


def test_findings_have_a_level_at_least(api: Api) -> None:
    every = api.told("/findings", host="10.30.0.0/16")
    worst = api.told("/findings", host="10.30.0.0/16", level="error")

    assert {"error"} == {one["details"]["level"] for one in worst["rows"]}
    assert 0 < worst["counted"] < every["counted"]


def test_rows_come_in_the_order_that_is_asked_for(api: Api) -> None:
    ports = [one["details"]["port"] for one in api.told("/services", order="-port")["rows"]]

    assert sorted(ports, reverse=True) == ports


def test_the_sockets_of_this_machine_are_listed(api: Api) -> None:
    number = int(api.served.home.rpartition(":")[2])
    (one,) = api.until("/listeners", lambda page: page["rows"], port=f"{number}/tcp")["rows"]

    assert ("listener", "127.0.0.1") == (one["of"], one["details"]["address"])


def test_conversations_and_links_are_of_the_newest_story_unless_told(api: Api, story: Any) -> None:
    for name in ("conversations", "links"):
        assert api.told(f"/{name}", of=story["id"])["rows"] == api.told(f"/{name}")["rows"]


def test_links_add_conversations_up(api: Api, story: Any) -> None:
    links = api.told("/links", of=story["id"])
    (modbus,) = api.told("/links", of=story["id"], protocol="modbus")["rows"]
    spoken = api.told("/conversations", of=story["id"], protocol="modbus")["rows"]

    assert story["counts"]["conversation"] == sum(one["conversations"] for one in links["rows"])
    assert modbus["octets"] == sum(one["octets"] for one in spoken)
    assert (len(links["rows"]), False) == (links["counted"], links["more"])
    fewer = api.told("/links", of=story["id"], most=2)
    assert (2, links["counted"], True) == (len(fewer["rows"]), fewer["counted"], fewer["more"])


@pytest.mark.parametrize("name", [*OF_STORIES, "links"])
def test_a_story_that_there_is_not_is_told(api: Api, name: str) -> None:
    assert "0a1b2c3d4e5f" in api.problem(404, f"/{name}", of="0a1b2c3d4e5f")


@pytest.mark.parametrize(
    ("words", "detail"),
    [
        ({"prot": "x"}, "no word 'prot'"),
        ({"level": "error"}, "no word 'level'"),
        ({"host": "example.org"}, "not an address or prefix"),
        ({"port": "70000"}, "port must be 0 to 65535, got 70000"),
        ({"port": "9-3"}, "upwards"),
        ({"port": "1743/tcp,1740/udp"}, "one transport at a time"),
        ({"port": "http"}, "port: Ports: 1743"),
        ({"transport": "icmp"}, "transport: A transport"),
        ({"since": "yesterday"}, "since: Last seen"),
        ({"since": "2026-99-99"}, "not a time"),
        ({"most": "0"}, "most: Rows of a page, 1 to 500"),
        ({"most": "501"}, "most: Rows of a page"),
        ({"order": "weight"}, "order: What rows are ordered by"),
        ({"order": "clients"}, "no order 'clients' here"),
        ({"after": "AAAA"}, "mark of this page"),
        ({"after": "<>"}, "after: The mark of a page"),
        ({"of": "../../etc"}, "of: The id of a capture"),
        ({"gone": "perhaps"}, "gone: True: what is gone"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(
    api: Api, words: dict[str, str], detail: str
) -> None:
    assert detail in api.problem(400, "/services", **words)


def test_a_mark_of_another_order_is_refused(api: Api) -> None:
    mark = api.told("/services", order="port", most=5)["next"]

    assert "of another list or order" in api.problem(400, "/services", order="-last", after=mark)
    assert "of another list or order" in api.problem(400, "/devices", after=mark)


def _plain(record: dict[str, Any]) -> str:
    return json.dumps(record, sort_keys=True)
