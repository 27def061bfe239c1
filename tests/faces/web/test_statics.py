"""Our own files, and nothing else of the disk."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from support.served import Served


@pytest.mark.parametrize(
    "name", ["style.css", "drawings.css", "stations.css", "portbook.js", "mark.svg"]
)
def test_a_file_is_given_with_its_type(pages: Served, name: str) -> None:
    answer = pages.ask(f"/static/{name}")

    assert 200 == answer.status
    kind = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    assert answer.headers["content-type"].startswith(kind[name.rpartition(".")[2]])
    assert "nosniff" == answer.headers["x-content-type-options"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/nothing.css",
        "/static/../settings.py",
        "/static/..%2fsettings.py",
        "/static/%2e%2e/settings.py",
        "/static//etc/passwd",
        "/static/style.css%00.js",
    ],
)
def test_nothing_else_is_given(pages: Served, path: str) -> None:
    assert pages.ask(path).status in (400, 404)


def test_our_own_scripts_are_short() -> None:
    folder = files("portbook.faces.web") / "static"
    lines = sum(
        len(one.read_text().splitlines()) for one in folder.iterdir() if one.name.endswith(".js")
    )

    assert lines < 300


def test_nothing_is_asked_of_a_third_party() -> None:
    root = files("portbook.faces.web")
    for folder in ("static", "templates"):
        for one in (root / folder).iterdir():
            found = re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", one.read_text())
            assert set(found) <= {"http://www.w3.org", "//www.w3.org"}, one.name


def test_no_page_has_a_script_or_a_style_of_its_own() -> None:
    for one in (files("portbook.faces.web") / "templates").iterdir():
        text = one.read_text()
        assert not re.search(r"<script(?! src=)|\sstyle=|\son[a-z]+=|<style", text), one.name
