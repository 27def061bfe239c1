"""What this machine is around its sockets, and what we may see of it."""

from __future__ import annotations

import ipaddress
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import needs_root
from support.sockets import as_nobody, linux_only

from portbook.evidence import kernel_sockets, surroundings
from portbook.evidence.surroundings import (
    addresses,
    excluded,
    parse_excluded,
    parse_number,
    parse_pair,
    parse_ranges,
    permissions,
)
from portbook.ports import PortRange


def test_own_prefixes_are_networks_without_loopback() -> None:
    for prefix in surroundings.surroundings().networks:
        assert not ipaddress.ip_network(prefix).is_loopback


@linux_only
def test_netlink_and_psutil_name_the_same_prefixes() -> None:
    assert surroundings._networks_by_psutil() == surroundings.surroundings().networks


@linux_only
def test_the_port_ranges_are_those_of_the_system() -> None:
    facts = surroundings.surroundings()
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first, last = map(int, file.read().split())

    assert PortRange(first, last) == facts.ephemeral
    assert facts.unprivileged_from is not None


def test_ranges_are_read_as_the_kernel_writes_them() -> None:
    assert PortRange(32768, 60999) == parse_pair("32768\t60999\n")
    assert (PortRange(1740, 1743), PortRange(8080, 8080)) == parse_ranges("1740-1743,8080\n")
    assert () == parse_ranges("\n")
    assert 1024 == parse_number("1024\n")


@pytest.mark.parametrize("text", ["", "5", "1 2 3", "9 5", "1 99999", "-1 5", "x y", "² ³"])
def test_a_pair_that_makes_no_sense_is_unknown(text: str) -> None:
    assert parse_pair(text) is None


@given(st.text(max_size=60))
def test_any_setting_is_read_without_complaint(text: str) -> None:
    parse_pair(text)
    parse_number(text)
    for one in parse_ranges(text):
        assert 0 <= one.first <= one.last <= 65535


def test_each_permission_that_is_missing_names_a_command_or_says_why_not() -> None:
    for row in permissions():
        assert row.what
        assert row.needs
        assert row.granted or row.command or row.note
        assert not (row.granted and row.command)


@linux_only
@needs_root
@pytest.mark.root
def test_without_privilege_the_rows_name_the_one_command_that_grants_each_right() -> None:
    permissions()  # what is imported late may lie where nobody cannot read
    from portbook.evidence import privileges

    privileges.command("here", privileges.OWNERS)
    rows = {row.needs: row for row in as_nobody(permissions)}

    assert rows["netlink sock_diag"].granted
    owners = rows["CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH"]
    packets = rows["CAP_NET_RAW"]
    assert not owners.granted
    assert not packets.granted
    assert str(owners.command).startswith("sudo ")
    assert str(owners.command).endswith(" here")
    assert str(packets.command).endswith(" | portbook read -")


@linux_only
def test_a_kernel_that_refuses_its_list_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(kernel_sockets, "by_netlink", refused)
    row = permissions()[0]

    assert not row.granted
    assert "Operation not permitted" in str(row.note)


@pytest.mark.skipif(sys.platform == "win32", reason="asks as another system would")
def test_elsewhere_the_administrator_sees_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    assert {"root"} == {row.needs for row in permissions()}


EXCLUDED = """
Protokoll tcp Portausschlussbereiche

Startport    Endport
----------    --------
      1661        1760
      5357        5357
     50000       50059     *
     70000       70001

* - Verwaltete Portausschlüsse.
"""


def test_the_ranges_that_windows_excludes_are_read_in_any_language() -> None:
    assert ["1661-1760", "5357", "50000-50059"] == [str(one) for one in parse_excluded(EXCLUDED)]
    assert () == parse_excluded("")


def test_this_machine_s_addresses_are_told() -> None:
    assert "127.0.0.1" in addresses()
    assert sys.platform == "win32" or () == excluded()
