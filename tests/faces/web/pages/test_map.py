"""The map shows who speaks what to whom, and a table that says the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from support.browser import DESKTOP, PHONE, Reader
from support.looking import boxes, overlaps
from support.served import Served

if TYPE_CHECKING:
    from playwright.sync_api import Page

Visit = Callable[..., "Page"]


@pytest.mark.parametrize("reader", [DESKTOP, PHONE], ids=lambda one: one.name)
def test_no_two_labels_overlap(visit: Visit, reader: Reader) -> None:
    page = visit("/map", reader)
    shown = "wide" if reader is DESKTOP else "narrow"
    labels = boxes(page, f".drawing-{shown} svg text")

    assert len(labels) > 10
    assert [] == overlaps(labels)


def test_hosts_lead_to_their_pages(pages: Served) -> None:
    html = pages.ask("/map").text
    drawing = html.split('class="drawing-wide"', 1)[1].split("</svg>", 1)[0]

    assert 'href="/devices/10.20.0.11"' in drawing
    assert "press-1" in drawing


def test_a_filter_leaves_one_protocol(pages: Served) -> None:
    html = pages.ask("/map?protocol=modbus").text
    body = html.split("<tbody>", 1)[1].split("</tbody>", 1)[0]

    assert 1 == body.count("<tr>")
    assert "10.20.0.21" in body


def test_a_filter_that_nothing_fits_is_said(pages: Served) -> None:
    assert "Nothing fits these filters." in pages.ask("/map?host=192.0.2.0/24").text
