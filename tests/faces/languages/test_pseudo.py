"""The pseudo-language shows what was not said through gettext."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment
from markupsafe import Markup
from support.plain_words import plain_words

from portbook.faces.languages import PSEUDO, Language, languages, pseudo
from portbook.faces.languages.pseudo import CLOSING, OPENING, disguised
from portbook.faces.times import NANO

MORNING = 1_795_248_005 * NANO


def environment(language: Language) -> Environment:
    made = Environment(autoescape=True, extensions=["jinja2.ext.i18n"])
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_callables(  # type: ignore[attr-defined]
        language.gettext,
        language.ngettext,
        newstyle=True,
        pgettext=language.pgettext,
        npgettext=language.npgettext,
    )
    made.globals["language"] = language
    return made


def test_each_letter_is_disguised_and_the_sentence_bracketed() -> None:
    assert disguised("Port 1743") == f"{OPENING}Ƥóóŕţ 1743{CLOSING}"
    assert disguised("1743 – 10.0.0.5") == "1743 – 10.0.0.5"
    assert disguised("") == ""


@pytest.mark.parametrize(
    "kept",
    [
        "%(count)s",
        "%%",
        "%d",
        "{name}",
        "<strong>",
        "</strong>",
        '<a href="/about?x=y" class="button">',
        "<br>",
        "&nbsp;",
        "&#8239;",
        "<code>portbook read plant.pcap</code>",
        '<kbd class="key">Ctrl</kbd>',
    ],
)
def test_placeholders_markup_and_code_are_kept(kept: str) -> None:
    assert f"{OPENING}ţàà {kept} ţàà{CLOSING}" == disguised(f"ta {kept} ta")


@given(st.text())
def test_no_plain_letter_is_left_outside_placeholders_and_markup(text: str) -> None:
    bare = re.sub(r"[<>&%{}]", " ", text)
    assert re.search("[A-Za-z]", disguised(bare)) is None


def test_messages_and_formats_are_disguised() -> None:
    xa = pseudo()
    assert xa.tag == PSEUDO == "en-XA"
    assert xa.gettext("Hi") == "⟦Ĥíí⟧"
    assert xa.ngettext("%(num)s port", "%(num)s ports", 1) == "⟦%(num)s ƥóóŕţ⟧"
    assert xa.ngettext("%(num)s port", "%(num)s ports", 2) == "⟦%(num)s ƥóóŕţš⟧"
    assert xa.pgettext("level", "note") == "⟦ñóóţéé⟧"
    assert xa.npgettext("log", "note", "notes", 3) == "⟦ñóóţééš⟧"
    written = (
        xa.moment(MORNING),
        xa.short(MORNING),
        xa.day(MORNING),
        xa.clock(MORNING),
        xa.ago(0, MORNING),
        xa.duration(200),
        xa.octets(5),
        xa.octets(5000),
        xa.number(float("nan")),
        xa.percent(0.5),
        xa.name,
    )
    assert [] == [text for text in written if re.search("[A-Za-z]", text)]
    assert xa.number(1234) == "1,234"


def test_what_is_listed_stays_as_it_is() -> None:
    assert pseudo().list(["modbus", "enip"]) == "modbus, enip"
    assert Markup("&lt;b&gt;, <i>x</i>") == pseudo().list(["<b>", Markup("<i>x</i>")])


def test_it_is_nobodys_choice() -> None:
    assert PSEUDO not in languages()


def test_it_may_disguise_only_what_a_catalogue_translates(tmp_path: Path) -> None:
    path = tmp_path / "cs.po"
    path.write_text(
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "Devices"\nmsgstr "Zařízení"\n'
    )
    xa = pseudo(Language("cs", path))
    assert xa.gettext("Devices") == disguised("Devices")
    assert xa.gettext("Forgotten") == "Forgotten"
    assert xa.pgettext("level", "Devices") == "Devices"
    assert xa.ngettext("Device", "Devices", 2) == "Devices"


PAGE = """<!doctype html><html lang="en-XA"><title>{{ _("Ports") }}</title>
<p title="{{ _("A title") }}">{{ _("Said, <b>%(who)s</b>.", who=who) }}
{% trans n=3 %}One port{% pluralize %}%(n)s
  ports{% endtrans %} <span lang="en">left in English</span> <code>ss -lntu</code>
<span translate="no">Rockwell</span> <br> {{ language.moment(0) }} <img alt="{{ _("Map") }}">
<textarea placeholder="{{ _("Comment") }}">what somebody wrote</textarea>
%s</p></html>"""


def test_a_page_that_says_all_through_gettext_has_no_plain_word() -> None:
    html = environment(pseudo()).from_string(PAGE.replace("%s</p>", "</p>")).render(who="10.0.0.5")
    assert [] == plain_words(html)


@pytest.mark.parametrize(
    ("slip", "found"),
    [
        ("<b>Forgotten</b>", ["Forgotten"]),
        ('<input placeholder="Search">', ["Search"]),
        ('<a aria-label="Go on">→</a>', ["Go on"]),
        ('<input type="submit" value="Send">', ["Send"]),
        ('<textarea placeholder="Say it"></textarea>', ["Say it"]),
        ('<i lang="en">fine</i> <i>glued</i>', ["glued"]),
        ("<br/><svg><title>Drawn</title></svg>", ["Drawn"]),
        ('{{ _("half") ~ " glued" }}', ["⟦ĥààĺƒ⟧ glued"]),
    ],
)
def test_a_plain_word_on_a_page_is_found(slip: str, found: list[str]) -> None:
    page = PAGE.replace("%s</p>", f"{slip}</p>")
    html = environment(pseudo()).from_string(page).render(who="10.0.0.5")
    assert found == plain_words(html)


def test_words_that_are_known_as_names_may_stand_anywhere() -> None:
    assert plain_words("<p>macOS modbus</p>", frozenset({"macOS"})) == ["macOS modbus"]
    assert plain_words("<p>macOS</p>", frozenset({"macOS"})) == []
