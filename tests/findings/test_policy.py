"""Against a vendor's or the system's port policy."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import pytest
from findings.cases import TCP, UDP, findings, listener, service, told

from portbook.addresses import scope_of
from portbook.ports import PortRange, Transport
from portbook.records import Listener, Owner

LINUX = PortRange(32768, 60999)


@dataclass(frozen=True)
class Verdict:
    allowed: bool
    code: str
    reason: str


def opto22(number: int, transport: Transport) -> Verdict | None:
    if number in (22004, 22005) or 49152 <= number <= 49999 or number >= 51000:
        return Verdict(True, "OK_DYNAMIC", "free for charts")
    if 50000 <= number <= 50999:
        return Verdict(False, "NO_OPTO_INTERNAL", "used by the controllers themselves")
    return Verdict(False, "NO_IANA", "reserved for other purposes")


def test_without_a_policy_nothing_is_against_it() -> None:
    assert [] == findings("PB401", services=[service("10.0.0.9", 50500, "http")])


def test_a_service_inside_the_vendors_block_is_told_with_the_reason() -> None:
    (found,) = findings("PB401", services=[service("10.0.0.9", 50500, "http")], policy=opto22)

    assert ("warning", "tcp 10.0.0.9:50500") == (found.level.value, found.subject)
    assert "NO_OPTO_INTERNAL" == found.parameters["reason_code"]
    assert "used by the controllers themselves" in found.message


@pytest.mark.parametrize(
    "given",
    [
        {"services": [service("10.0.0.9", 22004, "http")]},
        {"services": [service("10.0.0.9", 502, "modbus")]},
        {"services": [service("10.0.0.9", 22, "ssh")]},
        {"services": [service("10.0.0.9", 2001, "optommp")]},
        {"listeners": [listener(51000, "chart")]},
        {"listeners": [listener(22, "sshd")]},
        {"listeners": [listener(50500, "chart", address="127.0.0.1")]},
    ],
)
def test_what_the_policy_allows_or_keeps_the_port_for_is_no_finding(given: dict) -> None:
    assert [] == findings("PB401", policy=opto22, **given)


def test_a_listener_in_the_block_is_a_warning_and_on_an_assigned_port_a_note() -> None:
    given = [listener(50500, "chart"), listener(631, "cupsd"), listener(22001, "chart")]

    assert [("note", "tcp *:631"), ("note", "tcp *:22001"), ("warning", "tcp *:50500")] == told(
        findings("PB401", listeners=given, policy=opto22)
    )


def test_a_policy_that_does_not_know_a_port_says_nothing() -> None:
    given = [listener(631, "cupsd")]

    assert [] == findings("PB401", listeners=given, policy=lambda number, transport: None)


def test_a_real_listener_inside_the_lent_range_is_a_note() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address, number = server.getsockname()
        seen = Listener(TCP, address, number, scope_of(address), "listen", 1, (Owner(1, "enipd"),))
        (found,) = findings("PB402", listeners=[seen], ephemeral=PortRange(number, number))

    assert ("note", f"tcp 127.0.0.1:{number}") == (found.level.value, found.subject)
    assert "ip_local_reserved_ports" in found.advice


def test_a_reserved_number_is_not_lent() -> None:
    given = [listener(44818, "enipd")]

    assert 1 == len(findings("PB402", listeners=given, ephemeral=LINUX))
    assert [] == findings(
        "PB402", listeners=given, ephemeral=LINUX, reserved=(PortRange(44818, 44818),)
    )
    assert [] == findings("PB402", listeners=given)
    assert [] == findings("PB402", listeners=[listener(502, "x")], ephemeral=LINUX)


def test_a_udp_socket_without_a_claim_may_be_a_clients() -> None:
    given = [listener(40000, "dig", transport=UDP), listener(44818, "enipd", transport=UDP)]

    assert ["udp *:44818"] == [
        one.subject for one in findings("PB402", listeners=given, ephemeral=LINUX)
    ]


def test_a_program_with_many_such_ports_is_told_once() -> None:
    given = [listener(40000 + at, "loadtest") for at in range(500)]

    (found,) = findings("PB402", listeners=given, ephemeral=LINUX)

    assert ("tcp ports of loadtest", 500) == (found.subject, found.parameters["port_count"])
