"""Searching leads to the one page that a word can mean, or shows all that it is met in."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.served import Served


@pytest.mark.parametrize(
    ("word", "page"),
    [
        ("1743", "/1743"),
        (" 1743/udp ", "/1743/udp"),
        ("1740-1743", "/1740"),
        ("PB301", "/rules/PB301"),
        ("pb101", "/rules/PB101"),
        ("10.20.0.11", "/devices/10.20.0.11"),
        ("fe80::1", "/devices/fe80::1"),
    ],
)
def test_a_word_that_means_one_page_leads_there(pages: Served, word: str, page: str) -> None:
    answer = pages.ask(f"/search?q={quote(word)}")

    assert 303 == answer.status
    assert page == answer.headers["location"]


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("modbus", 'href="/protocols/modbus"'),
        ("unitrends", 'href="/1743'),
        ("Opto 22", 'href="/2001'),
        ("press-1", 'href="/devices/10.20.0.11"'),
        ("cinegrfx", 'href="/1743'),
        ("codesys", 'href="/devices/10.20.0.12"'),
    ],
)
def test_services_vendors_protocols_and_devices_are_found(
    pages: Served, word: str, found: str
) -> None:
    answer = pages.ask(f"/search?q={quote(word)}")

    assert 200 == answer.status
    assert found in answer.text


def test_what_is_called_nothing_is_said_so(pages: Served) -> None:
    assert "Nothing here is called zzzz-nothing." in pages.ask("/search?q=zzzz-nothing").text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.text(max_size=300))
def test_no_word_does_harm(pages: Served, word: str) -> None:
    answer = pages.ask(f"/search?q={quote(word.encode('utf-8', 'replace'))}")

    assert answer.status in (200, 303, 400, 404)
    assert "<script>" not in answer.text.replace('<script src="/static/portbook.js" defer>', "")
