"""All that is said of a port, merged: nothing twice, the registry first, no winner picked."""

from __future__ import annotations

import pytest

from portbook.claims.everything import Claims
from portbook.claims.loading import policy
from portbook.claims.policies import parse_policy
from portbook.claims.registry import Registry
from portbook.claims.site import parse_site
from portbook.ports import PortRange, Transport
from portbook.records import Claim, ClaimKind, Source

TCP, UDP = Transport.TCP, Transport.UDP


@pytest.fixture(scope="module")
def claims() -> Claims:
    return Claims.load()


def told(claims: Claims, number: int, transport: Transport) -> list[tuple[str, str]]:
    return [(claim.claimant, claim.claim.value) for claim in claims.of(number, transport)]


def test_1743_udp_belongs_to_one_and_is_used_by_others(claims: Claims) -> None:
    assert [
        ("cinegrfx-lm", "assigned"),
        ("CODESYS V3", "unofficial"),
        ("KDE Connect", "unofficial"),
    ] == told(claims, 1743, UDP)


def test_1743_tcp_is_told_apart_from_udp(claims: Claims) -> None:
    assert ("Unitrends", "unofficial") in told(claims, 1743, TCP)
    assert "CODESYS V3" not in dict(told(claims, 1743, TCP))


def test_every_claim_has_a_source(claims: Claims) -> None:
    for number in range(0, 65536, 7):
        for claim in claims.of(number):
            assert claim.source.title


def test_a_protocol_s_usual_port_is_not_told_twice(claims: Claims) -> None:
    for number, transport, expected in (
        (1740, UDP, ["codesys-v3", "kde-connect"]),
        (11740, TCP, ["codesys-v3"]),
        (1743, TCP, ["kde-connect", "unitrends"]),
        (2001, TCP, ["optommp"]),
    ):
        told = [claim.protocol for claim in claims.of(number, transport) if claim.protocol]
        assert expected == sorted(told), (number, transport)


@pytest.mark.parametrize(
    ("number", "transport", "name", "protocol"),
    [
        (502, TCP, "mbap", "modbus"),
        (22, TCP, "ssh", "ssh"),
        (80, TCP, "http", "http"),
        (53, UDP, "domain", "dns"),
        (67, UDP, "bootps", "dhcp"),
        (20000, TCP, "dnp", "dnp3"),
        (44818, TCP, "EtherNet-IP-2", "enip"),
        (2222, UDP, "EtherNet-IP-1", "cip-io"),
        (445, TCP, "microsoft-ds", "smb"),
        (443, TCP, "https", "tls"),
        (161, UDP, "snmp", "snmp"),
        (47808, UDP, "bacnet", "bacnet"),
        (2404, TCP, "iec-104", "iec104"),
    ],
)
def test_a_registered_name_is_known_as_the_protocol_that_it_is(
    claims: Claims, number: int, transport: Transport, name: str, protocol: str
) -> None:
    found = claims.of(number, transport)

    assert protocol == next(claim.protocol for claim in found if claim.claimant == name)
    assert 1 == sum(claim.claim is ClaimKind.ASSIGNED and not claim.alias_of for claim in found[:1])
    assert not [
        claim
        for claim in found
        if claim.source.title != found[0].source.title
        and claim.protocol == protocol
        and claim.claim is ClaimKind.UNOFFICIAL
    ]


def test_a_registered_stranger_keeps_its_own_name(claims: Claims) -> None:
    assert None is claims.of(1743, UDP)[0].protocol
    assert None is claims.of(2001, TCP)[0].protocol
    assert "s7comm" not in [claim.protocol for claim in claims.of(102, TCP)[:1]]


@pytest.mark.parametrize(
    ("number", "transport", "expected"),
    [
        (1743, UDP, ("cinegrfx-lm", "CODESYS V3", "KDE Connect")),
        (1743, TCP, ("cinegrfx-lm", "Unitrends", "KDE Connect")),
        (502, TCP, ("mbap",)),
        (44818, TCP, ("EtherNet-IP-2",)),
        (80, TCP, ("http", "www", "www-http")),
        (31337, UDP, ("eldim",)),  # no label accuses
        (40000, TCP, ("safetynetp",)),  # nor does Linux's client range name a port
        (40001, TCP, ()),
        (796, TCP, ()),
        (6005, TCP, ("x11",)),
        (22510, TCP, ("Opto 22",)),
        (9, Transport.SCTP, ("discard",)),
    ],
)
def test_labels_are_short_names(
    claims: Claims, number: int, transport: Transport, expected: tuple[str, ...]
) -> None:
    assert expected == claims.labels(number, transport)


@pytest.mark.parametrize("transport", list(Transport))
def test_many_labels_are_the_same_as_single_ones(transport: Transport) -> None:
    many, single = Claims.load(), Claims.load()
    for number in range(3000):
        many.labels(number, transport)

    for number in range(0, 65536, 113):
        assert single.labels(number, transport) == many.labels(number, transport)
        assert single.of(number, transport) == many.of(number, transport)


def test_asking_for_no_transport_gives_all_of_them(claims: Claims) -> None:
    every = claims.of(1743)

    assert {*claims.of(1743, UDP), *claims.of(1743, TCP)} <= {*every}
    assert ["cinegrfx-lm", "cinegrfx-lm"] == [claim.claimant for claim in every[:2]]


@pytest.mark.parametrize("number", [-1, 65536, 1 << 40])
def test_what_is_no_port_has_no_claim(claims: Claims, number: int) -> None:
    assert () == claims.of(number)
    assert () == claims.labels(number, TCP)


def test_the_site_s_own_word_comes_after_the_registry_s() -> None:
    site = parse_site('[[claim]]\nports = "1743/udp"\nclaimant = "our controllers"\n')

    found = Claims(Registry.load(), site=site).of(1743, UDP)
    assert ["cinegrfx-lm", "our controllers"] == [claim.claimant for claim in found]


def test_a_policy_says_what_its_vendor_keeps_and_repeats_nothing() -> None:
    with_policy = Claims.load(policies=[policy("opto22")])
    alone = Claims(Registry.load(), policies=[policy("opto22")])

    assert told(Claims.load(), 22001, TCP) == told(with_policy, 22001, TCP)
    assert ("Opto 22", "vendor-reserved") in told(alone, 22001, TCP)
    assert ("Opto 22", "vendor-reserved") in told(alone, 50500, TCP)
    assert [("mbap", "assigned")] == told(alone, 502, TCP)


def test_a_site_s_policy_may_keep_ports_too() -> None:
    head = "policy: plant\nvendor: us\nrow: 1 | 0-65535 | any | no | NO\n"
    text = head + "row: 2 | 9 | udp | yes | OK | us"

    kept = Claims(Registry.load(), policies=[parse_policy(text)]).of(9, UDP)
    assert ["discard", "us"] == [claim.claimant for claim in kept]


def test_search_finds_all_sorts_of_claims(claims: Claims) -> None:
    def ports(text: str) -> set[str]:
        return {str(claim.ports) for claim in claims.search(text)}

    assert {"1740-1743", "11740-11743", "1217"} <= ports("codesys")
    assert "502" in ports("modbus")
    assert "2544" in ports("reftek")
    assert "1743" in ports("UNITRENDS")
    assert set() == ports("  ")


def test_a_claim_that_only_this_case_knows_is_labelled() -> None:
    own = Claim(PortRange(40001, 40001), TCP, "crane", ClaimKind.SITE, Source("here"))

    assert ("crane",) == Claims(Registry.load(), site=[own]).labels(40001, TCP)
