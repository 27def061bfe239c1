"""Plural forms of catalogues agree with CLDR's rules, for every language that CLDR has."""

from __future__ import annotations

import gettext
import re

import pytest
from babel import Locale, localedata
from hypothesis import given
from hypothesis import strategies as st

from portbook.faces.languages.plurals import plural_forms

LANGUAGES = sorted(name for name in localedata.locale_identifiers() if "_" not in name)


def form(locale: Locale, n: int) -> str:
    """Return the form that gettext takes for a count by our header."""
    names, header = plural_forms(locale)
    match = re.fullmatch(r"nplurals=(\d+); plural=\((.+)\);", header)
    assert match is not None
    assert len(names) == int(match[1])
    return names[gettext.c2py(match[2])(n)]


@pytest.mark.parametrize(
    ("tag", "names"),
    [
        ("en", ("one", "other")),
        ("de", ("one", "other")),
        ("cs", ("one", "few", "other")),  # "many" is for fractions
        ("es", ("one", "many", "other")),  # "many" is for millions
        ("ja", ("other",)),
        ("zh-Hant", ("other",)),
        ("pl", ("one", "few", "many")),
        ("ar", ("zero", "one", "two", "few", "many", "other")),
    ],
)
def test_a_language_has_the_forms_that_whole_numbers_take(tag: str, names: tuple[str, ...]) -> None:
    assert names == plural_forms(Locale.parse(tag, sep="-")).names


def test_the_header_reads_as_gettext_has_it() -> None:
    wanted = "nplurals=3; plural=(n==1 ? 0 : n>=2 && n<=4 ? 1 : 2);"
    assert wanted == plural_forms(Locale("cs")).header


@pytest.mark.parametrize(
    ("n", "name"),
    [(0, "other"), (1, "one"), (2, "few"), (5, "other"), (11, "other"), (21, "other")],
)
def test_a_czech_count_takes_its_form(n: int, name: str) -> None:
    assert name == form(Locale("cs"), n)


@pytest.mark.parametrize("name", LANGUAGES)
def test_gettext_takes_the_form_that_cldr_says(name: str) -> None:
    locale = Locale(name)
    for n in (*range(210), 1000, 1001, 10**6, 10**6 + 1, 2 * 10**6, 123456):
        assert locale.plural_form(n) == form(locale, n), n


@given(st.sampled_from(["cs", "es", "pl", "ar", "br", "gv", "lt"]), st.integers(0, 10**12))
def test_any_count_takes_the_form_that_cldr_says(name: str, n: int) -> None:
    assert Locale(name).plural_form(n) == form(Locale(name), n)
