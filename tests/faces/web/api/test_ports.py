"""The page of a port for programs: what `portbook port --json` tells."""

from __future__ import annotations

import json

import pytest
from support.asking import Api
from support.program import portbook


@pytest.mark.parametrize("place", ["1743", "1743/udp"])
def test_a_port_is_told_as_the_command_line_tells_it(api: Api, place: str) -> None:
    found = api.told(f"/ports/{place}")
    home = api.served.book.parent
    ended = portbook(home, "port", place, "--json", PORTBOOK_BOOK=str(api.served.book))
    said = json.loads(ended.out)

    assert said["port"] == found["port"]
    assert said["claim"] == found["claim"]
    assert said["seen"] == found["seen"]


def test_what_the_book_has_of_a_port_is_there(api: Api) -> None:
    found = api.told("/ports/502/tcp")

    assert {"service"} == {one["of"] for one in found["seen"]}
    assert all(one["details"]["port"] == 502 for one in found["seen"])
    assert "mbap" in {one["claimant"] for one in found["claim"]}
    assert any("Modbus has no login" in note for note in found["port"][0]["safety"])


def test_the_socket_that_serves_is_on_its_port_s_page(api: Api) -> None:
    number = int(api.served.home.rpartition(":")[2])
    found = api.told(f"/ports/{number}/tcp")

    assert api.served.process.pid in {one["pid"] for one in found["listener"]}
    assert [] == api.told(f"/ports/{number}/udp")["listener"]


@pytest.mark.parametrize("number", ["65536", "-1", "x", "1743.5", "0x10", "99999999999999999999"])
def test_what_is_no_port_is_said(api: Api, number: str) -> None:
    assert f"number: A port, 0 to 65535; got {number!r}" == api.problem(400, f"/ports/{number}")


def test_what_is_no_transport_is_said(api: Api) -> None:
    assert "transport: A transport: tcp, udp, sctp or dccp; got 'icmp'" == api.problem(
        400, "/ports/1743/icmp"
    )


def test_first_and_last_port_have_pages(api: Api) -> None:
    assert "system" == api.told("/ports/0")["port"][0]["band"]
    assert "dynamic" == api.told("/ports/65535")["port"][0]["band"]
