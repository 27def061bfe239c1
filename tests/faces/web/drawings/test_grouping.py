"""Who is on the map, by role and subnet."""

from __future__ import annotations

import pytest
from faces.web.drawings.networks import Link

from portbook.faces.web.drawings.grouping import Role, people, prefix_of, short_of
from portbook.ports import Transport


def roles(links: list[Link]) -> dict[str, Role]:
    return {host.address: room.role for room in people(links).rooms for host in room.hosts}


def test_who_asks_who_answers_and_who_does_both() -> None:
    assert {
        "10.0.0.1": Role.ASKS,
        "10.0.0.2": Role.BOTH,
        "10.0.0.3": Role.ANSWERS,
    } == roles([Link("10.0.0.1", "10.0.0.2"), Link("10.0.0.2", "10.0.0.3")])


def test_a_controller_that_asks_for_the_time_is_still_one_that_answers() -> None:
    links = [Link("10.0.0.1", "10.0.0.2"), Link("10.0.0.2", "10.0.0.9", protocol="ntp")]

    assert Role.ANSWERS is roles(links)["10.0.0.2"]


def test_what_a_host_does_by_the_way_is_no_role() -> None:
    polled = Link("10.0.0.1", "10.0.0.2", octets=10_000)

    assert Role.ANSWERS is roles([polled, Link("10.0.0.2", "10.0.0.9", octets=10)])["10.0.0.2"]
    assert Role.BOTH is roles([polled, Link("10.0.0.2", "10.0.0.9", octets=9_000)])["10.0.0.2"]


def test_a_screen_that_asks_several_does_both_however_little_it_asks() -> None:
    links = [
        Link("10.0.0.7", "10.0.0.5", protocol="tls", octets=10**7),
        *(Link("10.0.0.5", f"10.0.0.{at}", octets=100) for at in (11, 12)),
    ]

    assert Role.BOTH is roles(links)["10.0.0.5"]


@pytest.mark.parametrize(
    ("links", "role"),
    [
        ([Link("10.0.0.1", "10.0.0.255", Transport.UDP)], Role.GROUP),
        ([Link("10.0.0.1", "10.0.0.255", Transport.TCP)], Role.ANSWERS),
        (
            [
                Link("10.0.0.1", "10.0.0.255", Transport.UDP),
                Link("10.0.0.255", "10.0.0.9", Transport.UDP),
            ],
            Role.BOTH,
        ),
    ],
)
def test_an_address_that_ends_in_255_is_a_group_if_it_never_speaks(
    links: list[Link], role: Role
) -> None:
    assert role is roles(links)["10.0.0.255"]


def test_subnets_have_rooms_of_their_own_and_lone_hosts_share_one() -> None:
    links = [Link("10.0.0.5", f"10.0.{net}.{at}") for net in (1, 2) for at in (7, 3)]
    links += [Link("10.0.0.5", f"8.8.{net}.1") for net in range(4)]
    rooms = people(links).rooms

    assert [
        (Role.ASKS, "10.0.0.0/24", ["10.0.0.5"]),
        (Role.ANSWERS, "10.0.1.0/24", ["10.0.1.3", "10.0.1.7"]),
        (Role.ANSWERS, "10.0.2.0/24", ["10.0.2.3", "10.0.2.7"]),
        (Role.ANSWERS, None, ["8.8.0.1", "8.8.1.1", "8.8.2.1", "8.8.3.1"]),
    ] == [(room.role, room.prefix, [host.address for host in room.hosts]) for room in rooms]


def test_many_subnets_are_put_together_by_wider_ones() -> None:
    links = [Link("10.9.9.9", f"10.{net % 2}.{net}.{at}") for net in range(30) for at in (3, 7)]

    assert ["10.9.0.0/16", "10.0.0.0/16", "10.1.0.0/16"] == [
        room.prefix for room in people(links).rooms
    ]


@pytest.mark.parametrize(
    ("text", "prefix", "wide", "short"),
    [
        ("10.0.1.7", "10.0.1.0/24", "10.0.0.0/16", ".7"),
        ("2001:db8:1:2::42", "2001:db8:1:2::/64", "2001:db8:1::/48", "::42"),
        ("fe80::1%eth0", "fe80::/64", "fe80::/48", "::1"),
        ("<script>", None, None, "<script>"),
    ],
)
def test_a_label_needs_only_what_its_subnet_does_not_tell(
    text: str, prefix: str | None, wide: str | None, short: str
) -> None:
    assert prefix == prefix_of(text)
    assert wide == prefix_of(text, wide=True)
    assert short == short_of(text, prefix)


def test_how_many_a_host_asks_and_is_asked_by_is_counted() -> None:
    links = [Link("10.0.0.1", f"10.0.0.{at}") for at in (5, 6, 6)] + [Link("10.0.0.9", "10.0.0.1")]
    found = {host.address: host for room in people(links).rooms for host in room.hosts}

    assert (2, 1) == (found["10.0.0.1"].asks, found["10.0.0.1"].asked)
