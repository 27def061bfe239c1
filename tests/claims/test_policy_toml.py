"""A site's own policy as TOML is the same policy as in the plain form."""

from __future__ import annotations

import pytest

from portbook.claims.loading import CLAIMING, SHIPPED, policy
from portbook.claims.policies import Policy, parse_policy
from portbook.errors import UsageError
from portbook.ports import HIGHEST, PortRange, Transport

SITE = """policy = "plant"
title = "Ports of the plant"
source = ["minutes of the works council", "2026-01-15", "page 3"]
prefer = ["5000-5003", "5008"]
otherwise = "no"
for = ["press line", "Crane"]

[[row]]
ports = "5000-5099"
allowed = "yes"
code = "OURS"
reason = "set aside for our own programs"

[[row]]
level = 3
ports = ["5050", "5060-5061"]
transport = "udp"
allowed = "no"
reason = "the clocks"

[[local]]
ports = "5001"
transport = "tcp"
service = "time server"
"""
PLAIN = """policy: plant
title: Ports of the plant
source: minutes of the works council | 2026-01-15 | page 3
prefer: 5000-5003, 5008
for: press line | Crane
row: 1 | 0-65535 | any | no | NO_OTHERWISE |  |  |  | no row of the policy speaks of it
row: 2 | 5000-5099 | any | yes | OURS |  |  |  | set aside for our own programs
row: 3 | 5050, 5060-5061 | udp | no | NOT_OURS |  |  |  | the clocks
local: 5001 | tcp | time server |
"""


def test_both_forms_are_one_policy() -> None:
    assert parse_policy(PLAIN, "plant").text == parse_policy(SITE, "plant.toml").text


def test_it_answers_for_every_port() -> None:
    plant = parse_policy(SITE, "plant.toml")

    assert plant.judge(5000, Transport.TCP).preferred
    assert plant.judge(5050, Transport.TCP).allowed
    assert not plant.judge(5050, Transport.UDP).allowed
    assert not plant.judge(5050).allowed
    assert ("NO_OTHERWISE", 5100) == (
        (verdict := plant.judge_range(PortRange(5090, 5110), Transport.TCP)).code,
        verdict.number,
    )
    assert ["LOCAL_SERVICE"] == [one.code for one in plant.judge(5001, Transport.TCP).warnings]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (SITE + "\n[[row]]\nports = 7\n", "line 26: allowed is"),
        (SITE.replace('"OURS"', '"OURS"\ncolour = "red"'), "line 8: no such key: 'colour'"),
        (SITE.replace("5000-5099", "5000-99999"), "line 8: port must be"),
        (SITE + '\n[[row]]\nports = "5098-5200"\nallowed = true\n', "line 26: .* overlaps"),
        ('policy = "x"\n[[row]]\nports = "1-2"\nallowed = "no"\nlevel = 1\n', "nothing covers 0"),
        ('policy = "x"\nrows = 1\n', "no such key: 'rows'"),
        ('policy = "x"\nrow = 1\n', r"tables \[\[row\]\]"),
        ('policy = "x"\nrow = [1]\n', r"table \[\[row\]\]"),
        ('title = "x"\notherwise = "yes"\n', "needs a line `policy"),
        ('policy = "x"\notherwise = "maybe"\n', 'allowed is "yes" or "no"'),
    ],
)
def test_what_cannot_be_is_named_with_its_line(text: str, what: str) -> None:
    with pytest.raises(UsageError, match=what) as error:
        parse_policy(text, "plant.toml")
    assert str(error.value).startswith("plant.toml")


def shipped() -> list[Policy]:
    return [policy(name) for name in SHIPPED]


@pytest.mark.parametrize("one", shipped(), ids=lambda one: one.name)
def test_a_shipped_policy_has_a_source_a_use_and_a_word_for_every_port(one: Policy) -> None:
    assert one.source.title
    assert one.source.where
    assert one.text.uses
    assert {one.judge(number).policy for number in range(0, HIGHEST + 1, 97)} == {one.name}
    for row in one.rows:
        assert row.reason
        assert row.allowed is row.code.startswith("OK_")


def test_policies_beside_opto22_make_no_claims_of_their_own() -> None:
    assert ("opto22",) == CLAIMING
    for one in shipped()[1:]:
        assert not any(row.owner == one.vendor for row in one.rows)


@pytest.mark.parametrize(
    ("name", "number", "transport", "allowed"),
    [
        ("codesys", 1739, "udp", True),
        ("codesys", 1740, "udp", False),
        ("codesys", 1743, "udp", False),
        ("codesys", 1743, "tcp", True),
        ("codesys", 1744, "udp", True),
        ("codesys", 11740, "tcp", False),
        ("codesys", 11743, "tcp", False),
        ("codesys", 11744, "tcp", True),
        ("codesys", 1217, "tcp", False),
        ("unitrends", 1743, "tcp", False),
        ("unitrends", 1743, "udp", True),
        ("unitrends", 1744, "tcp", True),
        ("unitrends", 1745, "tcp", False),
        ("unitrends", 1844, "tcp", False),
        ("unitrends", 1845, "tcp", True),
        ("reftek", 2543, "udp", False),
        ("reftek", 2543, "tcp", False),
        ("reftek", 2544, "tcp", False),
        ("reftek", 2544, "udp", True),
    ],
)
def test_the_edges_of_the_shipped_tables(
    name: str, number: int, transport: str, allowed: bool
) -> None:
    assert allowed is policy(name).judge(number, Transport(transport)).allowed
