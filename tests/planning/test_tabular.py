"""Plans as CSV."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.planning.siteplan import MOST_TROUBLES
from portbook.planning.tabular import LONGEST_LINE, looks_like_headings, read_csv_plan

ROWS = [(2, "10.0.0.5", "22004", "chart, of boiler 1"), (3, "plc-2", "502", "Modbus")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_comma_semicolon_and_tab_are_one(delimiter: str, ending: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=ending)
    writer.writerow(["Host", "PORT", "Protocol", "purpose", "our own column"])
    writer.writerow(["10.0.0.5", "22004", "tcp", "chart, of boiler 1", "x"])
    writer.writerow(["plc-2", "502", "", "Modbus", ""])
    plan = read_csv_plan(out.getvalue())

    assert () == plan.troubles
    assert ROWS == [(one.line, one.host, str(one.ports), one.use) for one in plan.entries]


def test_without_headings_the_columns_stand_in_order() -> None:
    plan = read_csv_plan("# ours\n\n10.0.0.5,22004,tcp,chart\n10.0.0.6,9\n")

    assert [(3, "22004", "chart"), (4, "9", "")] == [
        (one.line, str(one.ports), one.use) for one in plan.entries
    ]


def test_a_quoted_field_may_run_over_lines() -> None:
    plan = read_csv_plan('host,port,transport,use\na,1,tcp,"two\nlines, ""quoted"""\nb,2,tcp,x\n')

    assert [(2, 'two\nlines, "quoted"'), (4, "x")] == [(one.line, one.use) for one in plan.entries]


def test_an_open_quotation_mark_spoils_its_own_row_alone() -> None:
    plan = read_csv_plan('host,port\na,1\nb,"2\nc,3\nd,4\n')

    assert [1, 3, 4] == [one.ports.first for one in plan.entries]
    assert [(3, True)] == [(one.line, "quotation" in one.text) for one in plan.troubles]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("a,99999", "0 to 65535"),
        ("a,1,tcp,x,y,z", "6 fields under 4 columns"),
        ("a," + "1" * LONGEST_LINE, "longer than"),
        ("," * 70, "more than 64 columns"),
        ('a"b,"c"d', "quotation"),
        ("a,", "names no port"),
        ("a,x\0y", "not a port"),
    ],
)
def test_a_row_that_cannot_be_read_is_told(row: str, why: str) -> None:
    plan = read_csv_plan(f"host,port,transport,use\n{row}\nb,2\n")

    assert [2] == [one.ports.first for one in plan.entries]
    assert [2] == [one.line for one in plan.troubles]
    assert why in plan.troubles[0].text


@pytest.mark.parametrize("line", ['"', '"a', ",", "x" * 5000, '"",""'])
def test_hostile_files_end_early(line: str) -> None:
    plan = read_csv_plan("host,port\n" + f"{line}\n" * 50_000)

    assert len(plan.troubles) == MOST_TROUBLES + 1
    assert plan.troubles[-1].line < 50_000


def test_headings_need_a_port_and_one_more() -> None:
    assert looks_like_headings("Host;Port;Use")
    assert not looks_like_headings("port = 502")
    assert not looks_like_headings("listen 80, 443")


@given(st.text(alphabet=',;\t"\n a1#tcp', max_size=200) | st.text(max_size=100))
def test_odd_text_never_raises(text: str) -> None:
    plan = read_csv_plan(text)

    lines = text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    assert all(1 <= one.line <= lines for one in (*plan.entries, *plan.troubles))
