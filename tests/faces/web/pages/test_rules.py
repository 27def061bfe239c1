"""Every rule has a page: what it tells, why it matters, what to do, and what it found here."""

from __future__ import annotations

import pytest
from support.served import Served

from portbook.faces.web.pages.rules import page
from portbook.findings import rules


@pytest.mark.parametrize("code", sorted(rules()))
def test_a_rules_page_has_all_its_parts(pages: Served, code: str) -> None:
    parts = page(rules()[code]).parts

    assert {"What it tells", "Why it matters", "What to do"} <= set(parts)
    html = pages.ask(f"/rules/{code}").text
    assert all(heading in html for heading in parts)


def test_what_a_rule_found_here_is_told(pages: Served) -> None:
    html = pages.ask("/rules/PB301").text

    found = html.split('id="part-found"', 1)[1]
    assert found.count('<th scope="row"') > 0
    assert 'href="/findings?text=PB301"' in found


def test_a_rule_that_there_is_not_has_no_page(pages: Served) -> None:
    assert 404 == pages.ask("/rules/PB999").status
