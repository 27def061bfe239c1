"""What comes in is held to its type, whatever it is; what is refused is named."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated
from urllib.parse import quote, urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, UnsetType
from support.asking import ROOT, Api, problem
from support.served import Answer

from portbook.errors import UsageError
from portbook.faces.web.api.reading import Nothing, place, words


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: Annotated[int, Meta(ge=0, le=9, description="A number, 0 to 9.")]
    name: Annotated[str, Meta(max_length=3, description="A short name")] | UnsetType = UNSET


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (b"number=7", Asked(7)),
        (b"name=a%20b&number=7", Asked(7, "a b")),
        (b"name=&number=0", Asked(0, "")),
        (b"number=7&", Asked(7)),
    ],
)
def test_words_are_read(query: bytes, told: Asked) -> None:
    assert told == words(Asked, query)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (b"", "number: is needed; A number, 0 to 9"),
        (b"number=10", "number: A number, 0 to 9; got '10'"),
        (b"number=7&name=long", "name: A short name; got 'long'"),
        (b"number=7&nam=x", "the query: no word 'nam'; known: number, name"),
        (b"number=7&number=7", "number: said more than once"),
        (b"number=7&%ff=1", "the query: no word '\ufffd'"),
    ],
)
def test_what_is_wrong_is_named(query: bytes, why: str) -> None:
    with pytest.raises(UsageError) as refused:
        words(Asked, query)

    assert str(refused.value).startswith(why)


def test_where_there_are_no_words_any_is_too_many() -> None:
    with pytest.raises(UsageError, match="no word 'a'; there are none here"):
        words(Nothing, b"a=1")


@given(st.binary(max_size=200))
def test_any_query_is_read_or_refused(query: bytes) -> None:
    with suppress(UsageError):
        assert 0 <= words(Asked, query).number <= 9


@given(st.dictionaries(st.sampled_from(["number", "name"]), st.text()))
def test_any_path_is_read_or_refused(told: dict[str, str]) -> None:
    with suppress(UsageError):
        assert 0 <= place(Asked, told).number <= 9


HOSTILE = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "'; DROP TABLE sightings; --",
            '" OR 1=1 --',
            "%",
            "_",
            "*",
            "a" * 257,
            "0" * 4000,
            "-1",
            "9" * 30,
            "NaN",
            "\x00",
            "\udcff",
            "<script>alert(1)</script>",
            "../../etc/passwd",
            "٣",
            "1e309",
            "0.0.0.0/0",
            "::/0",
            "fe80::1%eth0",
            "65535-65535",
            "0-65535,0-65535,0-65535",
            "2026-11-21T08:00:00+99:99",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-12:00",
        ]
    ),
)
LISTS = ("services", "devices", "announcements", "listeners", "findings", "conversations", "links")
WORDS = (
    "text", "host", "port", "transport", "protocol", "level", "source", "since", "until", "gone",
    "order", "after", "most", "of",
)  # fmt: skip


@given(
    name=st.sampled_from(LISTS),
    told=st.dictionaries(st.sampled_from(WORDS), HOSTILE, min_size=1, max_size=3),
)
def test_no_list_stumbles_over_what_it_is_asked(
    api: Api, story: object, name: str, told: dict[str, str]
) -> None:
    query = urlencode(told, errors="surrogatepass")
    answer = api.served.ask(f"{ROOT}/{name}?{query}")

    _fine(api, f"/{name}", answer)


@given(
    path=st.sampled_from(
        [
            "/ports/{}",
            "/ports/1743/{}",
            "/devices/{}",
            "/rules/{}",
            "/protocols/{}",
            "/plan/{}",
            "/captures/{}",
            "/stations/{}",
            "/search?q={}",
            "/changes?since={}",
            "/plan/1?policy={}",
        ]
    ),
    told=HOSTILE,
)
def test_no_path_stumbles_over_what_it_names(api: Api, path: str, told: str) -> None:
    quoted = quote(told, safe="", errors="surrogatepass")
    answer = api.served.ask(ROOT + path.format(quoted))

    assert answer.status in (200, 400, 404, 414), answer.text
    if answer.status != 200:
        assert problem(answer)


@given(st.recursive(st.none() | st.integers() | HOSTILE.filter(str.isprintable), st.lists))
def test_no_body_of_json_is_too_much(api: Api, said: object) -> None:
    assert api.problem(400, "/feedback", "POST", [said])
    assert api.problem(400, "/feedback", "POST", {"page": said, "face": said})


@given(octets=st.binary(max_size=300), boundary=st.sampled_from(["here", "", '"', "x" * 300]))
def test_no_form_is_too_much(api: Api, octets: bytes, boundary: str) -> None:
    answer = api.served.ask(
        f"{ROOT}/captures",
        "POST",
        b"--here\r\n" + octets,
        content_type=f"multipart/form-data; boundary={boundary}",
        sec_fetch_site="same-origin",
    )

    assert answer.status in (400, 415), answer.text
    assert problem(answer)


def _fine(api: Api, path: str, answer: Answer) -> None:
    assert answer.status in (200, 400, 404, 414), answer.text
    if answer.status == 200:
        api.valid(path, "GET", answer)
    else:
        assert problem(answer)
