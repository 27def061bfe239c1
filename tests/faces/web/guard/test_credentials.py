"""Tokens, the password, sessions: strong enough, compared in constant time, ended when told."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.guarded import TOKEN

from portbook.errors import UsageError
from portbook.faces.web.guard import credentials as module
from portbook.faces.web.guard.credentials import SESSION_S, Credentials

PASSWORD = "correct horse battery"
START = 1_800_000_000.0


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("", "too short"),
        ("fifteen-letters", "too short"),
        ("a" * 40, "repeats"),
        ("abab" * 10, "repeats"),
        ("horse battery staple 9", "no spaces"),
        ("horse-battery-staple-é", "ASCII"),
        ("horse-battery\nstaple-9", "ASCII"),
        ("horse-battery-staple" * 100, "one line of at most"),
    ],
)
def test_a_weak_token_is_refused_and_never_told(token: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as told:
        Credentials([TOKEN, token])
    assert not token or token not in str(told.value)


@pytest.mark.parametrize("password", ["", "eleven char", "aaaaaaaaaaaa", "twelve\x00letters"])
def test_a_weak_password_is_refused_and_never_told(password: str) -> None:
    with pytest.raises(UsageError) as told:
        Credentials(password=password)
    assert not password or password not in str(told.value)


def test_nobody_at_all_cannot_be_let_in() -> None:
    with pytest.raises(UsageError, match="nobody"):
        Credentials()


def test_the_password_is_for_people_and_tokens_are_for_both() -> None:
    known = Credentials([TOKEN, TOKEN[::-1]], PASSWORD)

    assert known.token(TOKEN.encode())
    assert known.token(TOKEN[::-1].encode())
    assert not known.token(PASSWORD.encode())
    assert known.login(PASSWORD.encode())
    assert known.login(TOKEN.encode())


def test_every_secret_is_compared_whatever_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    really = hmac.compare_digest

    def counted(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return really(one, other)

    known = Credentials([TOKEN, TOKEN[::-1]], PASSWORD)
    monkeypatch.setattr(module.hmac, "compare_digest", counted)
    for told in (TOKEN, TOKEN[::-1], PASSWORD, "", "wrong", TOKEN[:-1]):
        compared.clear()
        known.login(told.encode())
        assert 3 == len(compared)
        assert {32} == {len(side) for pair in compared for side in pair}  # digests, not texts


def test_neither_the_record_nor_its_rules_tell_a_secret() -> None:
    from portbook.faces.web.guard import Rules

    known = Credentials([TOKEN], PASSWORD)
    for told in (repr(known), str(known), repr(Rules(credentials=known))):
        assert TOKEN not in told
        assert PASSWORD not in told


def test_a_session_lasts_half_a_day() -> None:
    now = [START]
    known = Credentials([TOKEN], clock=lambda: now[0])
    session = known.session().encode()

    assert known.good(session)
    now[0] += SESSION_S - 1
    assert known.good(session)
    now[0] += 1
    assert not known.good(session)


def test_a_session_that_was_left_is_good_no_more_and_others_are() -> None:
    known = Credentials([TOKEN])
    mine, other = known.session().encode(), known.session().encode()
    known.end(mine)
    known.end(b"forged")

    assert mine != other
    assert not known.good(mine)
    assert known.good(other)


def test_sessions_that_were_left_are_forgotten_when_they_have_run_out() -> None:
    now = [START]
    known = Credentials([TOKEN], clock=lambda: now[0])
    for _ in range(3):
        known.end(known.session().encode())
    now[0] += SESSION_S + 1
    known.end(known.session().encode())

    assert 1 == len(known._ended)


def test_too_many_sessions_that_were_left_end_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ENDED", 3)
    known = Credentials([TOKEN])
    kept, left = known.session().encode(), [known.session().encode() for _ in range(4)]
    for one in left:
        known.end(one)

    assert not known._ended
    assert not any(known.good(one) for one in (kept, *left))
    assert known.good(known.session().encode())


KNOWN = Credentials([TOKEN], PASSWORD)


@given(st.binary(max_size=300))
def test_nothing_else_is_a_secret_or_a_session(told: bytes) -> None:
    assert not KNOWN.token(told)
    assert not KNOWN.login(told)
    assert not KNOWN.good(told)


@given(st.data())
def test_a_session_changed_anywhere_is_none(data: st.DataObject) -> None:
    session = bytearray(KNOWN.session().encode())
    at = data.draw(st.integers(0, len(session) - 1))
    session[at] ^= data.draw(st.integers(1, 255))

    assert not KNOWN.good(bytes(session))
