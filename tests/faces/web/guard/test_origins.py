"""Whose page asks: what another server's page makes a browser send is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.guarded import FORM, Echo, Served, serving

ECHO = Echo()
JSON = "application/json"


@pytest.fixture(scope="module")
def here() -> Iterator[Served]:
    with serving(ECHO) as one:
        yield one


def test_a_form_of_ours_is_let_through(here: Served) -> None:
    for site in ({}, {"sec_fetch_site": "same-origin"}):
        answer = here.ask(
            "POST", "/feedback", b"face=good", content_type=FORM, origin=here.origin, **site
        )
        assert 200 == answer.status


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://rebound.example",
        "https://{name}",
        "http://{host}",
        "http://{host}:1",
        "http://{name}.rebound.example",
        "http://rebound.example#{name}",
        "http://localhost:{port}",
        "{name}",
        "file://",
        "http://{name}, http://rebound.example",
    ],
)
@pytest.mark.parametrize("kind", [FORM, JSON])
def test_a_page_of_another_origin_sends_nothing(here: Served, origin: str, kind: str) -> None:
    told = origin.format(name=here.name, host=here.host, port=here.port)
    before = len(ECHO.asked)
    answer = here.ask("POST", "/feedback", b"{}", content_type=kind, origin=told)

    assert 403 == answer.status
    assert before == len(ECHO.asked)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "", "anything"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_browser_that_names_another_site_sends_nothing(
    here: Served, site: str, method: str
) -> None:
    answer = here.ask(
        method, "/x", b"{}", content_type=JSON, origin=here.origin, sec_fetch_site=site
    )

    assert 403 == answer.status


def test_a_browser_that_names_our_site_but_no_origin_is_ours(here: Served) -> None:
    answer = here.ask("POST", "/x", b"a=b", content_type=FORM, sec_fetch_site="same-origin")

    assert 200 == answer.status


@pytest.mark.parametrize(
    "kind", [FORM, "multipart/form-data; boundary=x", "text/plain", "Text/Plain; charset=utf-8"]
)
def test_what_an_old_browsers_form_can_send_needs_an_origin(here: Served, kind: str) -> None:
    assert 403 == here.ask("POST", "/x", b"a=b", content_type=kind).status


def test_a_body_without_a_type_counts_as_a_forms(here: Served) -> None:
    assert 403 == here.ask("POST", "/x").status


@pytest.mark.parametrize("kind", [JSON, "application/octet-stream"])
def test_a_program_sends_what_no_form_can(here: Served, kind: str) -> None:
    assert 200 == here.ask("POST", "/x", b"{}", content_type=kind).status


@pytest.mark.parametrize("mode", ["no-cors", "cors", "websocket", ""])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_others_may_not_embed_fetch_or_listen(here: Served, site: str, mode: str) -> None:
    answer = here.ask("GET", "/1743", sec_fetch_site=site, sec_fetch_mode=mode)

    assert 403 == answer.status


def test_others_may_link_to_us(here: Served) -> None:
    linked = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}

    assert 200 == here.ask("GET", "/1743", **linked).status
    assert 403 == here.ask("POST", "/1743", b"{}", content_type=JSON, **linked).status


def test_the_usual_port_may_be_written_or_left_out() -> None:
    from portbook.faces.web.guard.origins import own
    from portbook.faces.web.guard.request import Request

    def origins(scheme: str, host: bytes) -> tuple[str, ...]:
        scope = {"method": "POST", "path": "/", "scheme": scheme, "headers": [(b"host", host)]}
        return own(Request(scope))

    assert "http://plant" in origins("http", b"plant:80")
    assert "http://plant" in origins("http", b"plant")
    assert "https://plant" in origins("https", b"Plant:443")
    assert ("https://plant:80",) == origins("https", b"plant:80")
