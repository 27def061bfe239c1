"""Protocols, with their ports, sources and safety notes."""

from __future__ import annotations

from support.asking import Api

from portbook.protocols import protocols


def test_all_protocols_are_told(api: Api) -> None:
    page = api.told("/protocols")

    assert list(protocols()) == [one["name"] for one in page["rows"]]
    assert len(protocols()) == page["counted"]


def test_a_protocol_is_told_with_its_ports_and_sources(api: Api) -> None:
    found = api.told("/protocols/codesys-v3")

    assert {(1740, 1743, "udp"), (11740, 11743, "tcp")} <= {
        (one["first"], one["last"], one["transport"]) for one in found["usual"]
    }
    assert "private" == found["stays_inside"]
    assert found["usual"][0]["source"] in found["sources"]


def test_a_protocol_that_nobody_knows_is_not_there(api: Api) -> None:
    assert "no protocol 'gopher'" in api.problem(404, "/protocols/gopher")
    assert "name: A protocol's short name" in api.problem(400, "/protocols/..%3B")
