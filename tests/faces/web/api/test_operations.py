"""What all operations have in common: problems, methods, what is kept, what nobody declared."""

from __future__ import annotations

import pytest
from support.asking import Api, problem
from support.served import served

from portbook.faces.web.api.operations import encoded

READING = [
    "/ports/1743",
    "/services",
    "/devices",
    "/announcements",
    "/listeners",
    "/findings",
    "/changes",
    "/captures",
    "/rules",
    "/protocols",
    "/plan/1743",
    "/stations",
    "/feedback",
    "/status",
    "/openapi.json",
]


@pytest.mark.parametrize(
    "path",
    ["", "/", "/nothing", "/ports", "/ports/", "/ports/1743/tcp/now", "/services/1", "/v2"],
)
def test_an_unknown_path_is_a_problem_that_says_where_to_look(api: Api, path: str) -> None:
    assert "/api/v1/openapi.json lists what there is" in api.problem(404, path)


@pytest.mark.parametrize("path", ["/api/v2/services", "/api/x", "/api/v1"])
def test_beside_the_api_paths_below_api_are_problems_too(api: Api, path: str) -> None:
    answer = api.served.ask(path)

    assert 404 == answer.status
    assert problem(answer)


@pytest.mark.parametrize("path", READING)
def test_a_method_that_is_not_taken_is_told_with_those_that_are(api: Api, path: str) -> None:
    answer = api.ask(path, "PATCH")

    assert 405 == answer.status
    assert "GET" in answer.headers["allow"]
    assert "other methods" in problem(answer)


@pytest.mark.parametrize("path", READING)
def test_a_word_that_nobody_declared_is_refused(api: Api, path: str) -> None:
    assert "no word 'colour'" in api.problem(400, path, colour="red")


def test_a_word_is_said_once(api: Api) -> None:
    answer = api.served.ask("/api/v1/services?port=1&port=2")

    assert (400, "port: said more than once") == (answer.status, problem(answer))


def test_a_query_has_so_many_words(api: Api) -> None:
    answer = api.served.ask("/api/v1/services?" + "&".join(f"a{n}=1" for n in range(100)))

    assert (400, "at most 64 words are read here") == (answer.status, problem(answer))


def test_too_large_a_body_is_refused(api: Api) -> None:
    said = {"page": "/1743", "face": "good", "comment": "x" * 70_000}

    assert "at most 65536 octets" in api.problem(413, "/feedback", "POST", said)


@pytest.mark.parametrize("path", ["/rules", "/ports/1743"])
def test_what_is_still_so_is_not_sent_again(api: Api, path: str) -> None:
    first = api.ask(path)
    again = api.served.ask(f"/api/v1{path}", if_none_match=first.headers["etag"])

    assert (304, b"") == (again.status, again.body)
    assert "no-cache" in first.headers["cache-control"]


def test_a_capture_may_be_too_large(api: Api) -> None:
    folder = api.served.book.parent / "small"
    with served(folder, "--most-upload", "1000") as running:
        small = Api(running)

        assert "1000 octets" in small.problem(413, "/captures", "POST", b"x" * 2000)


def test_a_book_that_cannot_be_read_is_a_problem_and_no_end(api: Api) -> None:
    folder = api.served.book.parent / "broken"
    with served(folder) as running:
        broken = Api(running)
        broken.until("/status", lambda one: one["machine"]["looked"])
        for suffix in ("-wal", "-shm"):
            running.book.with_name(running.book.name + suffix).unlink(missing_ok=True)
        running.book.write_bytes(b"no book at all" * 1000)
        answer = broken.ask("/services", host="10.9.9.9")

        assert 503 == answer.status
        assert running.book.name in problem(answer)
        assert broken.told("/rules")
        assert "portbook_book_readable 0" in running.ask("/metrics").text.splitlines()


def test_a_book_for_reading_only_takes_nothing(api: Api) -> None:
    folder = api.served.book.parent / "readonly"
    with served(folder, "--readonly", book=api.served.book) as running:
        readonly = Api(running)

        assert readonly.told("/status")["readonly"]
        for path, body in (("/feedback", {"page": "/", "face": "good"}), ("/captures", b"x")):
            assert "reading only" in readonly.problem(403, path, "POST", body)


def test_what_is_no_text_is_written_all_the_same() -> None:
    assert rb'{"program":"a\\udcff"}' == encoded({"program": "a\udcff"})
    assert rb'[{"a\\udc80":["x",null]}]' == encoded([{"a\udc80": ("x", None)}])
