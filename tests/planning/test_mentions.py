"""The ports that a file speaks of, with the line where each stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.planning import lint
from portbook.planning.mentions import LONGEST_LINE, MOST_MENTIONS
from portbook.ports import Transport

STRATEGY = """( a compiled strategy, as the vendor's own test strategy has it )
1 0 0 0 10000 2001 $7F000001 0 MBOARD %Learning_Center
2 5 0 1 10000 22500 $0A000009 0 MBOARD %Serial
"""


def test_a_strategy_names_its_units_with_port_and_address() -> None:
    first, second = lint(STRATEGY)

    assert (2, 2001, "I/O unit Learning_Center at 127.0.0.1") == (
        first.line,
        first.number,
        first.what,
    )
    assert (3, 22500, "I/O unit Serial at 10.0.0.9") == (second.line, second.number, second.what)
    assert "connect-known-service" == first.role


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"tcp:10.0.0.5:22004"', [(22004, "tcp", "connect")]),
        ("tcp:[fe80::1]:2001", [(2001, "tcp", "connect")]),
        ("TCP:22005", [(22005, "tcp", "listen")]),
        ("udp:plc-4.example.org:1743", [(1743, "udp", "connect")]),
        ("9/udp, 1-3/TCP", [(9, "udp", "listen"), (1, "tcp", "listen"), (3, "tcp", "listen")]),
        ("http://10.0.0.5:8080/index", [(8080, None, "connect")]),
        ("[fe80::1]:80", [(80, None, "connect")]),
        ("localhost:5000", [(5000, None, "connect")]),
        ("listen_port = 5000", [(5000, None, "listen")]),
        ('"port": 502,', [(502, None, "listen")]),
        ("PORT=8080", [(8080, None, "listen")]),
        ("the port is 4840.", [(4840, None, "listen")]),
        ("ports 1, 2 and 443", [(1, None, "listen"), (2, None, "listen"), (443, None, "listen")]),
        ("ports: 22500-22531", [(22500, None, "listen"), (22531, None, "listen")]),
        ("22004", [(22004, None, "listen")]),
        ("  22004,  # charts", [(22004, None, "listen")]),
        ("tcp:10.0.0.5:99999", [(99999, "tcp", "connect")]),
    ],
)  # fmt: skip
def test_ports_in_a_line(text: str, expected: list[tuple[int, str | None, str]]) -> None:
    assert expected == [(one.number, one.transport, one.role) for one in lint(text)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "at 12:30:45 on 2026-11-21",
        "version 1.2.3.4",
        "see report 7, chapter 12",
        "port 1.5",
        "10/100/1000 Mbit/s",
        "support 24",
        "MBOARD %Name",
        "2001 $GGGG 0 MBOARD %Name",
        "1234567",
    ],
)
def test_other_numbers_are_left_alone(text: str) -> None:
    assert [] == lint(text)


def test_a_number_that_is_no_port_is_told_as_such() -> None:
    assert [False, True, False] == [one.valid for one in lint("0\n65535\n65536")]


def test_the_same_place_is_told_once() -> None:
    (only,) = lint("port tcp:10.0.0.5:22004")

    assert (22004, Transport.TCP) == (only.number, only.transport)


def test_lines_are_counted_whatever_ends_them() -> None:
    assert [1, 2, 3] == [one.line for one in lint("1/tcp\r\n2/tcp\n3/tcp")]


def test_long_lines_and_long_files_are_bounded() -> None:
    assert [] == lint("x" * LONGEST_LINE + " 80/tcp")
    assert MOST_MENTIONS == len(lint("80/tcp\n" * (MOST_MENTIONS + 5)))


@given(st.text(max_size=300))
def test_odd_text_never_raises(text: str) -> None:
    for one in lint(text):
        assert one.line >= 1
        assert 0 <= one.number < 1_000_000


@pytest.mark.parametrize(
    "part", ["port " * 800, "ports 1," * 500, "a." * 2000, "1" * 4000, "::" * 2000]
)
def test_hostile_lines_are_read_in_time(part: str) -> None:
    assert len(lint(part)) < LONGEST_LINE
