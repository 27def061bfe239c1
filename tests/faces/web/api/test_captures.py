"""Captures: sent, watched, told, removed."""

from __future__ import annotations

from typing import Any

import pytest
from support.asking import PCAP, Api, problem
from support.served import Answer

from portbook.emulators import plant

HOSTILE = "../../etc/<script>alert(1)</script>\x1b.pcap"


def form(api: Api, *parts: bytes, **headers: str) -> Answer:
    """Send a form as a page of ours does."""
    body = b"".join(b"--here\r\n" + part + b"\r\n" for part in parts) + b"--here--\r\n"
    told = {
        "content_type": "multipart/form-data; boundary=here",
        "sec_fetch_site": "same-origin",
        **headers,
    }
    return api.served.ask("/api/v1/captures", "POST", body, **told)


def file(name: str, octets: bytes) -> bytes:
    head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return head.encode() + octets


def test_a_capture_that_is_sent_becomes_a_story(api: Api, story: Any) -> None:
    assert ("capture", "plant.pcap", "done", 1.0) == (
        story["kind"],
        story["name"],
        story["state"],
        story["progress"],
    )
    assert story["summary"]["conversations"] == story["counts"]["conversation"] > 0
    assert len(plant.capture()) == story["octets"]
    assert story["id"] in {one["id"] for one in api.told("/captures")["rows"]}


def test_taking_one_says_where_its_story_is(api: Api) -> None:
    answer = api.ask("/captures", "POST", plant.capture(), name=HOSTILE)
    taken = api.valid("/captures", "POST", answer)
    story = api.until(f"/captures/{taken['id']}", lambda one: one["ended"])

    assert (202, f"/api/v1/captures/{taken['id']}") == (answer.status, answer.headers["location"])
    assert "script>�.pcap" == story["name"]
    assert "done" == story["state"]
    assert None is api.told(f"/captures/{taken['id']}", "DELETE")
    assert taken["id"] in api.problem(404, f"/captures/{taken['id']}")
    assert taken["id"] in api.problem(404, f"/captures/{taken['id']}", "DELETE")
    assert taken["id"] in api.problem(404, "/services", of=taken["id"])


def test_a_form_sends_a_capture_too(api: Api) -> None:
    answer = form(api, file("form.pcap", plant.capture()))
    taken = api.valid("/captures", "POST", answer)

    assert "form.pcap" == taken["name"]
    assert api.until(f"/captures/{taken['id']}", lambda one: one["state"] == "done")
    assert None is api.told(f"/captures/{taken['id']}", "DELETE")


def test_a_capture_that_is_none_fails_and_says_why(api: Api) -> None:
    story = api.sent(b"GET / HTTP/1.1\r\n\r\n" * 9, name="none.pcap")

    assert "failed" == story["state"]
    assert story["why"]
    assert None is api.told(f"/captures/{story['id']}", "DELETE")


def test_one_capture_at_a_time(api: Api) -> None:
    before = api.told("/captures")["counted"]
    answer = form(api, file("a.pcap", plant.capture()), file("b.pcap", plant.capture()))

    assert 400 == answer.status
    assert "one capture at a time" in problem(answer)
    assert before == api.told("/captures")["counted"]


@pytest.mark.parametrize(
    ("parts", "detail"),
    [
        ((), "no file"),
        ((b'Content-Disposition: form-data; name="keep"\r\n\r\n1',), "no file"),
        ((b"Content-Type: text/plain\r\n\r\nx",), "form"),
        ((file("a.pcap", b""),), "empty"),
    ],
)
def test_a_form_without_a_capture_is_refused(
    api: Api, parts: tuple[bytes, ...], detail: str
) -> None:
    answer = form(api, *parts)

    assert 400 == answer.status
    assert detail in problem(answer)


def test_a_form_of_a_stranger_s_page_is_refused(api: Api) -> None:
    answer = form(api, file("a.pcap", b"x"), sec_fetch_site="cross-site")

    assert 403 == answer.status
    assert "another server" in problem(answer)


def test_what_is_no_capture_by_its_type_is_told_what_is_taken(api: Api) -> None:
    answer = api.served.ask("/api/v1/captures", "POST", b"{}", content_type="application/json")

    assert 415 == answer.status
    assert PCAP in problem(answer)


@pytest.mark.parametrize("name", ["..%2F..%2Fetc", "ABCDEFGHIJKL", "0" * 13, "%00" * 12])
def test_what_can_be_no_story_is_refused(api: Api, name: str) -> None:
    for method in ("GET", "DELETE"):
        answer = api.ask(f"/captures/{name}", method)

        assert answer.status in (400, 404), answer.text
        assert problem(answer)
