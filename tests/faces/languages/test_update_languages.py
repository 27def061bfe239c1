"""The script that keeps the catalogues up to date changes what changed, and nothing else."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from portbook.faces.languages import Language
from portbook.faces.languages.catalogues import read
from portbook.faces.languages.checking import missing, problems
from portbook.faces.languages.extraction import Message, messages

SCRIPT = Path(__file__).parents[3] / "scripts" / "update_languages.py"
PORTS = Message(None, "%(num)s port", "%(num)s ports", ("a.html", "b.html"), ("shown alone",))
NOTE = Message("level", "note", None, ("a.html",), ())
LONG = Message(None, "A sentence " * 30 + 'that is “long”\nand has \\ and "', None, ("b.html",), ())
GONE = Message(None, "Gone", None, ("b.html",), ())
SOURCE = (PORTS, NOTE, LONG)


@pytest.fixture
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


def written(script: dict[str, Any], path: Path, *source: Message) -> str:
    path.write_text(script["updated"](path, source))
    return path.read_text()


def test_a_new_catalogue_holds_every_message_empty(script: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "cs.po"
    text = written(script, path, *SOURCE)
    assert missing(read(path), SOURCE) == list(SOURCE)
    assert problems("cs", read(path), SOURCE) == []
    assert text.startswith(
        'msgid ""\nmsgstr ""\n"Language: cs\\n"\n"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
        '"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n>=2 && n<=4 ? 1 : 2);\\n"\n\n'
        "#. shown alone\n#: a.html b.html\n#, python-format\n"
        'msgid "%(num)s port"\nmsgid_plural "%(num)s ports"\n'
        'msgstr[0] ""\nmsgstr[1] ""\nmsgstr[2] ""\n'
    )


def test_writing_again_changes_nothing(script: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "zh-Hant.po"
    assert written(script, path, *SOURCE) == written(script, path, *SOURCE)


def test_translations_and_remarks_stay_and_what_is_gone_goes(
    script: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "es.po"
    text = written(script, path, PORTS, GONE)
    text = "# By a translator.\n" + text.replace(
        'msgid "Gone"\nmsgstr ""', 'msgid "Gone"\nmsgstr "Ido"'
    ).replace('"Plural-Forms', '"X-Minimum-Grouping-Digits: 2\\n"\n"Plural-Forms').replace(
        "#. shown alone", "# see the glossary\n#. shown alone"
    )
    for at, form in enumerate(("puerto", "de puertos", "puertos")):
        text = text.replace(f'msgstr[{at}] ""', f'msgstr[{at}] "%(num)s {form}"')
    path.write_text(text)

    after = written(script, path, PORTS, NOTE)

    assert after.startswith('# By a translator.\nmsgid ""')
    assert '"X-Minimum-Grouping-Digits: 2\\n"' in after
    assert "# see the glossary\n#. shown alone" in after
    assert "Gone" not in after
    assert missing(read(path), (PORTS, NOTE)) == [NOTE]
    spanish = Language("es", path)
    told = [spanish.ngettext("%(num)s port", "%(num)s ports", n) for n in (1, 2, 10**6)]
    assert told == ["%(num)s puerto", "%(num)s puertos", "%(num)s de puertos"]
    assert spanish.number(1234) == "1234"


def test_a_message_whose_plural_changed_is_empty_again(
    script: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "ja.po"
    text = written(script, path, PORTS)
    path.write_text(text.replace('msgstr[0] ""', 'msgstr[0] "%(num)s 個のポート"'))
    changed = PORTS._replace(plural="%(num)s of the ports")
    assert missing(read(path), [PORTS]) == []
    written(script, path, changed)
    assert missing(read(path), [changed]) == [changed]
    single = PORTS._replace(plural=None)
    written(script, path, single)
    assert missing(read(path), [single]) == [single]


def test_no_line_number_and_no_date_is_written(script: dict[str, Any], tmp_path: Path) -> None:
    text = written(script, tmp_path / "de.po", *SOURCE)
    assert "Date" not in text
    assert "html:" not in text


def test_the_check_ends_with_one_until_the_catalogues_are_written(
    script: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count = len(messages())
    assert script["main"](["cs", "pt-BR"], tmp_path) == 0
    assert f"cs: {count} of {count} messages missing, 0 problems" in capsys.readouterr().out
    assert script["main"](["--check"], tmp_path) == 0
    path = tmp_path / "pt-BR.po"
    before = path.read_text().replace("python-format", "python-format, fuzzy", 1)
    path.write_text(before)
    assert script["main"](["--check"], tmp_path) == 1
    assert "not up to date: pt-BR; run scripts/update_languages.py" in capsys.readouterr().out
    assert path.read_text() == before
    assert script["main"]([], tmp_path) == 0
    assert "fuzzy" not in path.read_text()


@pytest.mark.parametrize("tag", ["klingon", "../cs", "xx-YY"])
def test_a_tag_of_no_language_is_refused(
    script: dict[str, Any], tmp_path: Path, tag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script["main"]([tag], tmp_path) == 2
    assert capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_broken_catalogue_is_told_and_left_alone(
    script: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cs.po").write_text('msgid "a"\nmsgstr "b"\n')
    assert script["main"]([], tmp_path) == 2
    assert "head is missing" in capsys.readouterr().err
    assert (tmp_path / "cs.po").read_text() == 'msgid "a"\nmsgstr "b"\n'
