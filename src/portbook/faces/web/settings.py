"""What `portbook serve` was told: one record, read by everything behind the pages."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from portbook.errors import UsageError
from portbook.records import LOCAL_SITE

HOST, PORT = "127.0.0.1", 8743  # unassigned at IANA, claimed by nobody that we know of
MOST_UPLOAD = 512_000_000  # octets of a capture that somebody drops on the page

ENGLISH = "en"

_SIZE = re.compile(r"(\d{1,15})\s*([kmgt]?)(i?)b?\Z", re.IGNORECASE)


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
    language: str = ENGLISH  # for readers whose browser asks for none that there is
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
