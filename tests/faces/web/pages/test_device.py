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


def test_what_is_no_address_is_told_as_text(pages: Served) -> None:
    answer = pages.ask("/devices/%3Cscript%3Ealert(1)%3C%2Fscript%3E")

    assert 404 == answer.status
    assert "&lt;script&gt;alert" in answer.text
    assert "<script>alert" not in answer.text


def test_what_many_devices_tell_has_a_name_in_every_language(pages: Served) -> None:
    html = pages.ask("/devices/10.20.0.11", accept_language="de").text

    assert "<dt>Hersteller</dt>" in html
    assert "<dt>Seriennummer</dt>" in html


def test_a_device_was_seen_when_its_packets_were(pages: Served) -> None:
    html = pages.ask("/devices/10.20.0.11").text
    facts = html.split('<dl class="facts">', 1)[1].split("</dl>", 1)[0]

    assert 2 == facts.count("Jan 5, 2026, 08:0")  # its findings are as new as the reading
