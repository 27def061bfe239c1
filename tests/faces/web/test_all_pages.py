"""Every page, as its readers have it: it fits, everybody can use it, nothing goes wrong in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from markupsafe import escape
from support.booked import HOSTILE
from support.browser import DESKTOP, PHONE, READERS, Reader
from support.looking import accessible, fits
from support.served import Served

from portbook.faces.languages import SOURCE, languages

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGES = (
    "/",
    "/1743",
    "/502/tcp",
    "/0",
    "/65535",
    "/services",
    "/services?host=10.0.0.0/8&gone=1&order=-port",
    "/devices",
    "/devices/10.20.0.11",
    "/listeners",
    "/announcements",
    "/announcements?of=STORY",
    "/conversations",
    "/map",
    "/findings",
    "/rules",
    "/rules/PB301",
    "/protocols",
    "/protocols/codesys-v3",
    "/plan",
    "/plan?port=502",
    "/captures",
    "/captures/STORY",
    "/stations",
    "/search?q=modbus",
    "/search?q=nothing-is-called-so",
    "/feedback",
    "/about",
    "/no-such-page",
    "/services?port=99999",
)
EVERYWHERE = (DESKTOP, PHONE._replace(dark=True, scripts=False))
OTHERS = tuple(sorted(set(languages()) - {SOURCE}))
Visit = Callable[..., "Page"]


@pytest.fixture(scope="session")
def story(pages: Served) -> str:
    """Return the id of the capture that the server has read."""
    found = re.search(r'href="/captures/([0-9a-z]{12})"', pages.ask("/captures").text)
    assert found
    return found[1]


@pytest.mark.parametrize("reader", EVERYWHERE, ids=lambda one: one.name)
def test_every_page_fits_and_everybody_can_use_it(visit: Visit, story: str, reader: Reader) -> None:
    page = visit("/", reader)
    for path in PAGES:
        page.goto(path.replace("STORY", story))
        fits(page)
        accessible(page)


@pytest.mark.parametrize("reader", READERS, ids=lambda one: one.name)
def test_pages_fit_all_readers(visit: Visit, story: str, reader: Reader) -> None:
    page = visit("/", reader)
    for path in ("/", "/1743", "/captures/STORY", "/conversations", "/map", "/plan"):
        page.goto(path.replace("STORY", story))
        fits(page)


@pytest.mark.parametrize("tag", OTHERS)
def test_pages_fit_in_every_language(visit: Visit, story: str, tag: str) -> None:
    page = visit("/", PHONE._replace(language=tag, scripts=False))
    for path in PAGES:
        page.goto(path.replace("STORY", story))
        assert tag == page.locator("html").get_attribute("lang")
        fits(page)


@pytest.mark.parametrize("tag", OTHERS)
def test_everybody_can_use_pages_in_every_language(visit: Visit, story: str, tag: str) -> None:
    page = visit("/", DESKTOP._replace(language=tag))
    for path in ("/", "/1743", "/captures", "/plan?port=502", "/announcements?of=STORY"):
        page.goto(path.replace("STORY", story))
        fits(page)
        accessible(page)


def test_a_page_is_ready_for_paper(visit: Visit) -> None:
    page = visit("/1743", DESKTOP._replace(print=True))

    assert page.locator("h1").is_visible()
    assert not page.locator(".top nav").is_visible()
    assert not page.locator(".helpful").is_visible()


def test_paper_is_white_also_for_who_reads_in_the_dark(visit: Visit) -> None:
    page = visit("/1743", DESKTOP._replace(print=True, dark=True))
    colours = "one => [getComputedStyle(one).backgroundColor, getComputedStyle(one).color]"
    paper, ink = page.locator(".notice.warning").first.evaluate(colours)

    assert "rgb(251, 238, 212)" == paper
    assert "rgb(0, 0, 0)" == ink


@pytest.mark.parametrize("path", PAGES)
def test_all_that_a_page_needs_is_under_a_hundred_kilobytes(
    pages: Served, story: str, path: str
) -> None:
    page = pages.ask(path.replace("STORY", story), accept_encoding="gzip")
    parts = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', _text(page.body)))
    weights = [len(pages.ask(one, accept_encoding="gzip").body) for one in parts]

    assert parts
    assert len(page.body) + sum(weights) < 100_000


def _text(body: bytes) -> str:
    import gzip

    return gzip.decompress(body).decode() if body[:2] == b"\x1f\x8b" else body.decode()


def test_names_from_the_network_stay_text(visit: Visit, pages: Served) -> None:
    for path in ("/devices", "/services", "/search?q=script", "/captures", "/findings"):
        page = visit(path, DESKTOP)
        assert 0 == page.locator("main script, main iframe, main img, main base").count()
    told = pages.ask("/devices?most=500").text
    assert any(str(escape(one)) in told for one in HOSTILE if "<" in one)


def test_the_reader_changes_the_language_by_hand(visit: Visit) -> None:
    page = visit("/1743", DESKTOP._replace(scripts=False))
    assert "en" == page.locator("html").get_attribute("lang")

    page.locator('.languages button[value="cs"]').click()

    assert page.url.endswith("/1743")
    assert "cs" == page.locator("html").get_attribute("lang")


def test_taiwan_and_hong_kong_read_traditional_chinese(visit: Visit) -> None:
    for asked in ("zh-TW", "zh-HK"):
        page = visit("/1743", Reader(language=asked))
        assert "zh-Hant" == page.locator("html").get_attribute("lang")
