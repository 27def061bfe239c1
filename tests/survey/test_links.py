"""Which link address is a host's own: what stands behind a router's belongs to nobody there."""

from __future__ import annotations

import pytest
from support.rows import UDP, row

from portbook.evidence.conversations import records
from portbook.survey.links import owners

MAC = "02:00:00:00:00:09"
MINE, THEIRS = b"\2\0\0\0\0\5", b"\2\0\0\0\0\t"


def owned(*addresses: str, loud: str = "", mac: bytes = THEIRS) -> set[str]:
    """Return which of the addresses at one link address own it; `loud` writes to everybody."""
    rows = [row(UDP, "10.7.7.7", 50000, one, 502, macs=(MINE, mac)) for one in addresses]
    if loud:
        group = "ff02::fb" if ":" in loud else "255.255.255.255"
        rows.append(row(UDP, loud, 1740, group, 1740, macs=(mac, b""), broadcast=True))
    found = owners(one.conversation for one in records(rows, "own.pcap"))
    return set(found["local", mac.hex(":")])


@pytest.mark.parametrize(
    "addresses",
    [
        ("10.0.0.9",),
        ("203.0.113.9",),
        ("10.0.0.9", "fe80::9"),
        ("10.0.0.9", "169.254.7.9"),
        ("10.0.0.9", "10.0.0.10", "10.0.0.11"),
        ("10.0.0.9", "fd00::9", "fe80::9"),
        ("10.0.0.9", "2001:db8::ff:fe00:9"),  # made of the MAC
    ],
)
def test_few_addresses_of_one_network_are_one_hosts(addresses: tuple[str, ...]) -> None:
    assert set(addresses) == owned(*addresses)


@pytest.mark.parametrize(
    "addresses",
    [
        ("203.0.113.7", "203.0.113.8"),
        ("10.0.0.9", "10.0.1.9"),
        ("10.0.0.9", "2001:db8::9"),
        tuple(f"10.0.0.{at}" for at in range(1, 6)),
    ],
)
def test_many_addresses_or_those_from_afar_are_behind_a_router(addresses: tuple[str, ...]) -> None:
    assert set() == owned(*addresses)


def test_who_is_on_the_link_for_certain_keeps_a_routers_address() -> None:
    assert {"fe80::1"} == owned("fe80::1", "203.0.113.7")
    assert {"192.168.1.1"} == owned("192.168.1.1", "192.168.9.7", loud="192.168.1.1")
    assert {"192.168.1.1"} == owned("192.168.1.1", "8.8.8.8", "1.1.1.1", loud="192.168.1.1")


def test_all_who_write_to_everybody_own_it() -> None:
    assert {"10.0.0.9", "169.254.255.42"} == owned("10.0.0.9", loud="169.254.255.42")


@pytest.mark.parametrize("mac", ["000000000000", "00005e000101", "00000c07ac01", "01005e0000fb"])
def test_what_is_no_hosts_link_address_is_nobodys(mac: str) -> None:
    assert set() == owned("10.0.0.9", mac=bytes.fromhex(mac))


def test_behind_very_many_addresses_only_those_of_the_link_are_told() -> None:
    far = [f"10.{at}.0.9" for at in range(100)]

    assert {"fe80::1", "192.168.1.1"} == owned(*far, "fe80::1", "192.168.1.1", loud="192.168.1.1")
