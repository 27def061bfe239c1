"""Every catalogue is complete, well filled and up to date with what the interface says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from portbook.faces.languages import SOURCE, languages
from portbook.faces.languages.catalogues import FOLDER, read
from portbook.faces.languages.checking import EVERY, missing, problems, same, untouched
from portbook.faces.languages.extraction import messages

SCRIPT = Path(__file__).parents[3] / "scripts" / "update_languages.py"
PROMISED = ("cs", "de", "es", "ja", "zh-Hant")  # beside English
CATALOGUES = sorted({path.stem for path in FOLDER.glob("*.po")} | set(PROMISED))
SAID = messages()


def test_the_six_languages_are_there() -> None:
    assert {*PROMISED, SOURCE} <= languages().keys()


@pytest.mark.parametrize("tag", CATALOGUES)
def test_nothing_is_missing(tag: str) -> None:
    assert [] == [one.singular for one in missing(read(FOLDER / f"{tag}.po"), SAID)]


@pytest.mark.parametrize("tag", CATALOGUES)
def test_nothing_is_filled_badly(tag: str) -> None:
    assert [] == problems(tag, read(FOLDER / f"{tag}.po"), SAID)


@pytest.mark.parametrize("tag", CATALOGUES)
def test_nothing_is_left_in_english_but_what_is_listed_with_its_reason(tag: str) -> None:
    listed = {message for message, tags in same().items() if {tag, EVERY} & tags}
    left = [one.singular for one in untouched(read(FOLDER / f"{tag}.po"), SAID)]
    assert [] == [text for text in left if text not in listed]


def test_each_listing_of_what_stays_english_is_needed() -> None:
    left = {
        tag: {one.singular for one in untouched(read(FOLDER / f"{tag}.po"), SAID)}
        for tag in CATALOGUES
    }
    idle = [
        (message, tag)
        for message, tags in same().items()
        for tag in (tags if EVERY not in tags else CATALOGUES)
        if message not in left.get(tag, ())
    ]
    assert [] == idle


@pytest.mark.parametrize("tag", CATALOGUES)
def test_the_catalogue_is_as_the_script_writes_it(tag: str) -> None:
    path = FOLDER / f"{tag}.po"
    assert runpy.run_path(str(SCRIPT))["updated"](path, SAID) == path.read_text()


@pytest.mark.parametrize("tag", CATALOGUES)
def test_every_message_can_be_said(tag: str) -> None:
    language = languages()[tag]
    for one in SAID:
        if one.plural is None:
            told = (
                language.pgettext(one.context, one.singular)
                if one.context
                else language.gettext(one.singular)
            )
            assert told % _Anything()
            continue
        for n in (0, 1, 2, 5, 11, 21, 101, 10**6):
            told = (
                language.npgettext(one.context, one.singular, one.plural, n)
                if one.context
                else language.ngettext(one.singular, one.plural, n)
            )
            assert told % _Anything()


def test_spanish_groups_five_digits_and_more() -> None:
    told = [languages()["es"].number(n) for n in (1234, 12345)]
    assert ["1234", "12.345"] == told


class _Anything(dict[str, int]):
    def __missing__(self, name: str) -> int:
        return 1
