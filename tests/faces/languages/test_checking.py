"""A translation that is missing or filled badly is told, each fault by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel import Locale
from babel.messages.catalog import Catalog

from portbook.errors import SourceError
from portbook.faces.languages.catalogues import read
from portbook.faces.languages.checking import missing, problems, same, unfit, untouched
from portbook.faces.languages.extraction import Message, messages
from portbook.faces.languages.plurals import plural_forms

DONE = Message(None, "Seen at %(time)s.", None, ("p.html",), ())
LINK = Message(None, "Read <a href='/about'>about <b>it</b></a>", None, ("p.html",), ())
CODE = Message(None, "Run <code>portbook read</code> now", None, ("p.html",), ())
PORTS = Message(None, "%(num)s port", "%(num)s ports", ("p.html",), ())
ASKED = Message("menu", "Port ", None, ("p.html",), ())
PERCENT = Message(None, "100%% sure?", None, ("p.html",), ())


def catalogue(folder: Path, *entries: str, tag: str = "cs", header: str | None = None) -> Catalog:
    plural = header or plural_forms(Locale.parse(tag, sep="-")).header
    head = (
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Plural-Forms: {plural}\\n"\n'
    )
    path = folder / f"{tag}.po"
    path.write_text("\n\n".join((head, *entries)) + "\n")
    return read(path)


def entry(message: Message, *strings: str) -> str:
    lines = [f'msgctxt "{message.context}"'] if message.context else []
    lines.append(f'msgid "{message.singular}"')
    if message.plural is None:
        return "\n".join([*lines, f'msgstr "{strings[0]}"'])
    lines.append(f'msgid_plural "{message.plural}"')
    return "\n".join([*lines, *(f'msgstr[{at}] "{one}"' for at, one in enumerate(strings))])


GOOD = [
    (DONE, ["Viděno v %(time)s."]),
    (LINK, ["Přečtěte <a href='/about'><b>o tom</b> více</a>"]),
    (CODE, ["Spusťte <code>portbook read</code> hned"]),
    (PORTS, ["%(num)s port", "%(num)s porty", "%(num)s portů"]),
    (ASKED, ["Brána "]),
    (PERCENT, ["Na 100 %% jisté?"]),
]


@pytest.mark.parametrize(("message", "strings"), GOOD)
def test_a_good_translation_has_no_problem(
    tmp_path: Path, message: Message, strings: list[str]
) -> None:
    catalog = catalogue(tmp_path, entry(message, *strings))
    assert problems("cs", catalog, [message]) == []
    assert missing(catalog, [message]) == []


@pytest.mark.parametrize(
    ("message", "strings", "told"),
    [
        (DONE, ["Viděno."], "placeholders"),
        (DONE, ["Viděno v %(tme)s."], "placeholders"),
        (DONE, ["Viděno v %(time)d."], "placeholders"),
        (DONE, ["Viděno v %(time)s na 5 %."], "no placeholder, write %%"),
        (PERCENT, ["Na 100 % jisté?"], "no placeholder, write %%"),
        (PORTS, ["jeden port", "%(num)s porty", "%(num)s portů"], "placeholders"),
        (PORTS, ["%(num)s port", "dva porty", "%(num)s portů"], "placeholders"),
        (LINK, ["Přečtěte o tom více"], "other markup"),
        (LINK, ["<a href='/jiny'>o <b>tom</b></a>"], "other markup"),
        (LINK, ["Přečtěte <a href='/about'>o <b>tom</a></b>"], "not nested"),
        (CODE, ["Spusťte <code>portbook čti</code> hned"], "words in code"),
        (ASKED, ["Brána"], "spaces at an end"),
        (ASKED, [" Brána "], "spaces at an end"),
        (DONE, ["Viděno v %(time)s"], "sign at the end"),
        (DONE, ["Viděno v %(time)s!"], "sign at the end"),
        (ASKED, ["Brána: "], "sign at the end"),
    ],
)
def test_a_bad_translation_is_told(
    tmp_path: Path, message: Message, strings: list[str], told: str
) -> None:
    found = problems("cs", catalogue(tmp_path, entry(message, *strings)), [message])
    assert [one for one in found if told in one]


@pytest.mark.parametrize(
    ("source", "text", "good"),
    [
        ("Done.", "完成。", True),
        ("Done.", "完成", False),
        ("Done.", "完成？", False),
        ("Sure?", "確定嗎？", True),
        ("Source:", "來源：", True),
        ("Reading…", "讀取中…", True),
        ("Reading...", "讀取中…", True),
        ("It says “no”.", "它說「不」。", True),
        ("It says “no.”", "它說「不。」", True),
        ("A <b>port.</b>", "<b>連接埠。</b>", True),
        ("Port", "連接埠。", False),
    ],
)
def test_the_sign_at_the_end_is_compared_by_its_class(
    tmp_path: Path, source: str, text: str, good: bool
) -> None:
    message = Message(None, source, None, ("p.html",), ())
    found = problems("zh-Hant", catalogue(tmp_path, entry(message, text), tag="zh-Hant"), [message])
    assert good == (found == [])


def test_a_source_that_is_no_format_is_told_too(tmp_path: Path) -> None:
    message = Message(None, "100% sure", None, ("p.html",), ())
    found = problems("cs", catalogue(tmp_path, entry(message, "jisté")), [message])
    assert [one for one in found if "write %%" in one]


def test_messages_are_fit_to_be_translated() -> None:
    assert [] == unfit(messages())


@pytest.mark.parametrize(
    ("forms", "told"),
    [
        (("100% sure", None), "write %%"),
        (("One port", "%(num)s ports"), "placeholders"),
        (("%(num)s port", "%(num)s <b>ports</b>"), "markup"),
        (("It is <b>so", None), "not nested"),
        (("Seen at ", None), "glued"),
    ],
)
def test_a_message_that_is_not_fit_is_told(forms: tuple[str, str | None], told: str) -> None:
    (found, *_) = unfit([Message(None, *forms, ("p.html",), ())])
    assert "(p.html)" in found
    assert told in found


def test_an_empty_or_absent_translation_is_missing(tmp_path: Path) -> None:
    catalog = catalogue(tmp_path, entry(DONE, ""), entry(PORTS, "%(num)s port", "", "x"))
    assert missing(catalog, [DONE, PORTS, CODE]) == [DONE, PORTS, CODE]
    assert problems("cs", catalog, [DONE, PORTS]) == []


def test_a_translation_that_is_the_english_is_untouched(tmp_path: Path) -> None:
    told = (
        entry(DONE, DONE.singular),
        entry(PORTS, "%(num)s port", "%(num)s porty", "%(num)s portů"),
    )
    catalog = catalogue(tmp_path, *told, entry(CODE, "Spusťte <code>portbook read</code>"))
    assert untouched(catalog, [DONE, PORTS, CODE]) == [DONE, PORTS]


def test_english_letters_alone_are_untouched_where_others_are_written(tmp_path: Path) -> None:
    japanese = catalogue(tmp_path, entry(DONE, "Seen %(time)s"), entry(CODE, "実行"), tag="ja")
    assert untouched(japanese, [DONE, CODE]) == [DONE]
    german = catalogue(tmp_path, entry(DONE, "Gesehen: %(time)s."), tag="de")
    assert untouched(german, [DONE]) == []


def test_what_is_not_said_any_more_is_told(tmp_path: Path) -> None:
    found = problems("cs", catalogue(tmp_path, entry(DONE, "Viděno v %(time)s.")), [CODE])
    assert found == ["'Seen at %(time)s.' is not said anywhere any more"]


def test_another_plural_rule_than_cldrs_is_told(tmp_path: Path) -> None:
    header = "nplurals=2; plural=(n != 1);"
    told = entry(PORTS, "%(num)s puerto", "%(num)s puertos")
    found = problems("es", catalogue(tmp_path, told, tag="es", header=header), [PORTS])
    assert any("CLDR says nplurals=3" in one for one in found)
    assert any("2 plural forms, the language 3" in one for one in found)


def test_a_fuzzy_translation_is_told(tmp_path: Path) -> None:
    told = "#, fuzzy\n" + entry(DONE, "Viděno v %(time)s.")
    found = problems("cs", catalogue(tmp_path, told), [DONE])
    assert [one for one in found if "fuzzy" in one]


def test_a_plural_where_the_source_has_none_is_told(tmp_path: Path) -> None:
    single = Message(None, PORTS.singular, None, ("p.html",), ())
    told = entry(PORTS, "%(num)s port", "%(num)s porty", "%(num)s portů")
    found = problems("cs", catalogue(tmp_path, told), [single])
    assert [one for one in found if "other way round" in one]


def test_messages_that_may_stay_english_are_listed_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "same.txt"
    path.write_text("# remark\n\nPort | cs de | the same word\nA | B | * | a picture\n")
    assert same(path) == {"Port": frozenset({"cs", "de"}), "A | B": frozenset({"*"})}


@pytest.mark.parametrize(
    "line", ["Port", "Port | cs", "Port | cs | ", "Port | cs | a\nPort | de | b"]
)
def test_a_listing_without_a_reason_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "same.txt"
    path.write_text(line)
    with pytest.raises(SourceError, match=r"same\.txt line \d: write"):
        same(path)
