"""A run in a pseudo-language shows no plain word: all that pages say is said through gettext."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faces.web.test_all_pages import PAGES
from litestar.testing import TestClient
from support.plain_words import plain_words

from portbook.claims.profiles import profiles
from portbook.faces.languages.pseudo import pseudo
from portbook.faces.web import app, rendering
from portbook.faces.web.desk import Desk
from portbook.faces.web.settings import Serving

# names that stand in running text, and are the same in every language
KNOWN = frozenset(
    {"portbook", "IANA", "RFC", "UTC", "OpenAPI", "Linux", "macOS", "Windows", "pcap", "pcapng"}
    | {"gzip", "zstd", "tcp", "udp", "plant", "modbus", "PB", "press", "conveyor", "DEMO"}
)
PROTOCOLS = frozenset(re.findall(r"[A-Za-z]+", " ".join(profiles())))


@pytest.fixture(scope="module")
def client(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient[Any]]:
    """Give the program itself, in the pseudo-language, with a capture that is read."""
    folder = tmp_path_factory.mktemp("pseudo")
    own = folder / "book.sqlite"
    own.write_bytes(filled.read_bytes())
    desk = Desk.open(
        Serving(book=own, claims=folder / "none.toml", captures=(filled.parent / "plant.pcap",))
    )
    with pytest.MonkeyPatch.context() as patched:
        disguised = pseudo()
        patched.setattr(rendering, "choose", lambda *_: disguised)
        patched.setattr(app, "choose", lambda *_: disguised)
        with TestClient(app.make(desk), base_url="http://127.0.0.1") as running:
            until = time.monotonic() + 60
            while any(one.active for one in desk.shelf.stories()) or desk.machine is None:
                running.get("/about")
                assert time.monotonic() < until
            yield running


@pytest.mark.parametrize("path", PAGES)
def test_a_page_says_nothing_but_through_gettext(client: TestClient[Any], path: str) -> None:
    story = re.search(r'href="/captures/([0-9a-z]{12})"', client.get("/captures").text)
    assert story

    html = client.get(path.replace("STORY", story[1])).text

    assert "en-XA" in html
    named = PROTOCOLS | frozenset(re.findall(r"[A-Za-z]+", path))  # titles tell what was asked for
    assert [] == plain_words(html, KNOWN | named)
