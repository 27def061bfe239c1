"""Plans as TOML: rows with their lines, troubles beside them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import UsageError
from portbook.planning.siteplan import (
    MOST_ENTRIES,
    MOST_TROUBLES,
    entries_of,
    plain_host,
    read_toml_plan,
)
from portbook.ports import PortRange, Transport

PLAN = """subnets = ["10.0.1.0/24"]
stations = ["10.0.2.20"]

[[port]]
host = "PLC-1.Plant."
port = 22004
transport = "TCP"
use = "chart"

[[port]]
port = ["502/tcp", "1740-1743/udp", 9]

[[spare]]
host = "::FFFF:10.0.0.9"
ports = "7, 8"
role = "connect"
system = "Windows"
policy = "opto22"
"""


def test_rows_are_read_with_their_lines() -> None:
    plan = read_toml_plan(PLAN, "site.toml")

    assert (("10.0.1.0/24",), ("10.0.2.20",)) == (plan.subnets, plan.stations)
    assert () == plan.troubles
    assert [
        (4, "plc-1.plant", "22004", Transport.TCP, "chart"),
        (10, "*", "502", Transport.TCP, ""),
        (10, "*", "1740-1743", Transport.UDP, ""),
        (10, "*", "9", None, ""),
        (13, "10.0.0.9", "7", None, ""),
        (13, "10.0.0.9", "8", None, ""),
    ] == [(one.line, one.host, str(one.ports), one.transport, one.use) for one in plan.entries]
    assert ("connect", "windows", "opto22") == (
        (last := plan.entries[-1]).role,
        last.system,
        last.policy,
    )


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("port = 65536", "0 to 65535"),
        ("port = -1", "not a port"),
        ("port = true", "not a port"),
        ("port = 1.5", "not a port"),
        ("port = 9223372036854775808", "not a port"),
        ('port = "9-7"', "upwards"),
        ('port = ""', "names no port"),
        ("port = []", "names no port"),
        ('host = "x"', "names no port"),
        ('port = 1\ntransport = "ip"', "not a transport"),
        ('port = "1/udp"\ntransport = "tcp"', "in a row for tcp"),
        ("port = 1\nuse = []", "use must be a text"),
        ('port = 1\nrole = "serve"', "not a role"),
        ('port = 1\nsystem = "beos"', "no such system"),
        ('port = 1\ncolour = "red"', "no such column"),
        ('port = "' + "1 " * 300 + '"', "more than 256 ports"),
        (f'port = 1\nuse = "{"x" * 201}"', "longer than 200"),
    ],
)
def test_a_row_that_cannot_be_read_is_told_and_the_rest_kept(row: str, why: str) -> None:
    plan = read_toml_plan(f"[[port]]\nport = 1\n[[port]]\n{row}\n[[port]]\nport = 2\n", "x")

    assert [1, 2] == [one.ports.first for one in plan.entries]
    assert [3] == [one.line for one in plan.troubles]
    assert why in plan.troubles[0].text


def test_what_is_no_table_is_told() -> None:
    plan = read_toml_plan('colour = "red"\n[[port]]\nport = 1\n', "x")

    assert ["not read: 'colour'"] == [one.text[:18] for one in plan.troubles]
    assert 1 == len(plan.entries)


def test_what_is_no_toml_is_refused_with_its_line() -> None:
    with pytest.raises(UsageError, match=r"x, line 2"):
        read_toml_plan("[[port]]\nport = \n", "x")


def test_entries_and_troubles_are_bounded() -> None:
    row = "[[port]]\nport = [" + ", ".join(map(str, range(1, 257))) + "]\n"
    many = read_toml_plan(row * (MOST_ENTRIES // 256 + 2), "x")
    bad = read_toml_plan("[[port]]\nport = -1\n" * (MOST_TROUBLES + 50), "x")

    assert MOST_ENTRIES <= len(many.entries) < MOST_ENTRIES + 256
    assert "the rest is not read" in many.troubles[-1].text
    assert MOST_TROUBLES + 1 == len(bad.troubles)
    assert "what follows is not read" in bad.troubles[-1].text


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", "*"),
        (" Any ", "*"),
        ("0.0.0.0", "*"),
        ("[FE80::0001]", "fe80::1"),
        ("10.0.0.5", "10.0.0.5"),
        ("Host.Example.", "host.example"),
    ],
)
def test_hosts_are_compared_as_one_would(written: str, expected: str) -> None:
    assert expected == plain_host(written)


values = st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.lists(st.integers())


@given(st.dictionaries(st.sampled_from(["host", "port", "transport", "use", "role"]), values))
def test_odd_rows_are_read_or_refused(table: dict[str, object]) -> None:
    try:
        entries = entries_of(3, table)
    except UsageError:
        return
    for one in entries:
        assert one.line == 3
        assert PortRange(0, 65535).first <= one.ports.first <= one.ports.last <= 65535
