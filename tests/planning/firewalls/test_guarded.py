"""Which ports are kept where, by protocols and by the plan; where the controllers are."""

from __future__ import annotations

import pytest

from portbook.addresses import Scope
from portbook.claims.loading import SHIPPED, policy
from portbook.claims.profiles import profiles
from portbook.errors import UsageError
from portbook.planning.firewalls import Guard, Kind, guards, iptables, nftables, places
from portbook.planning.projects import read_plan
from portbook.ports import PortRange, Transport
from portbook.protocols import Profile, Usual
from portbook.records import Source

POLICIES = [policy(name) for name in SHIPPED]
WHERE = places(["10.0.1.0/24"], ["10.0.2.20"])


def kept(rows: str = "") -> dict[tuple[str, str], Guard]:
    plan = read_plan("host,port,transport,use\n" + rows, "x.csv")
    found = guards(profiles().values(), plan, POLICIES)
    return {(one.name, one.transport.value): one for one in found}


def test_every_protocol_that_stays_inside_is_kept_and_no_other() -> None:
    inside = {name: one for name, one in profiles().items() if one.stays_inside is not None}
    named = {name for name, one in inside.items() if one.usual}

    assert named == {name for name, _ in kept()}
    assert "http" not in named


def test_discovery_engineering_and_control_are_told_apart() -> None:
    found = kept()

    assert Kind.DISCOVERY is found["codesys-v3", "udp"].kind
    assert Kind.ENGINEERING is found["codesys-v3", "tcp"].kind
    assert Kind.ENGINEERING is found["pac-control", "tcp"].kind
    assert Kind.CONTROL is found["modbus", "tcp"].kind
    assert (PortRange(1740, 1743),) == found["codesys-v3", "udp"].ports
    assert PortRange(11740, 11743) in found["codesys-v3", "tcp"].ports


def test_a_plan_adds_the_ports_whose_use_it_names() -> None:
    rows = (
        "a,8502,tcp,Modbus of the boiler\na,8503,,modbus\na,502,tcp,Modbus\n"
        "a,22004,tcp,chart levels\na,8080,tcp,pages\na,0,tcp,Modbus\n"
    )
    found = kept(rows)

    assert PortRange(8502, 8503) in found["modbus", "tcp"].ports
    assert PortRange(8503, 8503) in found["modbus", "udp"].ports
    assert "line 2, 3 of the plan" in found["modbus", "tcp"].why
    assert (PortRange(22004, 22004),) == found["plan-opto22", "tcp"].ports
    assert not any(PortRange(8080, 8080) in one.ports for one in found.values())


def test_a_protocol_of_the_link_reaches_no_private_address_beyond() -> None:
    sources = (Source("s"),)
    usual = (Usual(PortRange(9, 9), Transport.UDP),)
    profile = Profile("near", "Near", sources, usual, Scope.LINK)
    text = iptables(guards([profile]), WHERE)
    enters = [line for line in text.splitlines() if line.startswith("-A PORTBOOK-ENTERS")]

    near = next(at for at, line in enumerate(enters) if "--dport 9 " in line)
    assert near < next(at for at, line in enumerate(enters) if "-s 10.0.0.0/8" in line)


def test_the_same_plan_gives_the_same_text_whatever_the_order() -> None:
    rows = ["a,8502,tcp,Modbus\n", "b,8600,tcp,Modbus\n", "c,22004,,chart\n"]
    one = guards(profiles().values(), read_plan("".join(rows), "x.csv"), POLICIES)
    other = guards(reversed(list(profiles().values())), read_plan("".join(rows), "x.csv"), POLICIES)

    assert nftables(one, WHERE) == nftables(other, WHERE)
    assert nftables(one, places(["10.0.1.128/25", "10.0.1.0/25"], ["10.0.2.20"])) == nftables(
        one, WHERE
    )


def test_what_stands_in_a_plan_cannot_leave_its_comment() -> None:
    hostile = 'a,8502,tcp,"Modbus"" } flush ruleset #\nx; drop"\n'
    found = kept(hostile)["modbus", "tcp"]

    text = nftables([found], WHERE) + iptables([found], WHERE)
    assert "flush ruleset" not in text
    for line in text.splitlines():
        assert line.count('"') % 2 == 0


@pytest.mark.parametrize(
    ("subnets", "stations", "interface", "why"),
    [
        ([], [], None, "where are the controllers"),
        (["10.0.1.5/24"], [], None, "host bits"),
        (["everything"], [], None, "write 10.0.1.0/24"),
        (["0.0.0.0/0"], [], None, "no control network"),
        (["10.0.1.0/24"], ["203.0.113.9"], None, "a public address"),
        (["10.0.1.0/24"], ["10.0.0.0/7"], None, "a public address"),
        (["10.0.1.0/24"], ["0.0.0.0"], None, "a public address"),
        (["10.0.1.0/24"], ["plc"], None, "station 'plc'"),
        ([], [], 'eth0"; drop', "not the name of an interface"),
        ([], [], "a" * 16, "not the name of an interface"),
        (["10.0.1.0/24"] * 1025, [], None, "more than 1024"),
    ],
)
def test_places_that_cannot_be_are_named(
    subnets: list[str], stations: list[str], interface: str | None, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        places(subnets, stations, interface)


def test_iptables_of_one_version_names_no_address_of_the_other() -> None:
    where = places(["10.0.1.0/24", "fd00:1::/64"], ["10.0.2.20", "fd00:2::20"])
    found = tuple(kept().values())
    four = iptables(found, where).split("*filter")[1]
    six = iptables(found, where, 6).split("*filter")[1]

    assert "-s 10.0.2.20 " in four
    assert "fd00" not in four
    assert "-s fd00:2::20 " in six
    assert "10.0." not in six
