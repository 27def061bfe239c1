"""Who may come in: sessions, tokens, what is to be had before, and how often one may be wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.guarded import FORM, TOKEN, Answer, Echo, Served, guarded_by_token, serving

from portbook.faces.web.guard import Pages, Refusal, Rules
from portbook.faces.web.guard.asgi import ASGIApp, Scope, answering
from portbook.faces.web.guard.credentials import Credentials
from portbook.faces.web.guard.gate import _HERE, _OPEN

PASSWORD = "correct horse battery"
ECHO = Echo()
HTML = "text/html,application/xhtml+xml"


@pytest.fixture(scope="module")
def here() -> Iterator[Served]:
    with serving(ECHO, Rules(credentials=Credentials([TOKEN], PASSWORD))) as one:
        yield one


@pytest.fixture
def fresh() -> Iterator[Served]:
    """Give a server where nobody was wrong yet."""
    with serving(ECHO, Rules(credentials=Credentials([TOKEN], PASSWORD))) as one:
        yield one


def session(answer: Answer) -> str:
    return answer.headers["set-cookie"].split(";")[0]


@pytest.mark.parametrize(
    "path",
    ["/1743", "/metrics", "/events", "/api/v1/services", "/api/schema", "/captures", "/static",
     "/static/", "/staticx/a.css", "/Static/a.css", "/static/a/", "/static/.hidden", "/statics/x",
     "/static/a%20b.css", "/static/%2575"],
)  # fmt: skip
def test_nothing_is_to_be_had_before_log_in(here: Served, path: str) -> None:
    before = len(ECHO.asked)
    answer = here.ask("GET", path)

    assert 401 == answer.status
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert before == len(ECHO.asked)


@pytest.mark.parametrize("path", ["/static/style.css", "/static/js/portbook.js"])
def test_style_sheets_and_scripts_come_before_log_in(here: Served, path: str) -> None:
    assert 200 == here.ask("GET", path).status
    sent = here.ask("POST", path, b"{}", content_type="application/json")
    assert 401 == sent.status


def test_who_asks_for_a_page_is_sent_to_the_form_and_from_there_to_the_page(here: Served) -> None:
    asked = here.ask("GET", "/search?q=%C3%A9+a&port=1743", accept=HTML)
    assert 303 == asked.status
    form = here.ask("GET", asked.headers["location"], accept=HTML)
    assert 200 == form.status
    assert b'name="secret"' in form.body
    entered = here.log_in(path=asked.headers["location"])
    assert (303, "/search?q=%C3%A9+a&port=1743") == (entered.status, entered.headers["location"])
    assert 200 == here.ask("GET", entered.headers["location"], cookie=session(entered)).status


@pytest.mark.parametrize("secret", [TOKEN, PASSWORD.replace(" ", "+")])
def test_a_token_or_the_password_opens_a_session(here: Served, secret: str) -> None:
    entered = here.log_in(secret)
    cookie = entered.headers["set-cookie"]

    assert 303 == entered.status
    assert all(one in cookie for one in ("; HttpOnly", "; SameSite=Strict", "; Path=/"))
    assert "; Max-Age=43200" in cookie
    assert "Domain" not in cookie
    assert TOKEN not in cookie
    assert 200 == here.ask("GET", "/1743", cookie=f"a=b; {session(entered)}; c=d").status


@pytest.mark.parametrize("secret", ["", "wrong", TOKEN + "x", TOKEN[:-1], TOKEN.upper(), "%FF%00"])
def test_another_secret_opens_nothing(fresh: Served, secret: str) -> None:
    refused = fresh.log_in(secret)

    assert 403 == refused.status
    assert "set-cookie" not in refused.headers
    assert b"not right" in refused.body


@pytest.mark.parametrize(
    "body", [b"", b"secret", b"&&&&", b"secret=" + b"a" * 60_000, b"\xff\xfe", b"a=b&" * 100, b"{}"]
)
def test_a_form_that_is_none_opens_nothing(fresh: Served, body: bytes) -> None:
    refused = fresh.ask("POST", "/login", body, content_type=FORM, origin=fresh.origin)

    assert 403 == refused.status


def test_the_form_of_another_server_opens_nothing(here: Served) -> None:
    refused = here.log_in(origin="http://rebound.example")

    assert 403 == refused.status
    assert "set-cookie" not in refused.headers


def test_logging_out_ends_the_session_for_all_who_hold_it(here: Served) -> None:
    cookie = session(here.log_in())
    gone = here.ask("POST", "/logout", cookie=cookie, origin=here.origin)

    assert (303, "/login") == (gone.status, gone.headers["location"])
    assert "Max-Age=0" in gone.headers["set-cookie"]
    assert 401 == here.ask("GET", "/1743", cookie=cookie).status


def test_a_link_cannot_log_out(here: Served) -> None:
    cookie = session(here.log_in())
    here.ask("GET", "/logout", cookie=cookie)

    assert 200 == here.ask("GET", "/1743", cookie=cookie).status


def test_who_is_in_is_not_shown_the_form(here: Served) -> None:
    cookie = session(here.log_in())
    answer = here.ask("GET", "/login?next=/1743", cookie=cookie)

    assert (303, "/1743") == (answer.status, answer.headers["location"])


def test_a_session_ends_with_the_process_that_opened_it(here: Served) -> None:
    cookie = session(here.log_in())
    with serving(ECHO, Rules(credentials=Credentials([TOKEN]))) as anew:
        assert 401 == anew.ask("GET", "/1743", cookie=cookie).status


def forged(good: str) -> list[str]:
    end, nonce, signature = good.partition("=")[2].split(".")
    return [
        "",
        "..",
        end,
        f"{end}.{nonce}",
        f"{end}.{nonce}.",
        f"{int(end) + 1}.{nonce}.{signature}",
        f"{end}.{nonce}0.{signature}",
        f"{end}.{nonce}.{signature[:-1]}",
        f"{end}.{nonce}.{signature.upper()}",
        f"{end}.{nonce}.{'0' * 64}",
        f"9999999999.{nonce}.{signature}",
        f".{signature}",
        f"{end}.{nonce}.{signature}.{signature}",
        "9" * 4000 + f".{nonce}.{signature}",
        "\xe9.\xe9.\xe9",
    ]


def test_a_forged_session_is_none(here: Served) -> None:
    good = session(here.log_in())
    name = good.partition("=")[0]
    for value in forged(good):
        assert 401 == here.ask("GET", "/1743", cookie=f"{name}={value}").status, value
    assert 401 == here.ask("GET", "/1743", cookie=f"x{good}").status
    assert 200 == here.ask("GET", "/1743", cookie=f"{name}=forged; {good}").status


@pytest.mark.parametrize("told", [f"Bearer {TOKEN}", f"bearer  {TOKEN} "])
def test_a_program_comes_in_with_its_token(here: Served, told: str) -> None:
    assert 200 == here.ask("GET", "/api/v1/services", authorization=told).status
    upload = here.ask("POST", "/captures", b"--x", authorization=told,
                      content_type="multipart/form-data; boundary=x")  # fmt: skip
    assert 200 == upload.status


@pytest.mark.parametrize(
    "told",
    ["", "Bearer", f"Basic {TOKEN}", TOKEN, "Bearer wrong", "Bearer " + "a" * 5000,
     f"Bearer {PASSWORD}", f"Bearer {TOKEN}, Bearer x"],
)  # fmt: skip
def test_a_program_with_another_token_stays_outside_though_it_has_a_session(
    here: Served, told: str
) -> None:
    cookie = session(here.log_in())
    answer = here.ask("GET", "/api/v1/services", authorization=told, cookie=cookie)

    assert 401 == answer.status
    assert "invalid_token" in answer.headers["www-authenticate"]
    assert TOKEN not in answer.body.decode()


ELSEWHERE = [
    "http://rebound.example/", "//rebound.example/", "/\\rebound.example/", "\\\\rebound.example",
    "/%0d%0aSet-Cookie:a=b", "/\r\nSet-Cookie: a=b", "javascript:alert(1)", "", "1743", "/é",
    "/\t/rebound.example", "/a" * 2000, "/login", "/login?next=/", "/logout", " /1743",
]  # fmt: skip


@pytest.mark.parametrize("where", ELSEWHERE)
def test_the_form_leads_to_an_address_of_ours_alone(here: Served, where: str) -> None:
    entered = here.log_in(path="/login?next=" + quote(where, safe=""))

    if where == "/%0d%0aSet-Cookie:a=b":  # still quoted: one path of ours, however odd
        assert entered.headers["location"] in ("/", where)
    elif len(where) > 3000:
        assert 414 == entered.status or "/" == entered.headers["location"]
    else:
        assert "/" == entered.headers["location"]
    assert "a=b" not in entered.headers.get("set-cookie", "")


def test_five_wrong_secrets_are_enough_and_time_gives_another_try() -> None:
    now = [1000.0]
    with serving_at(now) as here:
        assert [403] * 5 == [here.log_in("wrong").status for _ in range(5)]
        refused = here.log_in(TOKEN)  # even the right one: else one could go on guessing
        assert 429 == refused.status
        assert 0 < int(refused.headers["retry-after"]) <= 30
        now[0] += 30
        assert 403 == here.log_in("wrong").status
        assert 429 == here.log_in("wrong").status
        now[0] += 30
        assert 303 == here.log_in(TOKEN).status


def test_programs_and_people_are_counted_apart() -> None:
    now = [1000.0]
    with serving_at(now) as here:
        codes = [here.ask("GET", "/", authorization="Bearer wrong").status for _ in range(61)]
        assert [401] * 60 + [429] == codes
        assert 303 == here.log_in().status
        now[0] += 1
        assert 200 == here.ask("GET", "/", authorization=f"Bearer {TOKEN}").status


def serving_at(now: list[float]) -> object:
    """Serve with a clock of the test's own."""
    from unittest.mock import patch

    from portbook.faces.web import running
    from portbook.faces.web.guard import guarded

    class At:
        def __enter__(self) -> Served:
            self._patch = patch.object(
                running, "guarded", lambda app, rules: guarded(app, rules, clock=lambda: now[0])
            )
            self._patch.start()
            self._serving = serving(ECHO, guarded_by_token())
            return self._serving.__enter__()

        def __exit__(self, *_: object) -> None:
            self._serving.__exit__(None, None, None)
            self._patch.stop()

    return At()


def test_behind_a_proxy_a_secret_is_taken_only_when_the_reader_came_by_tls() -> None:
    names = frozenset({"plant.example"})
    with serving(ECHO, guarded_by_token(behind_proxy=True, hosts=names)) as here:
        far = {"host": "plant.example", "x_forwarded_for": "10.0.0.5"}
        bearer = {"authorization": f"Bearer {TOKEN}"}
        for proto in ({}, {"x_forwarded_proto": "http"}):
            assert 403 == here.ask("GET", "/", **far, **proto, **bearer).status
            entered = here.log_in(origin="http://plant.example", **far, **proto)
            assert 403 == entered.status
            assert b"X-Forwarded-Proto" in entered.body
        https = {**far, "x_forwarded_proto": "https"}
        told = here.ask("GET", "/", **https, **bearer).told
        assert ("https", "10.0.0.5") == (told["scheme"], told["client"])
        entered = here.log_in(origin="https://plant.example", **https)
        assert session(entered).startswith("__Host-portbook-")
        assert "; Secure" in entered.headers["set-cookie"]


def test_pages_of_our_own_are_drawn_by_those_who_draw_pages() -> None:
    def login(scope: Scope, failed: bool) -> ASGIApp:
        return answering(403 if failed else 200, (), json.dumps(["login", failed]).encode())

    def refused(scope: Scope, refusal: Refusal) -> ASGIApp:
        return answering(refusal.status, refusal.headers, refusal.code.encode())

    rules = guarded_by_token(pages=Pages(login, refused))
    with serving(ECHO, rules) as here:
        assert ["login", False] == here.ask("GET", "/login").told
        assert ["login", True] == here.log_in("wrong").told
        outside = here.ask("GET", "/1743")
        assert (401, b"not-logged-in") == (outside.status, outside.body)
        assert "www-authenticate" in outside.headers
        assert 401 == here.ask("GET", "/api/v1/x").told["status"]


@given(st.text(max_size=40).map(lambda text: f"/static/{text}"))
def test_no_path_before_log_in_has_signs_that_can_be_read_otherwise(path: str) -> None:
    if _OPEN.match(path):
        assert path.isascii()
        assert not set("%\\?#;: \r\n\t\0") & set(path)
        assert not any(part.startswith(".") or not part for part in path.split("/")[1:])


@given(st.text(max_size=40).map(lambda text: f"/{text}"))
def test_no_address_to_go_to_leaves_this_server(where: str) -> None:
    if _HERE.match(where):
        assert not where.startswith(("//", "/\\"))
        assert where.isascii()
        assert where.isprintable()
        assert " " not in where
