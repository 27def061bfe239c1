"""Bytes at a control protocol's port that are of no protocol that is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from findings.cases import conversation, findings, service
from support.knowing import knowledge

from portbook.emulators.frames import Host, TcpTalk, pcap
from portbook.records import Conversation
from portbook.survey import traffic

STORE = b"FETCH level/7\n", b"level/7 = 12.5\n"  # of nobody that is known


def whole(port: int = 502, **more: Any) -> Conversation:
    one = conversation("10.0.0.5", "10.0.0.9", port, None)
    given = {
        "roles": "syn",
        "payload_octets_to_server": 14,
        "payload_octets_to_client": 14,
        **more,
    }
    return msgspec.structs.replace(one, **given)


def unnamed(port: int = 502) -> Any:
    return msgspec.structs.replace(service("10.0.0.9", port, "http"), protocols=())


def test_unknown_bytes_on_502_are_told() -> None:
    (found,) = findings("PB106", services=[unnamed()], conversations=[whole()])

    assert ("note", "tcp 10.0.0.9:502") == (found.level.value, found.subject)
    assert "is not modbus" in found.message


@pytest.mark.parametrize(
    "more",
    [
        {"roles": "first-sender"},  # joined in the middle: the bytes need not tell
        {"payload_octets_to_client": 3},
        {"payload_octets_to_server": 0},
        {"protocol": "modbus"},
    ],
)
def test_what_was_not_seen_whole_is_no_finding(more: dict[str, Any]) -> None:
    assert [] == findings("PB106", services=[unnamed()], conversations=[whole(**more)])


def test_unknown_bytes_on_nobodys_control_port_are_no_finding() -> None:
    assert [] == findings("PB106", services=[unnamed(8099)], conversations=[whole(8099)])


def test_a_service_with_a_name_is_left_to_the_other_rules() -> None:
    named = service("10.0.0.9", 502, "http")
    assert [] == findings("PB106", services=[named], conversations=[whole()])


def test_a_key_value_store_on_502_is_told_from_its_packets(tmp_path: Path) -> None:
    client = Host("10.0.0.5", "02:00:00:00:00:05")
    server = Host("10.0.0.9", "02:00:00:00:00:09")
    talk = TcpTalk(client, 50000, server, 502)
    talk.to_server(STORE[0])
    talk.to_client(STORE[1])
    talk.close()
    capture = tmp_path / "store.pcap"
    capture.write_bytes(pcap(talk.frames))

    story = traffic.read([str(capture)], knowledge(), now_ns=0)

    assert [None] == [one.protocol for one in story.conversations]
    assert "PB106" in {one.code for one in story.findings}
