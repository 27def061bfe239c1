"""Doors: sockets by port and address, found by port; rules look at the ports that concern them."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec
from findings.cases import NOW, TCP, UDP, case
from hypothesis import given
from hypothesis import strategies as st

from portbook.addresses import Scope, scope_of
from portbook.findings import judge
from portbook.findings.doors import OPEN, Door, Doors, by_programs, holders, made
from portbook.ports import PortRange, Transport
from portbook.records import Finding, Listener, Owner

NUMBERS = (22, 502, 1740, 1741, 1743, 2543, 5353, 8080, 40000, 40001, 44818, 50500)
PROGRAMS = ("sshd", "python3", "codesyscontrol", "bpserverd", "rtpd", "docker-proxy", "chart", None)
ADDRESSES = ("0.0.0.0", "::", "127.0.0.1", "10.0.0.5", "8.8.8.8", "224.0.0.251", "fe80::1")
LINUX = PortRange(32768, 60999)
# Each port by itself: what they find does not depend on other ports.
BY_PORT = ("PB103", "PB104", "PB202", "PB203", "PB401")


owners = st.lists(
    st.builds(Owner, st.integers(1, 9), st.sampled_from(PROGRAMS)), max_size=2, unique=True
).map(tuple)


@st.composite
def sockets(draw: st.DrawFn) -> Listener:
    address = draw(st.sampled_from(ADDRESSES))
    held = draw(owners)
    return Listener(
        draw(st.sampled_from((TCP, UDP, Transport.SCTP))),
        address,
        draw(st.sampled_from(NUMBERS)),
        scope_of(address),
        draw(st.sampled_from(("listen", "unconnected", "bound", "connected"))),
        NOW,
        held,
        not held,
        draw(st.sampled_from(("ipv4", "ipv6", "dual"))),
        namespace=draw(st.sampled_from((None, None, "inner"))),
        unit=draw(st.sampled_from((None, "a.service"))),
        container=draw(st.sampled_from((None, None, "0123456789ab"))),
        site=draw(st.sampled_from(("local", "north"))),
    )


crowds = st.lists(sockets(), max_size=40)


def plainly(crowd: Iterable[Listener]) -> list[Door]:
    """Return all doors by the plainest way: one grouping by everything, sorted."""
    groups: dict[tuple[str, str, str, str, int, str], list[Listener]] = defaultdict(list)
    for one in crowd:
        if one.state in OPEN:
            address = "*" if scope_of(one.address) is Scope.ANY else one.address
            space = one.namespace or ""
            key = (one.site, one.source, space, one.transport.value, one.port, address)
            groups[key].append(one)
    return [Door(Transport(key[3]), key[4], key[5], tuple(groups[key])) for key in sorted(groups)]


@given(crowds)
def test_all_doors_come_in_one_order(crowd: Sequence[Listener]) -> None:
    assert plainly(crowd) == list(Doors(crowd))


@given(crowds, st.sets(st.sampled_from(NUMBERS)))
def test_doors_at_chosen_ports_are_those_of_all(crowd: Sequence[Listener], few: set[int]) -> None:
    doors = Doors(crowd)

    assert [one for one in plainly(crowd) if one.number in few] == list(doors.among(few))
    tcp = [(number, TCP) for number in few]
    assert [one for one in plainly(crowd) if (one.number, one.transport) in tcp] == list(
        doors.at(tcp)
    )


@given(crowds)
def test_ports_where_programs_may_meet_are_none_too_few(crowd: Sequence[Listener]) -> None:
    doors = Doors(crowd)
    crowded, mixed = doors.with_several_sockets(UDP), doors.with_several_transports()

    for one, other in itertools.combinations(plainly(crowd), 2):
        if one.number == other.number and one.transport is not other.transport:
            assert {(one.number, one.transport), (other.number, other.transport)} <= mixed
    for door in plainly(crowd):
        if door.transport is UDP and len(door.sockets) > 1:
            assert (door.number, UDP) in crowded


@given(crowds)
def test_doors_in_the_same_hands_are_counted_without_being_made(
    crowd: Sequence[Listener],
) -> None:
    told = []
    for room in Doors(crowd).rooms:
        for programs, unmade in by_programs(room, sorted(room.ports)).items():
            doors = [door for one in unmade for door in made(*one)]
            assert {programs} == {door.programs for door in doors}
            told += doors

    assert sorted(plainly(crowd), key=repr) == sorted(told, key=repr)


def test_a_socket_without_owners_is_held_by_its_container_or_unit() -> None:
    one = Listener(TCP, "10.0.0.5", 502, Scope.PRIVATE, "listen", NOW, unit="a.service")

    assert ("a.service",) == holders(one)
    assert ("c0",) == holders(msgspec.structs.replace(one, container="c0"))
    assert () == holders(msgspec.structs.replace(one, unit=None))


@given(crowds)
def test_a_crowd_hides_no_finding_of_a_port(crowd: Sequence[Listener]) -> None:
    together = found(crowd)
    alone = [one for number in NUMBERS for one in found(s for s in crowd if s.port == number)]

    assert sorted(map(repr, together)) == sorted(map(repr, alone))


@given(crowds, st.randoms())
def test_the_order_of_sockets_changes_no_finding(crowd: list[Listener], chance) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(crowd)
    chance.shuffle(shuffled)

    assert [(one.code, one.subject, one.level) for one in found(crowd, None)] == [
        (one.code, one.subject, one.level) for one in found(shuffled, None)
    ]


def found(crowd: Iterable[Listener], only: Iterable[str] | None = BY_PORT) -> list[Finding]:
    given = case(
        listeners=tuple(crowd),
        networks=("10.0.0.0/24",),
        ephemeral=LINUX,
        reserved=(PortRange(44818, 44818),),
        policy=forbidding,
    )
    return list(judge(given, only))


class Forbidden(msgspec.Struct):
    allowed: bool
    code: str = "NO"
    reason: str = "kept for the vendor"


def forbidding(number: int, transport: Transport) -> Forbidden:
    return Forbidden(number % 2 == 0)
