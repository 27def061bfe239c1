"""A device's page gathers all that is known of one address."""

from __future__ import annotations

import pytest
from support.served import Served


def test_what_a_device_told_and_does_stands_together(pages: Served) -> None:
    html = pages.ask("/devices/10.20.0.11").text

    for told in ("press-1", "EX-0300", "Example Controls", "02:00:5e:00:00:11"):
        assert told in html
    assert 'href="/protocols/codesys-v3"' in html
    assert 'href="/rules/PB301"' in html


def test_an_address_that_was_never_seen_is_said_so(pages: Served) -> None:
    answer = pages.ask("/devices/192.0.2.77")

    assert 200 == answer.status
    assert "The book has not seen this address." in answer.text


@pytest.mark.parametrize("address", ["x" * 100, "%00", "%1b%5b31m", "a%0d%0ab"])
def test_what_is_no_address_has_no_page(pages: Served, address: str) -> None:
    assert pages.ask(f"/devices/{address}").status in (400, 404)


def test_an_address_is_text(pages: Served) -> None:
    html = pages.ask("/devices/%3Cscript%3Ealert(1)%3C%2Fscript%3E").text

    assert "<script>alert" not in html
