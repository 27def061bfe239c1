"""By which names a reader may call us: a name that is pointed at us by others is refused."""

from __future__ import annotations

import string
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.guarded import Served, guarded_by_token, serving

from portbook.faces.web.guard import Rules
from portbook.faces.web.guard.hosts import host, named
from portbook.faces.web.guard.request import Request


@pytest.fixture(scope="module")
def here() -> Iterator[Served]:
    with serving() as one:
        yield one


@pytest.mark.parametrize(
    "told", ["localhost", "LOCALHOST.", "127.0.0.1", "[::1]", "[0:0:0:0:0:0:0:1]", "localhost:9000"]
)
def test_this_machine_is_called_so_through_whichever_port(here: Served, told: str) -> None:
    assert 200 == here.ask("GET", "/1743", host=told).status


@pytest.mark.parametrize(
    "told",
    [
        "rebound.example",
        "rebound.example:8743",
        "127.0.0.1.rebound.example",
        "localhost.rebound.example",
        "127.0.0.2",
        "0.0.0.0",
        "[::]",
        "10.0.0.5",
    ],
)
def test_a_name_of_somebody_else_is_refused_and_told_how_to_be_allowed(
    here: Served, told: str
) -> None:
    answer = here.ask("GET", "/api/v1/ports/1743", host=told)

    assert 421 == answer.status
    assert "application/problem+json" == answer.headers["content-type"]
    assert "--host-name" in answer.told["detail"]


@pytest.mark.parametrize(
    "told",
    ["", " ", "user@localhost", "localhost/", "localhost:", "localhost:99999", "localhost:-1",
     "[::1", "::1", "[fe80::1%25lo]", "local host", "localhost,rebound.example", "1.2.3", "."],
)  # fmt: skip
def test_what_is_no_name_is_a_bad_request(here: Served, told: str) -> None:
    assert 400 == here.ask("GET", "/", host=told).status


def test_a_request_without_a_name_is_a_bad_request(here: Served) -> None:
    came = here.raw(b"GET / HTTP/1.0\r\n\r\n")

    assert came.startswith(b"HTTP/1.1 400 ")


def test_a_name_that_was_told_is_ours() -> None:
    with serving(rules=Rules(hosts=frozenset({"plant.example", "203.0.113.9"}))) as here:
        assert 200 == here.ask("GET", "/", host="Plant.Example:443").status
        assert 200 == here.ask("GET", "/", host="203.0.113.9").status
        assert 421 == here.ask("GET", "/", host="localhost").status


def test_the_address_that_a_connection_came_to_is_ours_when_we_listen_for_others() -> None:
    rules = Rules(hosts=frozenset(), own_addresses=True)
    with serving(rules=rules) as here:
        assert 200 == here.ask("GET", "/", host="127.0.0.1").status
        assert 421 == here.ask("GET", "/", host="localhost").status


@pytest.mark.parametrize(
    "header", ["x_forwarded_for", "forwarded", "x_forwarded_host", "x_forwarded_proto"]
)
def test_a_proxy_that_nobody_told_of_opens_nothing(here: Served, header: str) -> None:
    answer = here.ask("GET", "/", **{header: "10.0.0.5"})

    assert 403 == answer.status
    assert b"--behind-proxy" in answer.body


def test_a_proxy_may_come_where_readers_must_log_in() -> None:
    with serving(rules=guarded_by_token()) as here:
        assert 401 == here.ask("GET", "/", x_forwarded_for="10.0.0.5").status


NAMES = st.one_of(
    st.binary(max_size=80),
    st.text(string.ascii_letters + string.digits + ".-:[]@/%_ ", max_size=40).map(str.encode),
)


@given(NAMES)
def test_whatever_is_told_only_our_own_names_are_let_in(told: bytes) -> None:
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", told)]}
    refusal = host(Request(scope), Rules())
    name = named(told.decode("latin-1").strip())

    assert (refusal is None) == (name in ("localhost", "127.0.0.1", "::1"))
    if refusal is None:  # what is let in says nothing else by any reading of it
        assert set(told.lower().strip()) <= set(b"localhost127.:[]0123456789")
