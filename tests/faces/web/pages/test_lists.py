"""Lists page and filter on the server, by the command line's words."""

from __future__ import annotations

import re
from html import unescape

import pytest
from support.served import Served


def _rows(html: str) -> int:
    body = html.split("<tbody>", 1)
    return body[1].split("</tbody>", 1)[0].count("<tr>") if len(body) == 2 else 0


def _next(html: str) -> str | None:
    found = re.search(r'rel="next" href="([^"]+)"', html)
    return unescape(found[1]) if found else None


def test_a_long_list_comes_page_by_page_and_whole(pages: Served) -> None:
    path: str | None = "/devices?most=100&order=address"
    met: list[str] = []
    while path:
        html = pages.ask(path).text
        met += re.findall(r'<th scope="row"><a class="mono"[^>]* href="(/devices/[^"]+)"', html)
        onward = _next(html)
        path = "/devices" + onward if onward else None
        assert len(met) < 100_000

    assert len(met) > 100
    assert len(met) == len(set(met))


@pytest.mark.parametrize(
    ("path", "there", "absent"),
    [
        ("/services?protocol=modbus", "10.20.0.21", "10.20.0.30"),
        ("/services?port=1743/tcp", "10.20.0.30", "10.20.0.21"),
        ("/services?host=10.20.0.60", "10.20.0.60", "10.20.0.21"),
        ("/devices?text=press-1", "10.20.0.11", "10.20.0.60"),
        ("/announcements?host=10.20.0.11", "10.20.0.11", "10.20.0.12"),
        ("/findings?text=PB301", "PB301", "PB102"),
    ],
)
def test_a_filter_leaves_what_it_says(pages: Served, path: str, there: str, absent: str) -> None:
    body = pages.ask(path).text.split("<tbody>", 1)[1].split("</tbody>", 1)[0]

    assert there in body
    assert absent not in body


def test_findings_of_a_level_leave_lesser_ones_out(pages: Served) -> None:
    html = pages.ask("/findings?level=error").text

    assert _rows(html) > 0
    assert 'class="badge warning"' not in html
    assert 'class="badge note"' not in html


def test_a_sorted_column_says_so(pages: Served) -> None:
    html = pages.ask("/services?order=-port").text
    numbers = [
        int(one) for one in re.findall(r'<a class="mono"[^>]* href="/(\d+)/(?:tcp|udp)">', html)
    ]

    assert numbers
    assert 'aria-sort="descending"' in html
    assert numbers == sorted(numbers, reverse=True)


@pytest.mark.parametrize(
    "path",
    [
        "/services?order=no-column",
        "/services?after=damaged",
        "/services?host=nowhere",
        "/devices?since=when",
        "/findings?level=loud",
        "/services?most=100000",
    ],
)
def test_a_filter_that_cannot_be_is_told(pages: Served, path: str) -> None:
    answer = pages.ask(path)

    assert 400 == answer.status
    assert "<h1>This could not be asked so</h1>" in answer.text


def test_a_story_that_is_not_there_is_told(pages: Served) -> None:
    assert 404 == pages.ask("/services?of=zzzzzzzzzzzz").status
    assert 404 == pages.ask("/conversations?of=../../etc").status


def test_names_from_the_network_are_text(pages: Served) -> None:
    html = pages.ask("/devices?host=10.66.0.0/16&most=500").text
    main = html.split("<main", 1)[1]

    assert "&lt;script&gt;" in main
    assert "<script>alert" not in main
    assert "<img" not in main


@pytest.mark.parametrize(
    "path",
    ["/services", "/devices", "/listeners", "/announcements", "/findings", "/conversations"],
)
def test_every_column_that_can_be_sorted_by_is_one_that_is_known(pages: Served, path: str) -> None:
    story = re.search(r'href="/captures/([0-9a-z]{12})"', pages.ask("/captures").text)
    assert story
    places = [path] if path == "/listeners" else [path, f"{path}?of={story[1]}"]
    for place in places:
        orders = re.findall(r'href="(\?[^"]*order=[^"]+)"', pages.ask(place).text)
        assert orders
        for order in orders:
            assert 200 == pages.ask(path + unescape(order)).status, (place, order)
