"""Which addresses are one device: by link address and serial, never by name, in any order."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.survey.joining import MOST_SHARING, Group, Host, is_serial, joined

HERE = ("local", None)
MAC, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"
ONE, TWO = ("Example", "A1B2"), ("Example", "C3D4")


def host(address: str, *macs: str, serials: tuple[tuple[str, str], ...] = ()) -> Host:
    return Host(HERE, address, frozenset(macs), frozenset(serials))


def groups(*hosts: Host) -> set[frozenset[str]]:
    return {frozenset(hosts[at].address for at in one.members) for one in joined(hosts)}


def the(address: str, *hosts: Host) -> Group:
    (found,) = (
        one for one in joined(hosts) if address in {hosts[at].address for at in one.members}
    )
    return found


def test_two_addresses_with_one_link_address_are_one_device_and_it_says_so() -> None:
    hosts = host("10.0.0.9", MAC), host("fe80::9", MAC), host("10.0.0.8", OTHER)

    assert {frozenset(("10.0.0.9", "fe80::9")), frozenset(("10.0.0.8",))} == groups(*hosts)
    assert (f"the link address {MAC} is that of 10.0.0.9, fe80::9",) == the(
        "fe80::9", *hosts
    ).because


def test_two_addresses_that_tell_one_serial_are_one_device_and_it_says_so() -> None:
    hosts = host("10.0.0.9", serials=(ONE,)), host("10.9.0.9", serials=(ONE,))

    assert {frozenset(("10.0.0.9", "10.9.0.9"))} == groups(*hosts)
    assert ("10.0.0.9, 10.9.0.9 told the serial A1B2 of Example",) == the(
        "10.0.0.9", *hosts
    ).because


def test_the_same_serial_of_two_vendors_joins_nothing() -> None:
    assert 2 == len(groups(host("a", serials=(ONE,)), host("b", serials=(("Other", "A1B2"),))))


def test_sites_and_vlans_stay_apart() -> None:
    made = [
        Host(place, "10.0.0.9", frozenset((MAC,)), frozenset((ONE,)))
        for place in (("north", None), ("south", None), ("south", 7))
    ]

    assert [(0,), (1,), (2,)] == [one.members for one in joined(made)]


def test_joining_goes_on_from_one_to_the_next() -> None:
    chain = (
        host("a", MAC),
        host("b", MAC, serials=(ONE,)),
        host("c", serials=(ONE, ("Third", "X9Y8"))),
        host("d", serials=(("Third", "X9Y8"),)),
    )

    assert {frozenset("abcd")} == groups(*chain)
    assert 3 == len(the("d", *chain).because)


def test_two_serials_at_one_address_join_nothing_and_are_told() -> None:
    hosts = host("a", serials=(ONE, TWO)), host("b", serials=(ONE,)), host("c", serials=(TWO,))

    assert 3 == len(groups(*hosts))
    assert ("a told 2 serials of Example: A1B2, C3D4",) == the("a", *hosts).against


def test_one_address_at_two_link_addresses_joins_nothing_by_them_and_is_told() -> None:
    hosts = host("a", MAC, OTHER), host("b", MAC), host("c", OTHER)

    assert 3 == len(groups(*hosts))
    assert (f"a was met at the link addresses {MAC}, {OTHER}",) == the("a", *hosts).against


def test_a_shared_link_address_joins_no_two_serials() -> None:
    hosts = host("a", MAC, serials=(ONE,)), host("b", MAC, serials=(TWO,)), host("c", MAC)

    assert 3 == len(groups(*hosts))
    (why,) = the("c", *hosts).against
    assert why.endswith("but told 2 serials of Example: A1B2, C3D4")


def test_a_chain_that_contradicts_itself_falls_apart() -> None:
    third = ("Third", "X9Y8")
    hosts = (
        host("a", MAC, serials=(ONE,)),
        host("b", MAC, serials=(third,)),
        host("c", OTHER, serials=(third,)),
        host("d", OTHER, serials=(TWO,)),
    )

    assert 4 == len(groups(*hosts))
    assert all(one.against and not one.because for one in joined(hosts))


def test_a_serial_that_many_tell_is_a_copy_and_joins_nothing() -> None:
    few = [host(f"10.0.0.{at}", serials=(ONE,)) for at in range(MOST_SHARING)]
    many = [*few, host("10.0.0.200", serials=(ONE,))]

    assert 1 == len(groups(*few))
    assert len(many) == len(groups(*many))
    assert (f"{len(many)} addresses tell the serial A1B2 of Example",) == joined(many)[0].against


@pytest.mark.parametrize("text", ["", "0", "0000", "0000-0000", "FFFFFFFF", "12345678", "--", "1"])
def test_a_placeholder_is_no_serial(text: str) -> None:
    assert not is_serial(text)


@pytest.mark.parametrize("text", ["00524D8E", "S C-C2UR28922012", "7AA78BA7-83968B3A", "9D20"])
def test_a_serial_is_one(text: str) -> None:
    assert is_serial(text)


TEXTS = st.sampled_from(["Example", "Other", "\u202eevil", "a, b", ""])
HOSTS = st.lists(
    st.builds(
        Host,
        st.sampled_from([HERE, ("local", 7)]),
        st.integers(0, 30).map("10.0.0.{}".format),
        st.frozensets(st.sampled_from([MAC, OTHER, "02:00:00:00:00:03"]), max_size=2),
        st.frozensets(st.tuples(TEXTS, st.sampled_from(["A1B2", "C3D4", "\x00"])), max_size=2),
    ),
    max_size=12,
    unique_by=lambda one: (one.place, one.address),
)


@given(HOSTS, st.randoms(use_true_random=False))
def test_the_order_in_which_hosts_are_met_does_not_matter(
    hosts: list[Host], chance: random.Random
) -> None:
    mixed = hosts[:]
    chance.shuffle(mixed)

    def told(given: list[Host]) -> set[tuple[frozenset[Host], tuple[str, ...], tuple[str, ...]]]:
        return {
            (frozenset(given[at] for at in one.members), one.because, one.against)
            for one in joined(given)
        }

    assert told(hosts) == told(mixed)


@given(HOSTS)
def test_every_host_is_in_one_group_and_none_contradicts_itself(hosts: list[Host]) -> None:
    found = joined(hosts)

    assert list(range(len(hosts))) == sorted(at for one in found for at in one.members)
    for one in found:
        members = [hosts[at] for at in one.members]
        assert 1 == len({member.place for member in members})
        if len(members) > 1:
            assert one.because
            told = {serial for member in members for serial in member.serials}
            assert len(told) == len({vendor for vendor, _ in told})
            assert all(member.macs or member.serials for member in members)
