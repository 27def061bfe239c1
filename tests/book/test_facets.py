"""What a sighting is listed by: keys that sort as addresses and ports do."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.book.facets import LONGEST_TEXT, TRANSPORTS, address_key, ends, facets, folded
from portbook.ports import Transport


def test_every_transport_has_a_code() -> None:
    assert sorted(one.value for one in Transport) == list(TRANSPORTS)


@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_keys_sort_as_addresses_do(one: IPv4Address, two: IPv4Address) -> None:
    assert (one < two) is (address_key(str(one)) < address_key(str(two)))
    assert address_key(str(one)) < address_key("::") < address_key("00:a0:3d:01:05:e1")


@given(st.ip_addresses(v=6), st.ip_addresses(v=6))
def test_keys_of_ipv6_sort_as_addresses_do(one: IPv6Address, two: IPv6Address) -> None:
    if one.ipv4_mapped is None and two.ipv4_mapped is None:
        assert (one < two) is (address_key(str(one)) < address_key(str(two)))


@given(st.ip_addresses(v=4), st.integers(0, 32), st.ip_addresses(v=4))
def test_a_network_is_a_range_of_keys(one: IPv4Address, bits: int, two: IPv4Address) -> None:
    network = ip_network((int(one), bits), strict=False)
    low, high = address_key(str(network[0])), address_key(str(network[-1]))

    assert (two in network) is (low <= address_key(str(two)) <= high)


def test_an_address_is_the_same_however_it_is_written() -> None:
    assert address_key("10.0.0.9") == address_key("::ffff:10.0.0.9")
    assert address_key("fe80::1%eth0") == address_key("fe80:0::1")
    assert address_key("300.0.0.9")[0] == address_key("010.0.0.9")[0] == "z"


@given(st.text())
def test_any_text_has_a_key_that_can_be_kept(text: str) -> None:
    assert address_key(text).encode()
    assert len(address_key(text)) <= 65
    assert folded(text).encode().decode() == folded(text)
    assert folded(text).isprintable()


@pytest.mark.parametrize(
    ("subject", "hosts", "ports"),
    [
        ("udp 10.0.0.9:1740", ["10.0.0.9"], [(1740, "udp")]),
        ("tcp [::1]:502 in namespace x", ["::1"], [(502, "tcp")]),
        ("tcp *:502", [], [(502, "tcp")]),
        ("port 1743/udp", [], [(1743, "udp")]),
        ("port 22 on this machine", [], [(22, one) for one in TRANSPORTS]),
        ("udp 10.0.0.5:9 to 10.0.0.255:80-81", ["10.0.0.5", "10.0.0.255"],
         [(9, "udp"), (80, "udp"), (81, "udp")]),
        ("tcp ports of nginx, 10.0.0.9", ["10.0.0.9"], []),
        ("tcp 10.0.0.9:99999 port port", ["10.0.0.9"], []),
        ("", [], []),
    ],
)  # fmt: skip
def test_a_subject_names_addresses_and_ports(
    subject: str, hosts: list[str], ports: list[tuple[int, str]]
) -> None:
    codes = [port * 4 + TRANSPORTS.index(transport) for port, transport in ports]

    assert (tuple(map(address_key, hosts)), tuple(codes)) == ends(subject)


@given(st.text())
def test_any_subject_is_read(subject: str) -> None:
    hosts, ports = ends(subject)

    assert len(hosts) <= 16
    assert all(0 <= one < 65536 * 4 for one in ports)


def test_a_long_text_is_cut() -> None:
    told = {"address": "10.0.0.9", "mac": None, "facts": {str(at): "x" * 256 for at in range(99)}}

    assert LONGEST_TEXT == len(facets("device", told).text)
