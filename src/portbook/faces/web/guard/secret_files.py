"""Where tokens and the password come from: files and the environment, never the command line.

A command line is there for all users of a machine to read, and stays in the shell's history.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import MutableMapping
from pathlib import Path
from typing import NamedTuple

from portbook.errors import SourceError, UsageError
from portbook.faces.web.guard.credentials import LEAST_PASSWORD, Credentials, checked

VARIABLE = "PORTBOOK_TOKEN"
MOST_TOKENS = 64
_MOST_OCTETS = 32_768
_RANDOM_OCTETS = 32


class Told(NamedTuple):
    """Who may come in, None when nobody said; and what is wrong with where it was said."""

    credentials: Credentials | None
    warnings: tuple[str, ...] = ()


def read(
    token_file: Path | None,
    password_file: Path | None,
    environ: MutableMapping[str, str] = os.environ,
) -> Told:
    """Read tokens, a line each (`#` begins a comment), and the password.

    The variable counts when no token file was named, and is taken out of the environment: no
    child of ours shall have it. Raises UsageError for a secret that is too weak, SourceError for
    a file that cannot be read; neither tells the secret.
    """
    variable = environ.pop(VARIABLE, "")
    warnings: list[str] = []
    tokens: list[str] = []
    if token_file is not None:
        lines = [line.strip() for line in _text(token_file, warnings).splitlines()]
        tokens = [line for line in lines if line and not line.startswith("#")]
        if not 0 < len(tokens) <= MOST_TOKENS:
            raise UsageError(
                f"{token_file}: 1 to {MOST_TOKENS} tokens are in such a file, a line each; "
                f"found {len(tokens)}"
            )
    elif variable:
        tokens = [variable]
    password = None
    if password_file is not None:
        password = _text(password_file, warnings).rstrip("\r\n")
    if not tokens and password is None:
        return Told(None)
    return Told(_credentials(tokens, password, token_file, password_file), tuple(warnings))


def make(path: Path) -> None:
    """Write a new token in a file that only this user can read; raises UsageError where one is."""
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(
            f"{path}: there is a file of that name; name another one, or remove it"
        ) from None
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}; no token was written") from error
    with os.fdopen(number, "w", encoding="ascii") as stream:
        stream.write(secrets.token_urlsafe(_RANDOM_OCTETS) + "\n")


def _credentials(
    tokens: list[str], password: str | None, token_file: Path | None, password_file: Path | None
) -> Credentials:
    try:
        for one in tokens:
            checked(one)
    except UsageError as error:
        raise UsageError(f"{token_file or VARIABLE}: {error}") from None
    try:
        if password is not None:
            checked(password, LEAST_PASSWORD, "password")
    except UsageError as error:
        raise UsageError(f"{password_file}: {error}") from None
    return Credentials(tokens, password)


def _text(path: Path, warnings: list[str]) -> str:
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            octets = stream.read(_MOST_OCTETS + 1)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}; the secret in it cannot be read") from error
    if len(octets) > _MOST_OCTETS:
        raise UsageError(f"{path}: too large for a file of secrets (32 KiB)")
    if os.name == "posix" and stat.S_ISREG(mode) and mode & stat.S_IROTH:
        warnings.append(f"{path}: every user of this machine can read it; chmod 600 {path}")
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{path}: no text in UTF-8") from None
