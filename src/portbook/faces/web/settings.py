"""What `portbook serve` was told: one record, read by everything behind the pages."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from portbook.errors import UsageError
from portbook.records import LOCAL_SITE

HOST, PORT = "127.0.0.1", 8743  # unassigned at IANA, claimed by nobody that we know of
MOST_UPLOAD = 512_000_000  # octets of a capture that somebody drops on the page

_SIZE = re.compile(r"(\d{1,15})\s*([kmgt]?)(i?)b?\Z", re.IGNORECASE)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,3}\Z")


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one `portbook serve`; secrets are in `guard.rules.Rules`, never here."""

    book: Path
    claims: Path
    site: str = LOCAL_SITE
    policy: str | None = None  # name of a shipped one, or a path
    interfaces: tuple[str, ...] = ()  # listened to while the pages are served
    captures: tuple[Path, ...] = ()  # read at the start
    rtpd: str | None = None  # ADDRESS:PORT of a receiver's status
    rtpd_config: Path | None = None  # the receiver's settings file, for the stations' names
    readonly: bool = False  # nothing is written in the book, nothing is taken in
    most_upload: int = MOST_UPLOAD  # octets
    language: str | None = None  # None: the reader's browser says it
    host: str = HOST
    port: int = PORT
    tls: bool = False  # by our own certificate
    behind_proxy: bool = False  # a proxy on this machine speaks for the readers


def octets(text: str) -> int:
    """Read a size: `200MB`, `1G`, `512KiB`, or a count of octets; raises UsageError."""
    match = _SIZE.match(text.strip())
    if not match or (match[3] and not match[2]):
        raise UsageError(f"not a size: {text!r}; write 200MB, 1GB or 512KiB")
    power = " kmgt".index(match[2].lower() or " ")
    scale: int = (1024 if match[3] else 1000) ** power
    return int(match[1]) * scale


def language(text: str) -> str:
    """Return a language's tag as it stands; raises UsageError for what can be none."""
    if not _LANGUAGE.match(text):
        raise UsageError(f"not a language: {text!r}; write en, cs, de, es, ja or zh-Hant")
    return text
