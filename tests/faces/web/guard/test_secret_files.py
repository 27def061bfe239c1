"""Where tokens and the password come from, and what is said of files that others can read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.guarded import TOKEN

from portbook.errors import SourceError, UsageError
from portbook.faces.web.guard.secret_files import VARIABLE, make, read

PASSWORD = "correct horse battery"
posix = pytest.mark.skipif(os.name != "posix", reason="rights of files are those of POSIX")


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"# of the dashboard\n{TOKEN}\n\n  {TOKEN[::-1]}  \n")
    path.chmod(0o600)
    return path


def test_nothing_told_lets_nobody_be_asked() -> None:
    assert (None, ()) == read(None, None, {})
    assert (None, ()) == read(None, None, {VARIABLE: ""})


def test_a_file_holds_tokens_a_line_each(tokens: Path) -> None:
    known, warnings = read(tokens, None, {})

    assert known is not None
    assert known.token(TOKEN.encode())
    assert known.token(TOKEN[::-1].encode())
    assert () == warnings


def test_the_variable_is_taken_out_of_the_environment(tokens: Path) -> None:
    environ = {VARIABLE: TOKEN, "PATH": "/bin"}
    known, _ = read(None, None, environ)

    assert known is not None
    assert known.token(TOKEN.encode())
    assert {"PATH": "/bin"} == environ
    environ = {VARIABLE: "another-token-of-16"}
    known, _ = read(tokens, None, environ)  # the file was named: it counts
    assert known is not None
    assert not known.token(b"another-token-of-16")
    assert {} == environ


def test_a_password_is_one_line_with_its_spaces(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD} \r\n")
    path.chmod(0o600)
    known, _ = read(None, path, {})

    assert known is not None
    assert known.login(f"{PASSWORD} ".encode())
    assert not known.token(f"{PASSWORD} ".encode())


@posix
@pytest.mark.parametrize(("mode", "told"), [(0o600, 0), (0o400, 0), (0o440, 0), (0o644, 1)])
def test_a_file_that_every_user_can_read_is_told(tokens: Path, mode: int, told: int) -> None:
    tokens.chmod(mode)
    warnings = read(tokens, None, {}).warnings

    assert told == len(warnings)
    assert all("chmod 600" in one and TOKEN not in one for one in warnings)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "found 0"),
        (b"# nothing\n\n", "found 0"),
        (b"short\n", "too short"),
        (TOKEN.encode() + b"\nshort-too\n", "too short"),
        (b"\n".join(b"horse-battery-staple-%d" % n for n in range(65)), "found 65"),
        (b"\xff\xfe" * 10, "UTF-8"),
        (b"a" * 40_000, "32 KiB"),
    ],
)
def test_a_file_without_a_good_token_is_refused(tmp_path: Path, octets: bytes, why: str) -> None:
    path = tmp_path / "token"
    path.write_bytes(octets)

    with pytest.raises(UsageError, match=why) as told:
        read(path, None, {})
    assert str(path) in str(told.value)
    assert TOKEN not in str(told.value)
    assert "short-too" not in str(told.value)


def test_a_weak_variable_or_password_names_where_it_stands(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=VARIABLE):
        read(None, None, {VARIABLE: "hunter2"})
    (tmp_path / "password").write_text("hunter2\n")
    with pytest.raises(UsageError, match="password: this password is too short") as told:
        read(None, tmp_path / "password", {})
    assert "hunter2" not in str(told.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        read(tmp_path / "token", None, {})


def test_a_new_token_is_strong_and_its_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "token"
    make(path)
    known, warnings = read(path, None, {})

    assert known is not None
    assert () == warnings
    assert known.token(path.read_bytes().strip())
    if os.name == "posix":
        assert 0o600 == path.stat().st_mode & 0o777
    before = path.read_bytes()
    with pytest.raises(UsageError, match="there is a file"):
        make(path)
    assert before == path.read_bytes()
    with pytest.raises(SourceError, match="no token was written"):
        make(tmp_path / "no" / "folder")
