"""Names of files in a raw archive, and the times they stand for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.seismic import names
from portbook.seismic.names import Span

DAY = 86_400_000


@given(ms=st.integers(0, 130 * 366 * DAY), length=st.integers(0, names.LONGEST_MS))
def test_what_is_written_is_read(ms: int, length: int) -> None:
    first_ns = ms * 1_000_000
    path = f"{names.folder(first_ns, 'AE4C', 1)}/{names.file_name(first_ns, length)}"
    day, unit, place, name = path.split("/")

    assert Span(first_ns, first_ns + length * 1_000_000, path) == names.read_name(
        day, f"{unit}/{place}", name
    )


@pytest.mark.parametrize(
    ("day", "name"),
    [
        ("2015282", "225051000_0000865"),
        ("2015282", "225051000-00008656"),
        ("2015282", "245051000_00008656"),
        ("2015282", "226051000_00008656"),
        ("2015282", "٢٢5051000_00008656"),
        ("2015366", "225051000_00008656"),
        ("2015000", "225051000_00008656"),
        ("9999001", "225051000_00008656"),
        ("archive", "225051000_00008656"),
    ],
)
def test_what_is_no_name_is_none(day: str, name: str) -> None:
    assert names.read_name(day, "AE4C/1", name) is None


def test_lower_case_and_suffixes() -> None:
    assert names.read_name("2016139", "9EEF/1", "104800000_000093f8") is not None
    assert names.read_name("2016100", "91F5/9", "065520000_013EE8A0.rt130") is None


@given(st.text(max_size=20))
def test_any_text_is_a_time_or_none(text: str) -> None:
    names.text_ns(text)
    names.day_ns(text)
    names.clock(text)
