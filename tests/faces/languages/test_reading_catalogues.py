"""Catalogues are read strictly: what is wrong in one is told with file and line."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import SourceError
from portbook.faces.languages import Language
from portbook.faces.languages.catalogues import LARGEST_OCTETS, extra_headers, read, spoken

HEAD = (
    'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    '"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n>=2 && n<=4 ? 1 : 2);\\n"\n'
)


def catalogue(folder: Path, text: str | bytes, name: str = "cs.po") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('\nmsgid "a"\nmsgstr "b"\n\nmsgid "a"\nmsgstr "c"\n', "twice"),
        ('\nmsgid "a"\nmsgwhat "b"\n', "line 7"),
        ('\nmsgid "a"\nmsgid_plural "as"\nmsgstr[7] "b"\n', "more translations"),
        ('\nmsgid "a"\n', "missing msgstr"),
    ],
)
def test_a_broken_catalogue_is_told_with_file_and_place(
    tmp_path: Path, body: str, told: str
) -> None:
    path = catalogue(tmp_path, HEAD + body)
    with pytest.raises(SourceError, match=rf"cs\.po(?s:.)*({told})"):
        read(path)


def test_a_catalogue_without_a_head_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="head is missing"):
        read(catalogue(tmp_path, 'msgid "a"\nmsgstr "b"\n'))


def test_octets_that_are_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is no catalogue"):
        read(catalogue(tmp_path, HEAD.encode() + b'\nmsgid "\xff\xfe"\nmsgstr "b"\n'))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"de\.po cannot be read"):
        Language("de", tmp_path / "de.po").gettext("a")


def test_a_file_larger_than_any_catalogue_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cs.po"
    with path.open("wb") as stream:
        stream.truncate(LARGEST_OCTETS + 1)
    with pytest.raises(SourceError, match="larger than 4 MiB"):
        read(path)


def test_a_plural_rule_that_cannot_be_followed_is_refused(tmp_path: Path) -> None:
    text = HEAD.replace("n==1 ? 0", "import os")
    with pytest.raises(SourceError, match="Plural-Forms"):
        spoken(catalogue(tmp_path, text))


def test_how_many_digits_are_grouped_is_one_or_two(tmp_path: Path) -> None:
    line = '"X-Minimum-Grouping-Digits: {}\\n"\n'
    path = catalogue(tmp_path, HEAD + line.format(2))
    assert spoken(path).minimum_grouping == 2
    assert extra_headers(path) == {"X-Minimum-Grouping-Digits": "2"}
    with pytest.raises(SourceError, match="must be 1 or 2"):
        spoken(catalogue(tmp_path, HEAD + line.format("many")))


def test_what_is_fuzzy_is_not_said(tmp_path: Path) -> None:
    path = catalogue(tmp_path, HEAD + '\n#, fuzzy\nmsgid "a"\nmsgstr "b"\n')
    assert Language("cs", path).gettext("a") == "a"


@given(st.text(alphabet=' \n"#~,:[]0123\\msgidtrctxplu_é%', max_size=200))
def test_no_text_is_met_with_anything_but_a_source_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = catalogue(tmp_path_factory.getbasetemp(), HEAD + "\n" + text, "de.po")
    with suppress(SourceError):
        Language("de", path).gettext("a")
