"""Port policies: Opto 22's own, at every edge, and a site's own in the same words."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.claims.loading import policy
from portbook.claims.policies import LINUX_EPHEMERAL, Policy, Role, parse_policy, parse_role
from portbook.errors import SourceError, UsageError
from portbook.ports import PortRange, Transport

TCP, UDP = Transport.TCP, Transport.UDP


@pytest.fixture(scope="module")
def opto22() -> Policy:
    return policy("opto22")


EDGES = [
    (0, False, "NO_IANA"),
    (19, False, "NO_IANA"),
    (20, False, "NO_OPTO_PROTOCOL"),
    (21, False, "NO_OPTO_PROTOCOL"),
    (22, False, "NO_IANA"),
    (25, False, "NO_OPTO_PROTOCOL"),
    (67, False, "NO_OPTO_PROTOCOL"),
    (68, False, "NO_OPTO_PROTOCOL"),
    (161, False, "NO_OPTO_PROTOCOL"),
    (162, False, "NO_OPTO_PROTOCOL"),
    (502, False, "NO_OPTO_PROTOCOL"),
    (1023, False, "NO_IANA"),
    (1024, False, "NO_IANA"),
    (2000, False, "NO_IANA"),
    (2001, False, "NO_OPTO_FIRMWARE"),
    (2003, False, "NO_OPTO_FIRMWARE"),
    (2004, False, "NO_IANA"),
    (2221, False, "NO_IANA"),
    (2222, False, "NO_OPTO_PROTOCOL"),
    (2223, False, "NO_IANA"),
    (21999, False, "NO_IANA"),
    (22000, False, "NO_OPTO_FIRMWARE"),
    (22003, False, "NO_OPTO_FIRMWARE"),
    (22004, True, "OK_RESERVED"),
    (22005, True, "OK_RESERVED"),
    (22006, False, "NO_IANA"),
    (22499, False, "NO_IANA"),
    (22500, False, "NO_OPTO_FIRMWARE"),
    (22531, False, "NO_OPTO_FIRMWARE"),
    (22532, False, "NO_IANA"),
    (23566, False, "NO_IANA"),
    (23567, False, "NO_OPTO_FIRMWARE"),
    (23568, False, "NO_IANA"),
    (44817, False, "NO_IANA"),
    (44818, False, "NO_OPTO_PROTOCOL"),
    (44819, False, "NO_IANA"),
    (49151, False, "NO_IANA"),
    (49152, True, "OK_DYNAMIC"),
    (49999, True, "OK_DYNAMIC"),
    (50000, False, "NO_OPTO_INTERNAL"),
    (50999, False, "NO_OPTO_INTERNAL"),
    (51000, True, "OK_DYNAMIC"),
    (65535, True, "OK_DYNAMIC"),
]


@pytest.mark.parametrize("transport", [None, TCP, UDP])
@pytest.mark.parametrize(("number", "allowed", "code"), EDGES)
def test_edges_of_the_opto22_policy(
    opto22: Policy, number: int, allowed: bool, code: str, transport: Transport | None
) -> None:
    verdict = opto22.judge(number, transport)

    assert (allowed, code) == (verdict.allowed, verdict.code)
    assert verdict.reason


@pytest.mark.parametrize("number", [-1, 65536])
def test_a_number_that_is_no_port_is_refused(opto22: Policy, number: int) -> None:
    with pytest.raises(UsageError, match=f"0 to 65535, got {number}"):
        opto22.judge(number)


def test_every_port_has_exactly_one_row_of_the_partition(opto22: Policy) -> None:
    general = Counter(opto22.judge(number).general for number in range(65536))

    assert {
        PortRange(0, 22003): 22004,
        PortRange(22004, 22005): 2,
        PortRange(22006, 49151): 27146,
        PortRange(49152, 49999): 848,
        PortRange(50000, 50999): 1000,
        PortRange(51000, 65535): 14536,
    } == {row.ports: count for row, count in general.items() if row}
    assert 65536 == sum(general.values())


def test_usable_ports_are_15386(opto22: Policy) -> None:
    assert 15386 == sum(opto22.judge(number).allowed for number in range(65536))


def test_level_two_gives_a_reason_and_never_another_verdict(opto22: Policy) -> None:
    for number in range(65536):
        verdict = opto22.judge(number)
        assert verdict.general is not None
        assert verdict.allowed is verdict.general.allowed
    special = Counter(
        row.code for row in opto22.rows if row.level == 2 for _ in range(row.ports.size)
    )
    assert {"NO_OPTO_PROTOCOL": 10, "NO_OPTO_FIRMWARE": 40} == {**+special}


def test_a_range_is_judged_by_its_first_offender(opto22: Policy) -> None:
    verdict = opto22.judge_range(PortRange(49990, 50010))

    assert (50000, False, "NO_OPTO_INTERNAL") == (verdict.number, verdict.allowed, verdict.code)


@given(st.tuples(st.integers(0, 65535), st.integers(0, 300)))
def test_a_range_is_judged_as_its_ports_are(pair: tuple[int, int]) -> None:
    opto22 = policy("opto22")
    first, size = pair
    ports = PortRange(first, min(first + size, 65535))

    every = [opto22.judge(number) for number in range(ports.first, ports.last + 1)]
    offenders = [verdict for verdict in every if not verdict.allowed]
    warned = [verdict for verdict in every if verdict.warnings]
    assert (offenders or warned or every)[0] == opto22.judge_range(ports)


def test_only_the_two_ports_for_charts_are_preferred(opto22: Policy) -> None:
    assert [22004, 22005] == [n for n in range(65536) if opto22.judge(n).preferred]


@pytest.mark.parametrize(
    ("number", "ephemeral", "expected"),
    [
        (49152, LINUX_EPHEMERAL, ["EPHEMERAL_OVERLAP"]),
        (60999, LINUX_EPHEMERAL, ["EPHEMERAL_OVERLAP"]),
        (61000, LINUX_EPHEMERAL, []),
        (61000, PortRange(49152, 65535), ["EPHEMERAL_OVERLAP"]),
        (49152, None, []),
        (22004, LINUX_EPHEMERAL, []),
        (62541, LINUX_EPHEMERAL, ["LOCAL_SERVICE"]),
        (50500, LINUX_EPHEMERAL, []),  # a no needs no further warning
        (0, LINUX_EPHEMERAL, ["PORT_ZERO"]),
    ],
)
def test_warnings_stand_beside_the_verdict(
    opto22: Policy, number: int, ephemeral: PortRange | None, expected: list[str]
) -> None:
    verdict = opto22.judge(number, TCP, ephemeral=ephemeral)

    assert expected == [warning.code for warning in verdict.warnings]


def test_ignition_speaks_tcp_so_udp_gets_no_warning(opto22: Policy) -> None:
    assert () == opto22.judge(62541, UDP).warnings


@pytest.mark.parametrize(
    ("number", "role", "services", "expected"),
    [
        (502, Role.LISTEN, (), "NO_OPTO_PROTOCOL"),
        (502, Role.CONNECT_OWN, (), "NO_OPTO_PROTOCOL"),
        (502, Role.CONNECT_KNOWN, (), "OK_KNOWN_SERVICE"),
        (502, Role.CONNECT, (), "OK_KNOWN_SERVICE"),
        (22500, Role.CONNECT_KNOWN, (), "OK_KNOWN_SERVICE"),
        (22000, Role.CONNECT_KNOWN, (), "NO_KNOWN_SERVICE"),
        (80, Role.CONNECT_KNOWN, ("http",), "OK_KNOWN_SERVICE"),
        (80, Role.CONNECT, ("http",), "OK_KNOWN_SERVICE"),
        (80, Role.CONNECT_OWN, ("http",), "NO_IANA"),
        (51234, Role.CONNECT_KNOWN, (), "NO_KNOWN_SERVICE"),
        (51234, Role.CONNECT, (), "OK_DYNAMIC"),
        (51234, Role.CONNECT_OWN, (), "OK_DYNAMIC"),
    ],
)
def test_roles(
    opto22: Policy, number: int, role: str, services: tuple[str, ...], expected: str
) -> None:
    verdict = opto22.judge(number, TCP, role, services=services)

    assert expected == verdict.code
    assert expected.startswith("OK") is verdict.allowed


def test_who_connects_gets_no_warning_of_the_ephemeral_range(opto22: Policy) -> None:
    assert () == opto22.judge(51234, TCP, "connect-own-protocol").warnings


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(UsageError, match="not a role of a port: 'bind'"):
        parse_role("bind")


def test_all_thirteen_resolutions_stand_as_notes(opto22: Policy) -> None:
    assert [f"C{number}" for number in range(1, 14)] == [key for key, _ in opto22.notes]
    assert all(text for _, text in opto22.notes)


def test_the_policy_names_its_source(opto22: Policy) -> None:
    assert "TCP and UDP Port Assignments" in opto22.source.title


SITE = """
policy: plant
source: our own rules | 2026-01-15
prefer: 5000-5001
row: 1 | 0-65535 | any | no | NOT_OURS
row: 2 | 5000-5010 | any | yes | OURS | us | test stands | server | agreed with the plant
row: 3 | 5005 | udp | no | CLOCKS
"""


def test_a_site_writes_its_own_policy_in_the_same_words() -> None:
    site = parse_policy(SITE, "plant.txt")

    assert ("plant", "our own rules", "2026-01-15") == (
        site.name,
        site.source.title,
        site.source.date,
    )
    assert [False, True, True, False] == [
        site.judge(number, transport).allowed
        for number, transport in ((4999, TCP), (5000, TCP), (5005, TCP), (5005, UDP))
    ]
    assert not site.judge(5005).allowed  # any transport: one of them is refused
    assert site.judge(5001).preferred


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("policy: plant", ""), "plant.txt: a policy needs a line `policy: ...`"),
        (("0-65535", "0-65534"), "nothing covers 65535"),
        (("0-65535", "1-65535"), "nothing covers 0"),
        (("2 | 5000-5010", "1 | 5000-5010"), "line 6: 5000-5010 overlaps 0-65535 on level 1"),
        (("5000-5010", "5010-5000"), "line 6: a port range runs upwards"),
        (("5000-5010", "5000-70000"), "line 6: port must be 0 to 65535"),
        (("yes | OURS", "maybe | OURS"), "line 6: the verdict is yes or no"),
        (("row: 2", "row: x"), "line 6: a level is 1 to 9"),
        (("row: 2", "row: ²"), "line 6: a level is 1 to 9"),
        (("row: 3", "rule: 3"), "line 7: no such line in a policy: 'rule'"),
        (("| udp |", "| ipx |"), "line 7: not a transport"),
        (("0-65535 | any", "0-65535 | tcp"), "rows of level 1 hold for any transport"),
        (("prefer: 5000-5001", "prefer: soon"), "line 4: not a port"),
        (("policy: plant", "just words"), "line 2: write `key: value"),
        ((" | no | CLOCKS", ""), "line 7: a row is"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused_with_its_line(
    change: tuple[str, str], expected: str
) -> None:
    with pytest.raises(UsageError) as raised:
        parse_policy(SITE.replace(*change), "plant.txt")

    assert expected in str(raised.value)
    assert "plant.txt" in str(raised.value)


@given(st.text(max_size=200))
def test_odd_text_is_refused_and_nothing_else(text: str) -> None:
    with pytest.raises(UsageError):
        parse_policy(text + "\nrow: 1 | 0-9 | any | no | X")


def test_a_policy_is_read_from_a_path(tmp_path: Path) -> None:
    path = tmp_path / "plant.txt"
    path.write_text(SITE, encoding="utf-8")

    assert "plant" == policy(str(path)).name


def test_a_policy_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.txt: .*one of: opto22"):
        policy(str(tmp_path / "none.txt"))


def test_a_policy_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plant.txt"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(UsageError, match="not UTF-8"):
        policy(str(path))
