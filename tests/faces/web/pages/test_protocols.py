"""Every protocol that is recognised has a page, with its sources and where it was met."""

from __future__ import annotations

from support.served import Served

from portbook.claims.profiles import profiles


def test_every_protocol_is_listed_and_has_a_page(pages: Served) -> None:
    html = pages.ask("/protocols").text

    for name in profiles():
        assert f'href="/protocols/{name}"' in html
        assert 200 == pages.ask(f"/protocols/{name}").status


def test_a_control_protocol_is_told_to_stay_inside(pages: Served) -> None:
    html = pages.ask("/protocols/codesys-v3").text

    assert "it must not be reachable from outside" in html
    assert "<tbody>" in html.split('id="part-seen"', 1)[1]
    assert "Sources" in html


def test_an_unknown_protocol_has_no_page(pages: Served) -> None:
    assert 404 == pages.ask("/protocols/no-such").status
