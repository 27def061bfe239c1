"""Messages are found in templates and modules, as the templates ask for them at run time."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from portbook.errors import SourceError
from portbook.faces.languages.extraction import WEB, Message, messages

TEMPLATE = """
{# Translators: of a port #}
<h1>{{ _("State") }}</h1>
{% trans count=rows|length, where="x" %}
  One row
  in {{ where }}
{% pluralize %}
  {{ count }} rows
  in {{ where }}
{% endtrans %}
{{ pgettext("level", "note") }} {{ npgettext("log", "%(num)s note", "%(num)s notes", 2) }}
{{ ngettext("%(num)s port", "%(num)s ports", 3) }}
{% trans %}100% sure{% endtrans %}
{{ _(computed) }}
"""
MODULE = '''
"""Not a message."""
# Translators: a column's head
HEAD = N_("Last seen")
def told(language, n):
    return language.ngettext("%(num)s port", "%(num)s ports", n) + _("State")
'''


@pytest.fixture
def web(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "b.html").write_text(TEMPLATE)
    (tmp_path / "a.py").write_text(MODULE)
    (tmp_path / "style.css").write_text('/* _("not looked at") */')
    return tmp_path


def test_messages_come_by_file_and_then_by_text(web: Path) -> None:
    page, module = "templates/b.html", "a.py"
    expected = (
        Message(None, "%(num)s port", "%(num)s ports", (module, page), ()),
        Message(None, "Last seen", None, (module,), ("a column's head",)),
        Message(None, "State", None, (module, page), ("of a port",)),
        Message("log", "%(num)s note", "%(num)s notes", (page,), ()),
        Message(None, "100%% sure", None, (page,), ()),
        Message(None, "One row in %(where)s", "%(count)s rows in %(where)s", (page,), ()),
        Message("level", "note", None, (page,), ()),
    )
    assert expected == messages(web)


def test_a_template_asks_for_exactly_the_messages_that_are_extracted(tmp_path: Path) -> None:
    page = TEMPLATE.replace("{{ _(computed) }}", "")  # what is computed cannot be extracted
    (tmp_path / "p.html").write_text(page)
    asked: set[str] = set()

    def heard(*texts: object) -> str:
        asked.update(text for text in texts if isinstance(text, str))
        return str(texts[0])

    made = Environment(
        loader=DictLoader({"p.html": page}),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_callables(  # type: ignore[attr-defined]
        heard, heard, newstyle=True, pgettext=heard, npgettext=heard
    )
    made.get_template("p.html").render(rows=[1, 2])
    found = messages(tmp_path)
    extracted = {form for one in found for form in one.sources} | {
        one.context for one in found if one.context
    }
    assert extracted == asked


def test_a_message_with_two_plurals_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('{{ ngettext("ox", "oxen", 2) }}')
    (tmp_path / "b.html").write_text('{{ ngettext("ox", "oxes", 2) }}')
    with pytest.raises(SourceError, match=r"a\.html and b\.html.*'ox' has two plurals"):
        messages(tmp_path)


def test_a_message_with_and_without_a_plural_is_one(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('{{ _("ox") }}{{ ngettext("ox", "oxen", 2) }}{{ _("ox") }}')
    assert messages(tmp_path) == (Message(None, "ox", "oxen", ("a.html",), ()),)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html line 2", "fine\n{% trans %}never ended"),
        ("a.html line 2", "\n{{ "),
        ("a.py", '_("'),
    ],
)
def test_a_file_that_cannot_be_parsed_is_told(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name.split()[0]).write_text(text)
    with pytest.raises(SourceError, match=rf"{name}: its messages cannot be read"):
        messages(tmp_path)


def test_the_web_interface_says_something() -> None:
    found = messages()
    assert WEB.is_dir()
    assert len({one.key for one in found}) == len(found)
    assert all(one.files for one in found)
