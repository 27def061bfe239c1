"""Which ports are free for a use, and why not the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.addresses import Scope
from portbook.claims.everything import Claims
from portbook.claims.loading import policy
from portbook.claims.policies import Policy, parse_policy
from portbook.claims.site import parse_site
from portbook.errors import UsageError
from portbook.planning import Choice, Plan, Weight, check, free, why_not
from portbook.ports import PortRange, Transport
from portbook.records import Listener, Owner, Service

TCP, UDP = Transport.TCP, Transport.UDP
CLAIMS = Claims.load()
OPTO22 = policy("opto22")


def opto22(**more: object) -> Plan:
    return Plan(CLAIMS.of, OPTO22, **more)  # type: ignore[arg-type]


def held(port: int, transport: Transport = TCP, program: str | None = "historian") -> Listener:
    owners = (Owner(77, program),) if program else ()
    return Listener(transport, "0.0.0.0", port, Scope.ANY, "listen", 0, owners)


def codes(choice: Choice, weight: Weight) -> list[str]:
    return [reason.code for reason in choice.reasons if reason.weight is weight]


def test_the_two_ports_for_charts_come_first_then_those_beyond_linux_s_range() -> None:
    found = free(opto22(), transport=TCP, count=4)

    assert [22004, 22005, 61000, 61001] == [choice.port for choice in found]
    assert [True, True, False, False] == [choice.preferred for choice in found]


def test_a_port_in_use_is_passed_over_and_the_next_one_taken() -> None:
    found = free(opto22(taken=[held(22004), held(61000)]), transport=TCP, count=3)

    assert [22005, 61001, 61002] == [choice.port for choice in found]


def test_the_same_number_on_the_other_transport_is_free() -> None:
    plan = opto22(taken=[held(22004, UDP)])

    assert check(plan, 22004, TCP).allowed
    assert not check(plan, 22004, UDP).allowed
    assert not check(plan, 22004).allowed


def test_who_holds_a_port_is_named() -> None:
    choice = check(opto22(taken=[held(22004)]), 22004, TCP)

    assert "TAKEN" == choice.code
    assert "historian (pid 77)" in choice.reasons[0].text
    unseen = check(opto22(taken=[held(22004, program=None)]), 22004, TCP)
    assert "a program unseen" in unseen.reasons[0].text


def test_who_connects_does_not_mind_its_own_machine_s_sockets() -> None:
    plan = opto22(taken=[held(51000)], excluded=[PortRange(51000, 51010)])

    assert not check(plan, 51000, TCP, "listen").allowed
    assert check(plan, 51000, TCP, "connect-own-protocol").allowed


def test_excluded_ranges_block() -> None:
    plan = opto22(excluded=[PortRange(61000, 61009)])

    assert "EXCLUDED" == check(plan, 61005, TCP).code
    assert [61010] == [choice.port for choice in free(plan, PortRange(61000, 61999), TCP, count=1)]


def test_without_a_policy_the_dynamic_band_beyond_the_system_s_range_comes_first() -> None:
    found = free(Plan(CLAIMS.of), transport=TCP, count=3)

    assert [61000, 61001, 61002] == [choice.port for choice in found]
    assert ["FREE"] * 3 == [choice.code for choice in found]


def test_another_system_s_ephemeral_range_moves_the_choice() -> None:
    found = free(opto22(ephemeral=PortRange(49152, 65535)), transport=TCP, count=3)

    assert [22004, 22005, 49152] == [choice.port for choice in found]
    assert ["EPHEMERAL_OVERLAP"] == codes(found[2], Weight.WARN)


def test_a_claimed_port_comes_after_an_unclaimed_one() -> None:
    found = free(opto22(), PortRange(62540, 62543), TCP, count=9)

    assert [62540, 62542, 62543, 62541] == [choice.port for choice in found]
    assert ["LOCAL_SERVICE"] == codes(found[-1], Weight.WARN)


def test_a_service_that_the_book_has_seen_is_a_warning() -> None:
    service = Service("10.0.0.9", 61000, TCP, ("modbus",), (), 3, 0, 0, "plant.pcap")
    choice = check(opto22(seen=[service]), 61000, TCP)

    assert choice.allowed
    assert ["SEEN"] == codes(choice, Weight.WARN)
    assert "10.0.0.9" in choice.reasons[0].text
    assert "modbus" in choice.reasons[0].text


def test_the_site_s_own_claim_is_a_warning() -> None:
    site = parse_site('[[claim]]\nports = "61000/tcp"\nclaimant = "crane"\n')
    plan = Plan(Claims(CLAIMS.registry, site=site).of, OPTO22)

    assert ["CLAIMED"] == codes(check(plan, 61000, TCP), Weight.WARN)
    assert [61001] == [choice.port for choice in free(plan, PortRange(61000, 61999), TCP, count=1)]


def test_claims_warn_or_inform_and_never_block() -> None:
    plan = Plan(CLAIMS.of, ephemeral=None)

    assert (["CLAIMED"], []) == (
        codes(check(plan, 2543, TCP), Weight.WARN),
        codes(check(plan, 2543, TCP), Weight.INFORM),
    )
    codesys = check(plan, 11740, TCP)
    assert codesys.allowed
    assert ["CLAIMED"] == codes(codesys, Weight.INFORM)
    assert codesys.reasons[0].claim is not None
    for number in range(1, 65536, 61):
        assert check(plan, number, UDP).allowed


def test_a_preferred_port_is_not_warned_of_its_own_registration() -> None:
    assert [] == codes(check(opto22(), 22004, TCP), Weight.WARN)


def test_roles_of_a_published_service() -> None:
    assert not check(opto22(), 502, TCP).allowed
    assert check(opto22(), 502, TCP, "connect").allowed
    assert check(opto22(), 80, TCP, "connect-known-service").allowed  # http, by the registry
    assert "NO_KNOWN_SERVICE" == check(opto22(), 61234, TCP, "connect-known-service").code
    assert "NO_IANA" == check(opto22(), 80, TCP, "connect-own-protocol").code


def test_what_is_no_port_or_no_role_is_refused() -> None:
    with pytest.raises(UsageError, match="0 to 65535"):
        check(opto22(), 65536)
    with pytest.raises(UsageError, match="not a role"):
        check(opto22(), 1, None, "bind")


def test_port_zero_is_never_free() -> None:
    assert "PORT_ZERO" == check(Plan(CLAIMS.of), 0).code
    assert not check(opto22(), 0).allowed


def test_why_not_tells_the_whole_policy_in_neighbouring_ranges() -> None:
    refused = why_not(opto22(), transport=TCP)

    assert 65536 - 15386 == sum(one.ports.size for one in refused)
    assert "NO_OPTO_INTERNAL" == refused[-1].reasons[0].code
    assert "50000-50999" == str(refused[-1].ports)
    assert ("0-19", "NO_IANA") == (str(refused[0].ports), refused[0].reasons[0].code)


def test_why_not_names_a_socket_in_the_midst_of_a_free_range() -> None:
    (refusal,) = why_not(opto22(taken=[held(61005)]), PortRange(61000, 61010), TCP)

    assert ("61005", "TAKEN") == (str(refusal.ports), refusal.reasons[0].code)


def plans() -> st.SearchStrategy[Plan]:
    ranges = st.tuples(st.integers(0, 65535), st.integers(0, 500)).map(
        lambda pair: PortRange(pair[0], min(65535, pair[0] + pair[1]))
    )
    sockets = st.lists(st.builds(held, st.integers(0, 65535), st.sampled_from([TCP, UDP])))
    policies: list[Policy | None] = [None, OPTO22, parse_policy(SITE)]
    return st.builds(
        lambda *told: Plan(CLAIMS.of, told[0], told[1], (), told[2], told[3]),
        st.sampled_from(policies),
        sockets,
        st.none() | ranges,
        st.lists(ranges, max_size=3),
    )


SITE = """policy: plant
prefer: 5000
row: 1 | 0-65535 | any | no | NOT_OURS
row: 2 | 4990-5040 | any | yes | OURS
row: 3 | 5005-5010 | udp | no | CLOCKS
"""


@given(plans(), st.integers(0, 65400), st.sampled_from([TCP, UDP, None]))
def test_free_and_why_not_agree_with_check(
    plan: Plan, first: int, transport: Transport | None
) -> None:
    ports = PortRange(first, first + 60)

    allowed = {n for n in range(first, first + 61) if check(plan, n, transport).allowed}
    assert allowed == {choice.port for choice in free(plan, ports, transport, count=100)}
    refused = {
        n
        for one in why_not(plan, ports, transport)
        for n in range(one.ports.first, one.ports.last + 1)
    }
    assert {*range(first, first + 61)} - allowed == refused


@given(plans(), st.integers(1, 8))
def test_the_best_few_are_the_first_of_all(plan: Plan, count: int) -> None:
    ports = PortRange(4980, 5060)

    every = free(plan, ports, TCP, count=1000)
    assert [one.port for one in every[:count]] == [
        one.port for one in free(plan, ports, TCP, count=count)
    ]
