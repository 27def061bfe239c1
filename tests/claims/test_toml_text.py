"""TOML within bounds, with lines."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.claims.toml_text import LARGEST, LONGEST_LINE, read_toml, table_lines
from portbook.errors import UsageError


def test_tables_are_found_where_they_stand_and_nowhere_else() -> None:
    text = '''title = """
[[port]]
"""
# [[port]]
[[port]]
a = '[[port]]'
  [[ port ]]  # again
b = "x # [[port]]"
[[other-1]]
'''

    assert {"port": [5, 7], "other-1": [9]} == table_lines(text)
    assert 2 == len(read_toml(text, "x")["port"])


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a = 1\nb = \n", "plan.toml, line 2"),
        ("a = 1\nb = [", "plan.toml, line 2"),
        ("a = " + "[" * 5000, "nested too deep"),
        ("a = " + "{b = " * 3000, "nested too deep"),
        ("\n\na" + ".a" * 2000 + " = 1", "line 3: a key of more than 16 parts"),
        ('a = {"x"' + ' . "x"' * 40 + " = 1}", "a key of more than 16 parts"),
        ("a = " + "9" * 5000, "must be TOML"),
        ("a = 2026-02-31", "line 1"),
        ("# " + "x" * LONGEST_LINE, "line 1: longer"),
        ("#\n" * (LARGEST // 2 + 1), "larger than 4 MiB"),
    ],
)
def test_a_bomb_or_a_fault_is_named_with_its_place(text: str, where: str) -> None:
    with pytest.raises(UsageError, match=where):
        read_toml(text, "plan.toml")


def test_sentences_with_full_stops_are_no_deep_keys() -> None:
    text = 'use = "' + "one word. " * 40 + '"'

    assert read_toml(text, "x")["use"].startswith("one")


@given(st.text(alphabet="[]{}\"'=.#\n a1", max_size=200))
def test_odd_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(UsageError):
        read_toml(text, "x")
    assert all(line >= 1 for lines in table_lines(text).values() for line in lines)
