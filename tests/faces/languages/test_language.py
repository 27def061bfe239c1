"""What languages write, against expectations from CLDR's own charts and a browser's ICU.

Spaces that do not break are written as ~ here.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from babel import localedata
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from portbook.errors import SourceError
from portbook.faces.languages import Language, languages
from portbook.faces.times import NANO

MORNING = 1_795_248_005 * NANO  # 2026-11-21 08:00:05 UTC
DAY_S = 86400
HEAD = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
SPANISH_HEAD = f'{HEAD}"X-Minimum-Grouping-Digits: 2\\n"\n'
CZECH = f"""{HEAD}"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n>=2 && n<=4 ? 1 : 2);\\n"

msgid "Devices"
msgstr "Zařízení"

msgid "%(num)s port"
msgid_plural "%(num)s ports"
msgstr[0] "%(num)s port"
msgstr[1] "%(num)s porty"
msgstr[2] "%(num)s portů"

msgctxt "level"
msgid "note"
msgstr "poznámka"

msgctxt "log"
msgid "%(num)s note"
msgid_plural "%(num)s notes"
msgstr[0] "%(num)s záznam"
msgstr[1] "%(num)s záznamy"
msgstr[2] "%(num)s záznamů"

msgid "Not yet"
msgstr ""
"""

EXPECTED = {
    "en": {
        "moment": "Nov 21, 2026, 08:00:05 UTC",
        "short": "Nov 21, 2026, 08:00 UTC",
        "numbers": "5 1,000 12,345 1,234,567 -1,234 0.5 1,234.568",
        "octets": ["1 byte", "2 bytes", "5 bytes", "1.23 kB", "12.3 MB"],
        "percent": "12.3%",
        "ago": ["1 sec. ago", "3 min. ago", "4 days ago", "3 mo. ago", "in 3 min."],
        "duration": ["400 ms", "3.25 sec", "3 min, 20 sec", "1 hr", "4 days, 3 hr"],
        "list": "a, b, and c",
        "name": "English",
    },
    "cs": {
        "moment": "21. 11. 2026 8:00:05 UTC",
        "short": "21. 11. 2026 8:00 UTC",
        "numbers": "5 1~000 12~345 1~234~567 -1~234 0,5 1~234,568",
        "octets": ["1 bajt", "2 bajty", "5 bajtů", "1,23 kB", "12,3 MB"],
        "percent": "12,3~%",
        "ago": ["před 1 s", "před 3 min", "před 4 dny", "před 3 měs.", "za 3 min"],
        "duration": ["400 ms", "3,25 s", "3 min, 20 s", "1 h", "4 dny, 3 h"],
        "list": "a, b a~c",
        "name": "Čeština",
    },
    "zh-Hant": {
        "moment": "2026年11月21日 08:00:05 [UTC]",
        "short": "2026年11月21日 08:00 [UTC]",
        "numbers": "5 1,000 12,345 1,234,567 -1,234 0.5 1,234.568",
        "octets": ["1 byte", "2 byte", "5 byte", "1.23 kB", "12.3 MB"],
        "percent": "12.3%",
        "ago": ["1 秒前", "3 分鐘前", "4 天前", "3 個月前", "3 分鐘後"],
        "duration": ["400 毫秒", "3.25 秒", "3 分鐘 20 秒", "1 小時", "4 天 3 小時"],
        "list": "a、b和c",
        "name": "繁體中文",
    },
    "de": {
        "moment": "21.11.2026, 08:00:05 UTC",
        "short": "21.11.2026, 08:00 UTC",
        "numbers": "5 1.000 12.345 1.234.567 -1.234 0,5 1.234,568",
        "octets": ["1~Byte", "2 Byte", "5 Byte", "1,23 kB", "12,3 MB"],
        "percent": "12,3~%",
        "ago": ["vor 1 Sek.", "vor 3 Min.", "vor 4 Tagen", "vor 3~Monaten", "in 3 Min."],
        "duration": ["400 ms", "3,25 Sek.", "3 Min., 20 Sek.", "1 Std.", "4 Tg., 3 Std."],
        "list": "a, b und c",
        "name": "Deutsch",
    },
    "es": {
        "moment": "21 nov 2026, 8:00:05 UTC",
        "short": "21 nov 2026, 8:00 UTC",
        "numbers": "5 1000 12.345 1.234.567 -1234 0,5 1234,568",
        "octets": ["1 byte", "2 bytes", "5 bytes", "1,23 kB", "12,3 MB"],
        "percent": "12,3~%",
        "ago": ["hace 1 s", "hace 3 min", "hace 4 d", "hace 3 m", "dentro de 3 min"],
        "duration": ["400 ms", "3,25 s", "3 min y 20 s", "1 h", "4 d y 3 h"],
        "list": "a, b y c",
        "name": "Español",
    },
    "ja": {
        "moment": "2026/11/21 8:00:05 UTC",
        "short": "2026/11/21 8:00 UTC",
        "numbers": "5 1,000 12,345 1,234,567 -1,234 0.5 1,234.568",
        "octets": ["1 バイト", "2 バイト", "5 バイト", "1.23 KB", "12.3 MB"],
        "percent": "12.3%",
        "ago": ["1 秒前", "3 分前", "4 日前", "3 か月前", "3 分後"],
        "duration": ["400 ms", "3.25 秒", "3 分 20 秒", "1 時間", "4 日 3 時間"],
        "list": "a、b、c",
        "name": "日本語",
    },
}


@pytest.fixture(params=EXPECTED)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Language, dict[str, object]]:
    catalogue = None
    if request.param == "es":  # how many digits are grouped is told by the catalogue
        catalogue = tmp_path / "es.po"
        catalogue.write_text(SPANISH_HEAD)
    return Language(request.param, catalogue), EXPECTED[request.param]


def shown(text: str) -> str:
    return text.replace("\xa0", "~").replace("\u202f", "~")


@pytest.fixture
def czech(tmp_path: Path) -> Language:
    path = tmp_path / "cs.po"
    path.write_text(CZECH)
    return Language("cs", path)


def test_moments_are_written_in_utc_with_the_zone(case: tuple[Language, dict[str, object]]) -> None:
    language, expected = case
    assert expected["moment"] == shown(language.moment(MORNING))
    assert expected["short"] == shown(language.short(MORNING))
    assert expected["moment"] == shown(
        language.moment(MORNING).replace(language.clock(MORNING), language.clock(MORNING + 999))
    )
    assert shown(str(expected["moment"])).startswith(language.day(MORNING))


def test_numbers_are_grouped_as_the_language_does(case: tuple[Language, dict[str, object]]) -> None:
    language, expected = case
    written = [language.number(n) for n in (5, 1000, 12345, 1234567, -1234, 0.5, 1234.5678)]
    assert expected["numbers"] == " ".join(map(shown, written))
    assert expected["percent"] == shown(language.percent(0.1234))


def test_sizes_have_the_unit_in_the_form_that_the_count_asks(
    case: tuple[Language, dict[str, object]],
) -> None:
    language, expected = case
    counts = (1, 2, 5, 1234, 12_345_678)
    assert expected["octets"] == [shown(language.octets(n)) for n in counts]


def test_spans_of_time_are_written_as_the_language_does(
    case: tuple[Language, dict[str, object]],
) -> None:
    language, expected = case
    passed = (1, 3 * 60 + 59, 4 * DAY_S + 5, 100 * DAY_S, -3 * 60)
    assert expected["ago"] == [shown(language.ago(0, s * NANO)) for s in passed]
    lasted = (0.4, 3.25, 200, 3600, 4 * DAY_S + 3 * 3600)
    assert expected["duration"] == [shown(language.duration(s)) for s in lasted]


def test_a_list_is_joined_as_the_language_does(case: tuple[Language, dict[str, object]]) -> None:
    language, expected = case
    assert expected["list"] == shown(language.list(["a", "b", "c"]))
    assert language.list("a") == "a"
    assert language.list([]) == ""


def test_a_language_is_called_by_its_own_name(case: tuple[Language, dict[str, object]]) -> None:
    language, expected = case
    assert expected["name"] == language.name
    assert language.direction == "ltr"


def test_a_language_may_be_written_from_the_right() -> None:
    assert Language("ar").direction == "rtl"


@pytest.mark.parametrize(
    ("count", "written"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (10**15, "1 PB"),
        (10**18, "1,000 PB"),
        (-1234, "-1.23 kB"),
    ],
)
def test_a_size_steps_up_when_it_would_be_rounded_to_a_thousand(count: int, written: str) -> None:
    assert written == Language("en").octets(count)


@pytest.mark.parametrize(
    ("share", "written"),
    [(0, "0%"), (0.00001, "0.1%"), (0.5, "50%"), (0.99999, "99.9%"), (1, "100%"), (1.5, "150%")],
)
def test_almost_all_is_never_called_all(share: float, written: str) -> None:
    assert written == Language("en").percent(share)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0 ms"),
        (0.0004, "0.4 ms"),
        (0.9999, "1 sec"),
        (59.9, "59.9 sec"),
        (59.99, "1 min"),
        (3599.6, "1 hr"),
        (86399, "23 hr, 59 min"),
        (-200, "-3 min, 20 sec"),
        (float("inf"), "–"),
        (float("nan"), "–"),
    ],
)
def test_a_duration_never_shows_sixty_of_a_unit(seconds: float, written: str) -> None:
    assert written == Language("en").duration(seconds)


def test_what_is_no_number_is_written_all_the_same() -> None:
    english = Language("en")
    told = [english.number(float(text)) for text in ("nan", "inf", "-inf")]
    assert ["NaN", "∞", "-∞"] == told
    assert english.percent(float("inf")) == "∞%"
    assert english.number(-0.0001) == "0"
    assert len(english.number(10**400)) == 534


def test_a_moment_outside_every_calendar_is_told_in_unix_seconds() -> None:
    assert Language("en").moment(2**63 * 1000) == f"@{2**63 * 1000 // NANO}"
    assert Language("en").day(-(2**80)) == f"@{-(2**80) // NANO}"
    assert Language("en").moment(-NANO) == "Dec 31, 1969, 23:59:59 UTC"


def test_what_is_listed_is_escaped_beside_markup_and_left_alone_without() -> None:
    german = Language("de")
    assert german.list(["<b>", "x"]) == "<b> und x"
    assert not isinstance(german.list(["<b>", "x"]), Markup)
    told = german.list(["<script>", Markup("<a>1743</a>"), "{0}"])
    assert Markup("&lt;script&gt;, <a>1743</a> und {0}") == told
    assert isinstance(told, Markup)


@given(st.integers(), st.floats(), st.integers(-(2**70), 2**70), st.integers(-(2**70), 2**70))
def test_nothing_that_a_network_tells_stops_a_page(
    whole: int, real: float, then_ns: int, now_ns: int
) -> None:
    for language in (Language("en"), Language("cs")):
        assert language.number(whole)
        assert language.number(real)
        assert language.octets(whole)
        assert language.percent(real)
        assert language.duration(real)
        assert language.moment(then_ns)
        assert language.short(then_ns)
        assert language.clock(then_ns)
        assert language.ago(then_ns, now_ns)


@pytest.mark.parametrize("name", ["fr", "hi", "fa", "ms", "mr", "ko", "pt-BR", "ru", "he", "eu"])
def test_a_language_that_is_added_needs_no_code(name: str) -> None:
    language = Language(name)
    assert "UTC" in language.moment(MORNING)
    assert "2026" in language.short(MORNING)
    assert language.octets(5000)
    assert language.ago(0, MORNING) != language.ago(MORNING, 0)
    assert language.duration(200) != language.duration(201)


def test_every_tag_of_cldr_is_a_language() -> None:
    for name in localedata.locale_identifiers():
        assert Language(name.replace("_", "-")).tag


def test_a_message_is_said_in_the_language(czech: Language) -> None:
    assert czech.gettext("Devices") == "Zařízení"
    assert czech.pgettext("level", "note") == "poznámka"
    assert czech.gettext("note") == "note"  # it is known in a context alone
    assert czech.gettext("") == ""  # not the head of the catalogue


@pytest.mark.parametrize(
    ("n", "ports", "notes"),
    [
        (0, "portů", "záznamů"),
        (1, "port", "záznam"),
        (2, "porty", "záznamy"),
        (4, "porty", "záznamy"),
        (5, "portů", "záznamů"),
        (11, "portů", "záznamů"),
        (21, "portů", "záznamů"),
        (101, "portů", "záznamů"),
    ],
)
def test_a_count_takes_its_czech_form(czech: Language, n: int, ports: str, notes: str) -> None:
    assert f"%(num)s {ports}" == czech.ngettext("%(num)s port", "%(num)s ports", n)
    assert f"%(num)s {notes}" == czech.npgettext("log", "%(num)s note", "%(num)s notes", n)


def test_a_message_without_a_translation_stays_english(czech: Language) -> None:
    assert czech.gettext("Not yet") == "Not yet"
    assert czech.gettext("Never written") == "Never written"
    assert czech.ngettext("one", "many", 2) == "many"


def test_a_language_knows_what_it_translates(czech: Language) -> None:
    assert czech.knows("Devices")
    assert czech.knows("%(num)s port")
    assert czech.knows("note", "level")
    assert not czech.knows("note")
    assert not czech.knows("Not yet")
    assert not Language("en").knows("Devices")


def test_a_folder_is_searched_for_catalogues(tmp_path: Path) -> None:
    (tmp_path / "pt-BR.po").write_text(HEAD)
    (tmp_path / "cs.po").write_text("this is read only when somebody speaks Czech")
    assert ["cs", "en", "pt-BR"] == list(languages(tmp_path))
    assert languages(tmp_path)["pt-BR"].name == "Português (Brasil)"


def test_a_catalogue_of_no_language_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "klingon.po").write_text(HEAD)
    with pytest.raises(SourceError, match=r"klingon.*is not the tag"):
        languages(tmp_path)


def test_english_is_always_there() -> None:
    assert "en" in languages()
    assert languages() is languages()


def test_hindi_groups_by_hundreds_above_the_thousand() -> None:
    written = [Language("hi").number(n) for n in (999, 1000, 123456, 12345678.5, -(10**9))]
    assert ["999", "1,000", "1,23,456", "1,23,45,678.5", "-1,00,00,00,000"] == written
