"""A whole plan against policies, claims, other rows, sightings and operating systems."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.addresses import Scope
from portbook.claims.everything import Claims
from portbook.claims.loading import SHIPPED, policy, systems
from portbook.claims.site import parse_site
from portbook.planning.codes import explained
from portbook.planning.judging import Here, Known, Objection, judge
from portbook.planning.projects import read_plan
from portbook.ports import HIGHEST, PortRange, Transport
from portbook.records import Level, Listener, Owner, Service

POLICIES = [policy(name) for name in SHIPPED]
CLAIMS = Claims.load(policies=POLICIES[:1])
KNOWN = Known(CLAIMS.of, POLICIES, frozenset(), systems())
ERROR, WARNING, NOTE = Level.ERROR, Level.WARNING, Level.NOTE
HEAD = "host,port,transport,use,role,system,policy\n"


def said(rows: str, known: Known = KNOWN) -> list[Objection]:
    return judge(read_plan(HEAD + rows, "plan.csv"), known, "plan.csv")


def codes(found: list[Objection], level: Level | None = None) -> list[str]:
    return [one.code for one in found if level in (None, one.level)]


def seen(port: int, *protocols: str, address: str = "10.0.0.9") -> Service:
    return Service(address, port, Transport.TCP, protocols, (), 3, 0, 0, "plant.pcap")


def with_seen(*services: Service) -> Known:
    return Known(CLAIMS.of, POLICIES, frozenset(), systems(), services)


def test_a_chart_on_the_host_port_is_an_error_with_rule_source_line_and_a_free_port() -> None:
    (error,) = (one for one in said("10.0.0.5,22001,tcp,chart\n") if one.level is ERROR)

    assert ("plan.csv", 2, "10.0.0.5", 22001, "NO_OPTO_FIRMWARE") == (
        error.file,
        error.line,
        error.host,
        error.port,
        error.code,
    )
    assert "policy opto22, 22001" == error.rule
    assert "TCP and UDP Port Assignments" in (error.source or "")
    assert 22004 == error.alternative
    assert "free instead: 22004" in error.message


# Every edge of the vendor's table: number, verdict, code.
EDGES = [
    (19, False, "NO_IANA"), (20, False, "NO_OPTO_PROTOCOL"), (21, False, "NO_OPTO_PROTOCOL"),
    (22, False, "NO_IANA"), (1023, False, "NO_IANA"), (1024, False, "NO_IANA"),
    (2000, False, "NO_IANA"), (2001, False, "NO_OPTO_FIRMWARE"), (2003, False, "NO_OPTO_FIRMWARE"),
    (2004, False, "NO_IANA"), (2221, False, "NO_IANA"), (2222, False, "NO_OPTO_PROTOCOL"),
    (2223, False, "NO_IANA"), (21999, False, "NO_IANA"), (22000, False, "NO_OPTO_FIRMWARE"),
    (22003, False, "NO_OPTO_FIRMWARE"), (22004, True, ""), (22005, True, ""),
    (22006, False, "NO_IANA"), (22499, False, "NO_IANA"), (22500, False, "NO_OPTO_FIRMWARE"),
    (22531, False, "NO_OPTO_FIRMWARE"), (22532, False, "NO_IANA"), (23566, False, "NO_IANA"),
    (23567, False, "NO_OPTO_FIRMWARE"), (23568, False, "NO_IANA"), (44817, False, "NO_IANA"),
    (44818, False, "NO_OPTO_PROTOCOL"), (44819, False, "NO_IANA"), (49151, False, "NO_IANA"),
    (49152, True, ""), (49999, True, ""), (50000, False, "NO_OPTO_INTERNAL"),
    (50999, False, "NO_OPTO_INTERNAL"), (51000, True, ""), (65535, True, ""),
]  # fmt: skip


@pytest.mark.parametrize(("number", "allowed", "code"), EDGES)
@pytest.mark.parametrize("transport", ["tcp", "udp", ""])
def test_every_edge_of_the_vendor_s_table(
    number: int, allowed: bool, code: str, transport: str
) -> None:
    found = said(f"a,{number},{transport},chart\n")

    assert ([] if allowed else [code]) == codes(found, ERROR)


def test_a_range_is_judged_by_its_first_offender() -> None:
    (error,) = (one for one in said("a,49990-50010,tcp,chart\n") if one.level is ERROR)

    assert (50000, 50000, "NO_OPTO_INTERNAL") == (error.port, error.last, error.code)
    assert 61000 == error.alternative
    assert "61000-61020" in error.message


def test_a_vendor_s_own_port_is_a_warning_to_others_and_rightful_to_its_service() -> None:
    assert ["NO_OPTO_FIRMWARE"] == codes(said("a,22501,tcp,historian\n"), WARNING)[:1]
    assert [] == codes(said("a,502,tcp,Modbus\n"), ERROR) + codes(
        said("a,502,tcp,Modbus\n"), WARNING
    )
    assert ["RIGHTFUL"] == codes(said("a,502,tcp,Modbus\n"), NOTE)
    assert "NO_UNITRENDS" in codes(said("a,1743,tcp,historian\n"), WARNING)
    assert "NO_CODESYS" not in codes(said("a,1743,tcp,historian\n"))
    assert "NO_CODESYS" in codes(said("a,1743,udp,historian\n"), WARNING)


def test_a_policy_binds_when_chosen_named_by_the_row_or_by_the_use() -> None:
    chosen = Known(CLAIMS.of, POLICIES, frozenset({"opto22"}), systems())

    assert ["NO_IANA"] == codes(said("a,8085,tcp,levels\n", chosen), ERROR)
    assert ["NO_IANA"] == codes(said("a,8085,tcp,levels,,,opto22\n"), ERROR)
    assert ["NO_IANA"] == codes(said("a,8085,tcp,levels by chart\n"), ERROR)
    assert [] == codes(said("a,8085,tcp,levels\n"), ERROR)
    assert ["NO_POLICY"] == codes(said("a,8085,tcp,levels,,,nobody\n"), ERROR)


def test_rows_are_held_against_each_other() -> None:
    found = said("a,61000,tcp,x\na,61000,tcp,y\na,61001,tcp,y\na,61001,tcp,y\n")

    assert [(3, "CLASH", ERROR), (5, "DUPLICATE", WARNING)] == [
        (one.line, one.code, one.level) for one in found if one.code in ("CLASH", "DUPLICATE")
    ]
    assert "line 2 plans 61000 for 'x'" in found[1].message
    assert 61002 == next(one.alternative for one in found if one.code == "CLASH")


def test_a_claim_of_somebody_else_warns_and_one_s_own_does_not() -> None:
    assert ["CLAIMED"] == codes(said("a,2543,tcp,historian\n"), WARNING)[-1:]
    assert "CLAIMED" not in codes(said("a,2543,tcp,REF TEK receiver\n"), WARNING)
    site = parse_site('[[claim]]\nports = "61005/tcp"\nclaimant = "crane"\n')
    known = Known(Claims(CLAIMS.registry, site=site).of, POLICIES, frozenset(), systems())
    assert ["CLAIMED"] == codes(said("a,61005,tcp,historian\n", known), WARNING)
    assert [] == codes(said("a,61005,tcp,the crane\n", known), WARNING)


def test_what_systems_lend_depends_on_the_system() -> None:
    def level(row: str) -> list[tuple[Level, str]]:
        found = said(row)
        return [(one.level, one.rule) for one in found if one.code == "EPHEMERAL_OVERLAP"]

    assert [(WARNING, "linux")] == level("a,33000,tcp,x\n")
    assert [(WARNING, "linux, windows, macos")] == level("a,60999,tcp,x\n")
    assert [(NOTE, "windows, macos")] == level("a,61000,tcp,x\n")
    assert [(WARNING, "windows")] == level("a,61000,tcp,x,,windows\n")
    assert [] == level("a,61000,tcp,x,,linux\n")
    assert [] == level("a,32767,tcp,x\n")
    assert [] == level("a,50000,tcp,x,connect\n")


def test_a_range_that_windows_excludes_warns_where_it_is_windows() -> None:
    def level(row: str) -> set[Level]:
        return {one.level for one in said(row) if "os-excluded" in one.rule}

    assert {WARNING} == level("a,50030,tcp,x,,windows\n")
    assert {NOTE} == level("a,50030,tcp,x\n")


def test_what_the_book_has_seen_is_told_unless_the_row_names_it() -> None:
    known = with_seen(seen(61000, "modbus"), seen(61001, "modbus"), seen(61003))
    rows = "10.0.0.9,61000,tcp,historian\n10.0.0.9,61001,tcp,Modbus\n10.0.0.8,61000,tcp,x\n"
    found = [one for one in said(rows, known) if one.rule == "book"]

    assert [(2, "SEEN", WARNING, 61000), (2, "UNPLANNED", NOTE, 61003)] == [
        (one.line, one.code, one.level, one.port) for one in found
    ]
    assert "plant.pcap" in (found[0].source or "")
    assert 61002 == found[0].alternative


def test_a_row_for_every_host_meets_what_was_seen_anywhere() -> None:
    assert ["SEEN"] == codes(said(",61000,tcp,x\n", with_seen(seen(61000, "modbus"))), WARNING)


def test_this_machine_is_asked_for_its_own_rows_alone() -> None:
    held = Listener(Transport.TCP, "0.0.0.0", 61000, Scope.ANY, "listen", 0, (Owner(7, "ntop"),))
    here = Here(
        frozenset({"127.0.0.1"}), [held], PortRange(61010, 61020), [PortRange(61030, 61031)]
    )
    known = Known(CLAIMS.of, POLICIES, frozenset(), (), (), here)

    assert ["TAKEN"] == codes(said("127.0.0.1,61000,tcp,x\n", known))
    assert [] == codes(said("127.0.0.1,61000,tcp,ntop\n", known))
    assert "TAKEN" not in codes(said("127.0.0.1,61000,udp,x\n", known))
    assert ["EPHEMERAL_OVERLAP"] == codes(said("127.0.0.1,61001-61010,tcp,x\n", known), WARNING)[
        -1:
    ]
    assert ["EXCLUDED"] == codes(said("127.0.0.1,61031,tcp,x\n", known), ERROR)
    assert [] == codes(said("10.0.0.5,61031,tcp,x\n", known))


def test_alternatives_are_given_once_and_not_where_something_is() -> None:
    rows = "a,22001,tcp,chart\na,22002,tcp,chart\na,22003,tcp,chart\nb,22001,tcp,chart\n"
    known = with_seen(seen(22005, "modbus", address="a"))
    given_to = {
        one.line: one.alternative
        for one in said(rows + "*,61000,tcp,x\n", known)
        if one.level is ERROR
    }

    assert {2: 22004, 3: 61001, 4: 61002, 5: 22004} == given_to


def test_troubles_and_port_zero_are_errors_with_their_lines() -> None:
    found = said("a,99999,tcp,x\na,0,tcp,x\n")

    assert [(2, "UNREADABLE"), (3, "PORT_ZERO")] == [(one.line, one.code) for one in found]
    assert {ERROR} == {one.level for one in found}


def test_whoever_connects_to_a_published_service_uses_its_number() -> None:
    assert [] == said("a,502,tcp,x,connect-known-service\n")
    assert "NO_KNOWN_SERVICE" in codes(said("a,61234,tcp,chart,connect-known-service\n"), ERROR)
    assert ["NO_IANA"] == codes(said("a,8085,tcp,chart,connect-own-protocol\n"), ERROR)


def test_every_code_is_explained() -> None:
    told = explained(POLICIES)
    rows = "".join(f"a,{number},,chart {number}\n" for number in range(1, HIGHEST, 499))

    assert set(codes(said(rows))) <= told.keys()
    assert all(short and full for short, full in told.values())


class Counted:
    """Claims, and how often they were asked."""

    def __init__(self) -> None:
        self.asked = 0

    def of(self, number: int, transport: Transport | None) -> tuple[object, ...]:
        self.asked += 1
        return CLAIMS.of(number, transport)


@pytest.mark.parametrize(
    "row",
    [
        lambda n: f"10.{n >> 16}.{n >> 8 & 255}.{n & 255},{n * 7 % 65000 + 1},tcp,chart\n",
        lambda n: f"10.0.0.1,{n % 9000 + 1000}-{n % 9000 + 63000},,chart\n",
        lambda n: f"*,{n % 60000 + 1}-65535,,use {n}\n",
    ],
    ids=["hosts", "one host", "wide ranges"],
)
def test_the_work_grows_with_the_rows_and_not_with_their_square(row: Callable[[int], str]) -> None:
    def work(rows: int) -> int:
        counted = Counted()
        known = Known(counted.of, POLICIES, frozenset(), systems())  # type: ignore[arg-type]
        judge(read_plan(HEAD + "".join(map(row, range(rows))), "x.csv"), known, "x")
        return counted.asked

    work(10)
    assert work(800) <= 2.5 * work(400) + 10_000


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "*", ""]),
            st.integers(0, HIGHEST),
            st.sampled_from(["tcp", "udp", "", "sctp"]),
            st.text(max_size=12),
        ),
        max_size=8,
    )
)
def test_any_plan_is_judged_and_alternatives_are_really_free(
    rows: list[tuple[str, int, str, str]],
) -> None:
    text = HEAD + "".join(
        f'{host},{port},{transport},"chart"\n' for host, port, transport, _ in rows
    )
    found = said(text.removeprefix(HEAD))
    planned = {port for _, port, _, _ in rows}

    for one in found:
        assert 2 <= one.line <= len(rows) + 1
        if one.alternative is not None:
            assert one.alternative not in planned
            assert POLICIES[0].judge(one.alternative, one.transport).allowed
