"""The PowerShell form: syntax, and that exactly the right addresses are blocked."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.claims.profiles import profiles
from portbook.errors import UsageError
from portbook.planning.firewalls import guards, places, windows
from portbook.planning.firewalls.windows import complement

KEPT = guards(profiles().values())
WHERE = places(["10.0.1.0/24"], ["10.0.2.20"])
TEXT = r"'(?:[^']|'')*'"
LIST = rf"@\({TEXT}(?:, {TEXT})*\)"
RULE = re.compile(
    rf"New-NetFirewallRule -Name (?P<name>{TEXT}) -DisplayName {TEXT} -Group 'portbook' "
    rf"-Description {TEXT} -Direction (?P<direction>Inbound|Outbound) -Action Block -Profile Any "
    rf"-Protocol (?P<transport>TCP|UDP) -(?P<end>Local|Remote)Port (?P<ports>{LIST})"
    rf"(?: -LocalAddress (?P<local>{LIST}))? -RemoteAddress (?P<remote>{LIST}) \| Out-Null"
)


def rules(text: str) -> dict[str, re.Match[str]]:
    lines = [line for line in text.split("\r\n") if line and not line.startswith("#")]
    assert "Remove-NetFirewallRule -Group 'portbook' -ErrorAction SilentlyContinue" == lines[0]
    found = [RULE.fullmatch(line) for line in lines[1:]]
    assert all(found), lines
    return {one["name"].strip("'"): one for one in found if one}


def blocks(listed: str, address: str) -> bool:
    wanted = ip_address(address)
    for text in re.findall(TEXT, listed):
        first, _, last = text.strip("'").partition("-")
        ends = ip_address(first), ip_address(last or first)
        if ends[0].version == wanted.version and int(ends[0]) <= int(wanted) <= int(ends[1]):
            return True
    return False


def test_every_rule_is_written_as_the_cmdlet_takes_it() -> None:
    found = rules(windows(KEPT, WHERE))

    assert 2 * len(KEPT) == len(found)
    for one in found.values():
        assert ("Local" if one["direction"] == "Inbound" else "Remote") == one["end"]


def test_discovery_is_blocked_but_for_the_subnet() -> None:
    found = rules(windows(KEPT, WHERE))["portbook-codesys-v3-udp-inbound"]

    assert "@('1740-1743')" == found["ports"]
    assert [False, True, True, True, False] == [
        blocks(found["remote"], address)
        for address in ("10.0.1.77", "10.0.2.20", "10.0.2.0", "203.0.113.9", "fe80::7")
    ]
    out = rules(windows(KEPT, WHERE))["portbook-codesys-v3-udp-outbound"]
    assert [False, False, True] == [
        blocks(out["remote"], address)
        for address in ("10.0.1.255", "255.255.255.255", "10.0.2.255")
    ]


def test_engineering_is_blocked_but_for_stations_and_from_no_station() -> None:
    found = rules(windows(KEPT, WHERE))
    inbound = found["portbook-codesys-v3-tcp-inbound"]["remote"]
    outbound = found["portbook-codesys-v3-tcp-outbound"]["local"]

    assert [False, True, True] == [
        blocks(inbound, address) for address in ("10.0.2.20", "10.0.1.77", "203.0.113.9")
    ]
    assert [False, True] == [blocks(outbound, one) for one in ("10.0.2.20", "10.0.2.21")]


def test_without_stations_the_subnet_may_program() -> None:
    found = rules(windows(KEPT, places(["10.0.1.0/24"])))

    assert not blocks(found["portbook-codesys-v3-tcp-inbound"]["remote"], "10.0.1.77")
    assert found["portbook-codesys-v3-tcp-outbound"]["local"] is None


def test_control_reaches_private_addresses() -> None:
    found = rules(windows(KEPT, WHERE))["portbook-modbus-tcp-inbound"]["remote"]

    assert [False, False, True] == [
        blocks(found, address) for address in ("192.168.9.9", "fd00::1", "198.51.100.1")
    ]


def test_an_interface_cannot_be_said() -> None:
    with pytest.raises(UsageError, match="name --subnet"):
        windows(KEPT, places([], [], "eth0"))


networks = st.builds(
    lambda value, length: str(ip_network((value >> (32 - length) << (32 - length), length))),
    st.integers(0, 2**32 - 1),
    st.integers(1, 32),
)


@given(st.lists(networks, max_size=6), st.integers(0, 2**32 - 1))
def test_the_complement_holds_exactly_the_others(inside: list[str], value: int) -> None:
    address = ip_address(value)
    others = ", ".join(f"'{one}'" for one in complement(inside))

    assert blocks(others, str(address)) is not any(address in ip_network(one) for one in inside)
