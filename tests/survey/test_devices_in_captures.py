"""Which real capture gives which device: what is in the bytes must be in the device list.

Each row was looked up in the frames with TShark.
"""

from __future__ import annotations

import pytest
from support import needs_captures
from support.field import story

from portbook.records import Device

pytestmark = [pytest.mark.shared, needs_captures]

CODESYS = {
    "vendor": "3S - Smart Software Solutions GmbH",
    "product": "CODESYS Control Win V3",
    "version": "3.5.14.20",
    "name": "DESKTOP-J5MJ2CU",
    "serial": "7AA78BA7-83968B3A-A3561016-448E5059",
}
TOLD: list[tuple[str, str, dict[str, str]]] = [
    ("codesys-v3-scan-request-reply.pcap", "192.168.190.175", CODESYS),
    ("codesys-v3-announcements-second-instance.pcap", "192.168.1.200", {"name": "DESKTOP-T39THPL"}),
    (
        "enip-cip-explicit-and-io-2222.pcap",
        "10.1.1.164",
        {"product": "1756-ENBT/A", "version": "4.3", "serial": "00524D8E"},
    ),
    ("enip-list-commands.pcap", "172.25.23.2", {"address told": "10.1.1.164"}),
    (
        "bacnet-read-properties.pcap",
        "192.168.0.5",
        {
            "vendor": "Alerton Technologies, Inc.",
            "product": "LSi Controller",
            "name": "Lithonia Router",
            "device instance": "201",
        },
    ),
    (
        "bacnet-scan-snaplen-cut.pcap",
        "10.1.1.165",
        {"vendor": "JCI", "product": "MS-NAE4510-2", "name": "KBRNAE", "version": "5.1.0.4400"},
    ),
    ("bacnet-error-reject-abort.pcap", "10.10.10.10", {"device instance": "101"}),
    ("bacnet-18hosts-45conversations.pcap", "10.0.30.29", {"devices behind": "61"}),
    (
        "s7comm-snap7.pcap",
        "134.217.61.211",
        {"product": "CPU 315-2 PN/DP", "name": "S7300/ET200M station_1", "module name": "PLC_1"},
    ),
    ("s7comm-read-plc-status.pcap", "192.168.1.40", {"serial": "S C-C6TW74882012"}),
    ("opcua-minimal-loopback.pcap", "::1", {"name": "open62541-based OPC UA Application"}),
    ("modbus-example.pcap", "127.0.0.1", {"vendor": "Zeek Modbus Test", "version": "1.2.3.6"}),
    ("modbus-many-functions.pcap", "10.0.0.3", {"product": "Wingpath Limited"}),
    (
        "snmp-walk.pcap",
        "138.68.10.203",
        {"name": "ubuntu-512mb-sfo2-01", "object id": "1.3.6.1.4.1.8072.3.2.10"},
    ),
    ("snmp-40conversations.pcapng", "172.31.19.73", {"name": "B6300"}),
    ("dhcp-31hosts-with-dhcpv6.pcap", "192.168.1.10", {"name": "ubuntu2"}),
    ("dhcp-31hosts-with-dhcpv6.pcap", "62.12.173.123", {"name": "raspberrypi"}),
    ("dhcp-four-conversations.pcap", "128.2.6.189", {"name": "btest.is.cool"}),
    ("plant-profinet-16hosts.pcap", "00:0e:8c:ef:75:c5", {"name": "siemens-x208-switch"}),
    ("plant-profinet-16hosts.pcap", "169.254.216.43", {"name": "LT-US-DSWANSON"}),
    ("it-dns-219conversations.pcap", "10.0.0.2", {"name": "Yaels-iPhone"}),
    ("frag-ipv6.pcap", "fe80::21f:f3ff:fecd:f617", {"product": "MacBook4,1", "name": "Roscorii"}),
    ("it-1149conversations.pcapng", "192.168.152.15", {"product": "DIRECTV JHUPnP"}),
    ("it-1149conversations.pcapng", "192.168.152.115", {"uuid": "DVR8-4500"}),
    ("it-windows-198conversations.pcap", "192.168.199.1", {"name": "SCV"}),
    ("it-windows-198conversations.pcap", "192.168.199.132", {"name": "DESKTOP-2AEFM7G"}),
    ("plant-mms-goose-smb-13hosts.pcap", "172.16.0.122", {"name": "sas1"}),
    ("container-vlan-http.pcap", "192.150.187.43", {"product": "Apache", "version": "2.4.3"}),
    ("container-geneve.pcap", "30.0.0.2", {"product": "OpenSSH", "version": "5.3"}),
]


def devices(capture: str) -> dict[str, Device]:
    return {at: one for one in story(capture).devices for at in (one.address, *one.addresses)}


@pytest.mark.parametrize(("capture", "address", "facts"), TOLD)
def test_a_device_of_a_real_capture_is_told(
    capture: str, address: str, facts: dict[str, str]
) -> None:
    found = devices(capture)[address]

    assert facts == {key: found.facts.get(key) for key in facts}
    assert found.because


@pytest.mark.parametrize(
    ("capture", "addresses"),
    [
        ("it-dns-219conversations.pcap", ("10.0.0.2", "fe80::5a1f:aaff:fe4f:3f9d")),
        (
            "it-web-session-34conversations.pcap",
            ("141.142.220.50", "fe80::217:f2ff:fed7:cf65"),
        ),
        ("dhcp-31hosts-with-dhcpv6.pcap", ("10.30.4.4", "10.50.4.4")),
        ("it-1149conversations.pcapng", ("192.168.152.15", "169.254.8.219")),
    ],
)
def test_addresses_of_one_real_device_stand_together(
    capture: str, addresses: tuple[str, ...]
) -> None:
    found = devices(capture)[addresses[0]]

    assert addresses == found.addresses
    assert found.macs[0] in found.because[-1]


def test_codesys_instances_of_real_captures_are_told() -> None:
    first = devices("codesys-v3-announcements-3min-with-iec104.pcap")["192.168.1.75"].instances
    second = devices("codesys-v3-announcements-second-instance.pcap")["192.168.1.75"].instances

    assert [(1740, 0, "004B", 60.0, 3, 0)] == [
        (one.port, one.index, one.node, one.period_s, one.times, one.missed) for one in first
    ]
    assert [(1741, 1, "014B", None)] == [
        (one.port, one.index, one.node, one.period_s) for one in second
    ]


def test_no_real_instance_calls_itself_by_anothers_address() -> None:
    for capture in (
        "codesys-v3-announcements-3min-with-iec104.pcap",
        "codesys-v3-announcements-second-instance.pcap",
        "codesys-v3-scan-request-reply.pcap",
    ):
        assert [()] * len(story(capture).devices) == [one.against for one in story(capture).devices]


def test_every_controller_that_answers_is_listed() -> None:
    """14 hosts of a plant by its README: those that answer Modbus are devices, told or not."""
    served = {
        one.server
        for one in story("modbus-plant1-14hosts.pcap").conversations
        if one.protocol == "modbus" and one.answered
    }

    assert served
    assert served <= devices("modbus-plant1-14hosts.pcap").keys()


def test_no_community_and_no_password_is_in_a_device() -> None:
    for capture in ("snmp-walk.pcap", "snmp-40conversations.pcapng", "ftp-password-guessing.pcap"):
        texts = [text for one in story(capture).devices for text in one.facts.values()]
        assert not {"public", "private", "secret"} & set(texts)
