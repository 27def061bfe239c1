"""Two parties on one number."""

from __future__ import annotations

import socket

import pytest
from findings.cases import TCP, UDP, findings, listener, service, told

from portbook.addresses import scope_of
from portbook.ports import PortRange
from portbook.records import Listener, Owner


def test_unitrends_on_tcp_and_codesys_on_udp_1743_do_not_collide() -> None:
    given = [
        service("10.0.0.20", 1743, "unitrends"),
        service("10.0.0.9", 1743, "codesys-v3", transport=UDP),
        service("10.0.0.8", 1743, "codesys-v3", transport=UDP),
    ]

    (found,) = findings("PB201", services=given)

    assert ("note", "port 1743") == (found.level.value, found.subject)
    assert "two transports, which do not collide" in found.message
    assert ("unitrends on tcp", "codesys-v3 on udp") == found.parameters["parties"]
    assert "Name the transport in every firewall rule for 1743" == found.advice
    assert 3 == len(found.because)


def test_two_protocols_on_one_number_of_two_hosts_are_told_once() -> None:
    given = [service("10.0.0.9", 502, "modbus"), service("10.0.0.7", 502, "http")]

    assert [("note", "port 502/tcp")] == told(findings("PB201", services=given))


@pytest.mark.parametrize(
    "given",
    [
        [service("10.0.0.9", 502, "modbus"), service("10.0.0.7", 502, "modbus")],
        [service("10.0.0.9", 80, "http"), service("10.0.0.7", 80, "tls")],
        [service("10.0.0.9", 502, "modbus"), service("10.0.0.7", 502)],
        [
            service("10.0.0.9", 44818, "enip"),
            service("10.0.0.9", 44818, "enip", transport=UDP),
        ],
    ],
)
def test_one_party_on_a_number_is_no_finding(given: list) -> None:
    assert [] == findings("PB201", services=given)


def test_sites_are_told_apart() -> None:
    given = [
        service("10.0.0.9", 502, "modbus", site="north"),
        service("10.0.0.9", 502, "http", site="south"),
    ]

    assert [] == findings("PB201", services=given)


def test_two_programs_on_the_two_transports_of_this_machine_are_told() -> None:
    given = [listener(1743, "bpserverd"), listener(1743, "codesyscontrol", transport=UDP)]

    (found,) = findings("PB201", listeners=given)

    assert "port 1743 on this machine" == found.subject
    assert ("bpserverd on tcp", "codesyscontrol on udp") == found.parameters["parties"]


def test_one_program_on_both_transports_is_one_party() -> None:
    given = [listener(53, "dnsmasq"), listener(53, "dnsmasq", transport=UDP)]

    assert [] == findings("PB201", listeners=given)


def test_a_lent_number_and_a_hidden_owner_make_no_second_party() -> None:
    lent = [listener(40000, "a"), listener(40000, "b", transport=UDP)]
    hidden = [listener(1743), listener(1743, "codesyscontrol", transport=UDP)]

    assert [] == findings("PB201", listeners=lent, ephemeral=PortRange(32768, 60999))
    assert [] == findings("PB201", listeners=hidden)


def _bound(number: int = 0) -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", number))
    return one


def _seen(held: socket.socket, program: str, pid: int) -> Listener:
    address, number = held.getsockname()
    return Listener(
        UDP, address, number, scope_of(address), "unconnected", 1, (Owner(pid, program),)
    )


def test_two_real_sockets_on_one_udp_port_are_a_warning() -> None:
    with _bound() as first, _bound(first.getsockname()[1]) as second:
        seen = [_seen(first, "archiver", 1), _seen(second, "viewer", 2)]
        (found,) = findings("PB202", listeners=seen)
        number = first.getsockname()[1]

    assert ("warning", f"udp 127.0.0.1:{number}") == (found.level.value, found.subject)
    assert ("archiver", "viewer") == found.parameters["programs"]


def test_a_restart_of_a_program_does_not_change_the_finding() -> None:
    def given(pid: int) -> list[Listener]:
        return [
            listener(6000, "archiver", transport=UDP, pid=pid),
            listener(6000, "viewer", transport=UDP, pid=pid + 9),
        ]

    assert findings("PB202", listeners=given(10)) == findings("PB202", listeners=given(99)[::-1])


def test_codesys_programs_share_their_ports_up_to_four() -> None:
    def given(count: int) -> list[Listener]:
        return [listener(1740, f"codesys{at}", transport=UDP) for at in range(count)]

    assert [("note", "udp *:1740")] == told(findings("PB202", listeners=given(4)))
    assert [("warning", "udp *:1740")] == told(findings("PB202", listeners=given(5)))


@pytest.mark.parametrize(
    "given",
    [
        [listener(5353, "avahi", transport=UDP), listener(5353, "chrome", transport=UDP)],
        [listener(6000, "worker", transport=UDP), listener(6000, "worker", transport=UDP)],
        [listener(6000, "systemd", "rtpd", transport=UDP)],
        [listener(6000, "one"), listener(6000, "other", transport=UDP)],
        [
            listener(6000, "one", transport=UDP, interface="eth0"),
            listener(6000, "other", transport=UDP, interface="eth1"),
        ],
        [
            listener(6000, "one", transport=UDP),
            listener(6000, "other", transport=UDP, address="::", family="ipv6"),
        ],
        [
            listener(6000, "one", transport=UDP),
            listener(6000, "other", transport=UDP, state="connected"),
        ],
        [
            listener(6000, "one", transport=UDP, namespace="4026532001"),
            listener(6000, "other", transport=UDP),
        ],
    ],
)
def test_sockets_that_do_not_take_each_others_datagrams_are_fine(given: list[Listener]) -> None:
    assert [] == findings("PB202", listeners=given)


def test_a_program_at_one_address_under_another_at_every_address_is_a_note() -> None:
    given = [
        listener(53, "dnsmasq", transport=UDP),
        listener(53, "resolved", transport=UDP, address="127.0.0.53"),
    ]

    assert [("note", "udp 127.0.0.53:53")] == told(findings("PB202", listeners=given))


def test_programs_on_one_broadcast_address_all_get_a_copy() -> None:
    given = [listener(6000, name, transport=UDP, address="10.0.0.255") for name in ("one", "other")]

    assert [("note", "udp 10.0.0.255:6000")] == told(findings("PB202", listeners=given))


def test_a_hidden_owner_of_1743_may_be_any_of_its_claimants() -> None:
    (found,) = findings("PB203", listeners=[listener(1743), listener(1743, address="10.0.0.5")])

    assert ("note", "port 1743/tcp") == (found.level.value, found.subject)
    assert ("cinegrfx-lm", "Unitrends control channel", "KDE Connect") == found.parameters[
        "claimants"
    ]
    assert ("*:1743", "10.0.0.5:1743") == found.parameters["places"]


@pytest.mark.parametrize(
    "given",
    [
        {"services": [service("10.0.0.9", 1743, "unitrends")]},
        {"services": [service("10.0.0.9", 3000)]},
        {"services": [service("10.0.0.9", 502)]},
        {"listeners": [listener(1743, "bpserverd")]},
        {"listeners": [listener(1743, address="127.0.0.1")]},
    ],
)
def test_a_port_whose_user_is_known_or_does_not_matter_is_no_note(given: dict) -> None:
    assert [] == findings("PB203", **given)


def test_transport_names_are_those_of_the_records() -> None:
    assert ("tcp", "udp") == (TCP.value, UDP.value)
