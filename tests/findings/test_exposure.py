"""Reachable from wider than it should be."""

from __future__ import annotations

import msgspec
import pytest
from findings.cases import PROTOCOLS, UDP, case, conversation, findings, listener, service, told

from portbook.addresses import Scope
from portbook.findings import judge
from portbook.records import Confidence, Listener

PUBLIC, OTHER = "203.0.113.9", "198.51.100.7"


def test_modbus_from_a_public_address_is_an_error_that_names_both_ends() -> None:
    (found,) = findings(
        "PB301", conversations=[conversation(PUBLIC, "10.0.0.9", 502, "modbus", vlan=4)]
    )

    assert ("error", "tcp 10.0.0.9:502", 4) == (found.level.value, found.subject, found.vlan)
    assert (PUBLIC,) == found.parameters["peers"]
    assert "10.0.0.9" in found.message
    assert PUBLIC in found.message


def test_a_public_controller_asked_from_inside_is_an_error_too() -> None:
    given = [conversation("10.0.0.5", PUBLIC, 502, "modbus")]

    assert [("error", f"tcp {PUBLIC}:502")] == told(findings("PB301", conversations=given))


def test_many_conversations_of_one_controller_are_one_finding() -> None:
    given = [
        conversation(f"203.0.113.{at % 20}", "10.0.0.9", 502, "modbus", client_port=2000 + at)
        for at in range(200)
    ]

    (found,) = findings("PB301", conversations=given)

    assert (8, 12) == (len(found.parameters["peers"]), found.parameters["more_peers"])
    assert found == findings("PB301", conversations=given[::-1])[0]


@pytest.mark.parametrize(
    ("client", "server"),
    [
        ("10.0.0.5", "10.0.0.9"),
        ("10.0.0.5", "192.168.7.9"),
        ("100.64.0.5", "10.0.0.9"),
        ("fd00::5", "fd00::9"),
        ("fe80::5", "fe80::9"),
        ("169.254.3.5", "169.254.255.42"),
        ("127.0.0.1", "127.0.0.1"),
        (PUBLIC, PUBLIC),
    ],
)
def test_inside_private_networks_modbus_is_at_home(client: str, server: str) -> None:
    given = [conversation(client, server, 502, "modbus")]

    assert [] == findings("PB301", conversations=given)


def test_a_public_prefix_of_ones_own_is_no_way_out() -> None:
    given = [conversation("203.0.113.5", PUBLIC, 502, "modbus")]

    assert [] == findings("PB301", conversations=given, networks=("203.0.113.0/24",))
    (found,) = findings("PB301", conversations=given)
    assert any("neighbours" in line for line in found.because)


def test_codesys_across_known_networks_is_a_warning() -> None:
    given = [conversation("10.0.1.5", "10.0.0.9", 1740, "codesys-v3", UDP)]

    assert [] == findings("PB301", conversations=given)
    assert [] == findings("PB301", conversations=given, networks=("10.0.0.0/16",))
    assert [] == findings("PB301", conversations=given, networks=("192.168.0.0/24",))
    (found,) = findings("PB301", conversations=given, networks=("10.0.0.0/24",))
    assert ("warning", "udp 10.0.0.9:1740") == (found.level.value, found.subject)


def test_a_beacon_to_the_own_broadcast_address_stays_at_home() -> None:
    beacon = conversation(
        "192.168.1.75",
        "192.168.1.255",
        1743,
        "codesys-v3",
        UDP,
        client_port=1741,
        cast="broadcast",
    )

    assert [] == findings("PB301", conversations=[beacon], networks=("192.168.1.0/24",))


def test_a_beacon_from_a_public_address_is_a_warning_at_the_announcer() -> None:
    beacon = conversation(
        PUBLIC, "255.255.255.255", 1743, "codesys-v3", UDP, client_port=1740, cast="broadcast"
    )

    (found,) = findings("PB301", conversations=[beacon])

    assert ("warning", f"udp {PUBLIC}:1740") == (found.level.value, found.subject)
    assert "announced" == found.parameters["variant"]


def test_a_plausible_name_makes_a_warning_not_an_error() -> None:
    given = [conversation(PUBLIC, "10.0.0.9", 502, "modbus", confidence=Confidence.PLAUSIBLE)]

    assert [("warning", "tcp 10.0.0.9:502")] == told(findings("PB301", conversations=given))


def test_a_number_alone_is_never_a_controller() -> None:
    given = [
        conversation(PUBLIC, "10.0.0.9", 502, None),
        conversation(PUBLIC, "10.0.0.9", 502, "http"),
        conversation(PUBLIC, "10.0.0.9", 502, "no-such-protocol"),
    ]

    assert [] == findings("PB301", conversations=given)


def test_a_controller_program_open_at_every_address_is_a_warning() -> None:
    given = [listener(1740, "codesyscontrol", transport=UDP)]

    (found,) = findings("PB302", listeners=given, networks=("192.168.1.0/24",))

    assert ("warning", "udp *:1740") == (found.level.value, found.subject)
    assert "codesyscontrol is known to speak codesys-v3" in found.because


def test_a_public_address_on_the_machine_makes_it_an_error() -> None:
    given = [listener(1740, "codesyscontrol", transport=UDP)]
    networks = ("192.168.1.0/24", "203.0.113.0/29")

    assert ["error"] == [
        one.level.value for one in findings("PB302", listeners=given, networks=networks)
    ]


def test_bound_to_a_public_address_is_an_error_without_knowing_the_networks() -> None:
    given = [listener(502, "mbserverd", address=PUBLIC)]

    assert [("error", f"tcp {PUBLIC}:502")] == told(findings("PB302", listeners=given))


@pytest.mark.parametrize("owner", [listener(502), listener(502, "python3"), listener(502, "nginx")])
def test_a_number_alone_stays_a_note(owner: Listener) -> None:
    found = findings("PB302", listeners=[owner], networks=("203.0.113.0/29",))

    assert [("note", "tcp *:502")] == told(found)


def test_two_ports_of_one_protocol_in_one_hand_are_more_than_a_number() -> None:
    given = [listener(11740, "plcd"), listener(1740, "plcd", transport=UDP)]

    assert ["warning", "warning"] == [one.level.value for one in findings("PB302", listeners=given)]


def test_traffic_of_the_socket_is_more_than_a_number() -> None:
    found = findings(
        "PB302",
        listeners=[listener(502, "plcd", address=PUBLIC)],
        services=[service(PUBLIC, 502, "modbus")],
    )

    assert ["error"] == [one.level.value for one in found]


@pytest.mark.parametrize("address", ["10.0.0.5", "127.0.0.1", "fe80::1", "fd00::5", "100.64.1.1"])
def test_bound_to_an_inner_address_is_no_finding(address: str) -> None:
    given = [listener(502, "mbserverd", address=address)]

    assert [] == findings("PB302", listeners=given)


def test_an_own_public_prefix_is_still_public_for_a_wildcard_but_not_for_its_address() -> None:
    networks = ("203.0.113.0/24",)

    assert [] == findings(
        "PB302", listeners=[listener(502, "mbserverd", address=PUBLIC)], networks=networks
    )


def test_both_families_of_one_program_are_one_finding() -> None:
    given = [listener(502, "mbserverd"), listener(502, "mbserverd", address="::")]

    assert [("warning", "tcp *:502")] == told(findings("PB302", listeners=given))


def test_the_backup_channel_across_the_public_network_is_its_own_finding() -> None:
    given = [conversation(OTHER, "10.0.0.20", 1743, "unitrends")]

    assert [("error", "tcp 10.0.0.20:1743")] == told(findings("PB303", conversations=given))
    assert [] == findings("PB301", conversations=given)


def test_the_backup_channel_inside_is_no_finding() -> None:
    inside = [conversation("10.0.0.5", "10.0.0.20", 1743, "unitrends")]

    assert [] == findings("PB303", conversations=inside)
    assert [] == findings("PB303", listeners=[listener(1743, "bpserverd")])


def test_the_open_backup_port_counts_on_a_machine_with_a_public_address() -> None:
    public = {"networks": ("203.0.113.0/29",)}

    assert ["error"] == [
        one.level.value
        for one in findings("PB303", listeners=[listener(1743, "bpserverd")], **public)
    ]
    assert ["note"] == [
        one.level.value for one in findings("PB303", listeners=[listener(1743, "x")], **public)
    ]
    udp = [listener(1743, "codesyscontrol", transport=UDP)]
    assert [] == findings("PB303", listeners=udp, **public)
    assert [] == findings("PB302", listeners=[listener(1743, "bpserverd")], **public)


def test_snmp_across_the_public_network_is_told_unless_it_is_version_3() -> None:
    def given(version: str) -> list:
        return [conversation(PUBLIC, "10.0.0.9", 161, "snmp", UDP, facts={"version": version})]

    assert [("warning", "udp 10.0.0.9:161")] == told(findings("PB304", conversations=given("1")))
    assert [] == findings("PB304", conversations=given("3"))
    assert [] == findings(
        "PB304", conversations=[conversation("10.0.0.5", "10.0.0.9", 161, "snmp", UDP)]
    )


def test_snmp_that_must_stay_inside_is_one_finding_not_two() -> None:
    given = case(conversations=[conversation(PUBLIC, "10.0.0.9", 161, "snmp", UDP)])
    bound = {"snmp": msgspec.structs.replace(PROTOCOLS["snmp"], stays_inside=Scope.PRIVATE)}
    held = msgspec.structs.replace(given, protocols={**PROTOCOLS, **bound})

    assert ["PB301"] == [one.code for one in judge(held)]
    assert ["PB304"] == [one.code for one in judge(given)]
