"""Which language a reader gets, whatever the browser sends."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.faces.languages import PSEUDO, Language, choose, pseudo
from portbook.faces.languages.choosing import MOST_CHARACTERS, MOST_WISHES

OFFERED = {tag: Language(tag) for tag in ("cs", "de", "en", "es", "ja", "zh-Hant")}
BRAZIL = OFFERED | {tag: Language(tag) for tag in ("pt", "pt-BR", "he", "sr-Latn")}


def chosen(header: str | None, cookie: str | None = None, default: str = "en") -> str:
    return choose(header, cookie, default, OFFERED).tag


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        # what browsers send
        ("cs-CZ,cs;q=0.9,en;q=0.8", "cs"),
        ("de-AT,de;q=0.9,en-US;q=0.8,en;q=0.7", "de"),
        ("es-419,es;q=0.9", "es"),
        ("ja", "ja"),
        ("fr-FR,fr;q=0.9,de;q=0.5", "de"),
        # the script that a region implies
        ("zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7", "zh-Hant"),
        ("zh-HK", "zh-Hant"),
        ("zh-MO", "zh-Hant"),
        ("zh-Hant", "zh-Hant"),
        ("zh-Hant-TW", "zh-Hant"),
        ("zh-hant-hk", "zh-Hant"),
        ("cmn-Hant", "zh-Hant"),
        ("zh-CN,zh;q=0.9,ja;q=0.5", "ja"),
        ("zh-Hans,cs;q=0.1", "cs"),
        ("zh-Hans-TW,cs;q=0.1", "cs"),
        ("zh-SG,de", "de"),
        ("zh", "en"),
        ("zh-CN", "en"),
        # weights
        ("de;q=0.1,cs;q=0.9", "cs"),
        ("de;q=0.9, cs;q=0.9", "de"),
        ("de ; q=0.5 , cs", "cs"),
        ("de;Q=0.5,es;q=0.51", "es"),
        ("de;q=0,cs;q=0.001", "cs"),
        ("de;q=0", "en"),
        ("en;q=0,de;q=0.1", "de"),
        ("de;q=1.000", "de"),
        # what is no weight makes no wish
        ("de;q=1.1,cs;q=0.2", "cs"),
        ("de;q=-1,cs;q=0.2", "cs"),
        ("de;q=,cs;q=0.2", "cs"),
        ("de;q=0.1234,cs;q=0.01", "cs"),
        ("de;level=1,cs;q=0.2", "cs"),
        # anything
        ("*", "en"),
        ("fr,*;q=0.1", "en"),
        ("*;q=0.1,ja;q=0.2", "ja"),
        ("en;q=0,*", "cs"),
        # nothing
        (None, "en"),
        ("", "en"),
        (",,,;;;===", "en"),
        ("tlh,fr,i-klingon,x-private", "en"),
        ("de_CH", "de"),
        ("DE-de", "de"),
    ],
)
def test_the_browser_gets_what_it_asks_for(header: str | None, tag: str) -> None:
    assert tag == chosen(header)


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("pt-BR", "pt-BR"),
        ("pt-br,pt;q=0.9", "pt-BR"),
        ("pt", "pt"),
        ("pt-PT", "pt"),
        ("iw", "he"),  # the name that Hebrew had until 1989
        ("sr", "en"),  # Cyrillic
        ("sr-ME,de;q=0.1", "sr-Latn"),
        ("pt-BR;q=0,pt", "pt"),
    ],
)
def test_the_closest_of_several_is_taken(header: str, tag: str) -> None:
    assert tag == choose(header, None, "en", BRAZIL).tag


@pytest.mark.parametrize("cookie", ["zh-Hant", "ZH-hant", " zh-Hant "])
def test_what_was_chosen_by_hand_comes_first(cookie: str) -> None:
    assert chosen("cs;q=1.0", cookie) == "zh-Hant"


@pytest.mark.parametrize("cookie", ["", "fr", "../cs", "cs\r\nx: y", "zh", "c" * 100_000, PSEUDO])
def test_what_there_is_not_cannot_be_chosen_by_hand(cookie: str) -> None:
    assert chosen("ja", cookie) == "ja"


def test_who_asks_for_nothing_gets_the_owners_language() -> None:
    assert chosen(None, None, "de") == "de"
    assert chosen("fr", None, "de") == "de"
    assert chosen("*", None, "de") == "de"
    assert chosen("en", None, "de") == "en"
    assert chosen(None, None, "fr") == "en"


def test_the_pseudo_language_is_chosen_only_where_it_is_offered() -> None:
    offered = OFFERED | {PSEUDO: pseudo()}
    assert choose("ja", PSEUDO, "en", offered).tag == PSEUDO
    assert choose("en", None, "en", offered).tag == "en"


def test_all_languages_are_offered_when_nothing_else_is_said(tmp_path: Path) -> None:
    assert choose(None, None).tag == "en"


def test_wishes_beyond_the_bound_are_not_read() -> None:
    assert chosen("fr," * MOST_WISHES + "de") == "en"
    assert chosen("fr," * (MOST_WISHES - 1) + "de") == "de"
    assert chosen(" " * MOST_CHARACTERS + "de") == "en"


@given(
    st.one_of(
        st.none(),
        st.text(max_size=3000),
        st.text(alphabet="abcdehnstwzHTW-_;=q*., 0123456789", max_size=300),
        st.lists(
            st.sampled_from(["de", "zh-TW", "zh", "*", "en;q=0", "ja;q=0.5", "x;;q", "a-" * 20])
        ).map(",".join),
    ),
    st.one_of(st.none(), st.text()),
    st.sampled_from([*OFFERED, "fr", ""]),
)
def test_whatever_is_sent_there_is_an_answer(
    header: str | None, cookie: str | None, default: str
) -> None:
    language = choose(header, cookie, default, OFFERED)
    assert language in OFFERED.values()
    assert language is choose(header, cookie, default, OFFERED)


@given(st.permutations(["cs;q=0.9", "de;q=0.8", "ja;q=0.7", "fr", "zh-CN", "en;q=0.1"]))
def test_the_order_of_different_weights_does_not_count(wishes: list[str]) -> None:
    assert chosen(",".join(wishes)) == "cs"
