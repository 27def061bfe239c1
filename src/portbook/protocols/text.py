"""Text that a peer sent: whole lines, replies with a number, products with a version.

Shared by the protocols of lines (FTP, SMTP, SSH, HTTP). All that is given out is bounded and has
no control characters, so it can stand in a terminal.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LINES = 32  # lines looked at on one side
LINE_OCTETS = 8192


class Reply(NamedTuple):
    """A numbered reply, the way FTP and SMTP servers write it."""

    code: int
    text: str  # all lines of a multi-line reply, joined by blanks
    ended: bool  # the last line has its line end


_REPLY = re.compile(rb"([1-5][0-9][0-9])([ -])(.*)\Z", re.DOTALL)
_VERSION = r"[vV]?(\d[0-9A-Za-z.+~_-]*)"
_NAMED = re.compile(rf"(.*?[A-Za-z0-9)])[ _/-]{_VERSION}")


def clean(octets: bytes | str, limit: int = 128) -> str:
    """Return text for people: UTF-8 or Latin-1, no control characters, at most `limit` signs."""
    text = octets[: 4 * limit] if isinstance(octets, str) else _decoded(octets[: 4 * limit])
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:limit]


def _decoded(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def whole_lines(octets: bytes) -> list[bytes]:
    """Return the first lines that have their end, CR LF or LF, without it."""
    parts = octets.split(b"\n", LINES)
    return [part.removesuffix(b"\r") for part in parts[:-1] if len(part) <= LINE_OCTETS]


def first_line(octets: bytes) -> tuple[bytes, bool]:
    """Return the first line, and whether its end was there."""
    line, end, _ = octets[:LINE_OCTETS].partition(b"\n")
    return line.removesuffix(b"\r"), bool(end)


def reply(octets: bytes) -> Reply | None:
    """Read the first numbered reply, of one line or several, or None when there is none.

    Source: RFC 959 section 4.2, RFC 5321 section 4.2.1.
    """
    first, ended = first_line(octets)
    match = _REPLY.match(first)
    if not match:
        return None
    code, texts = match[1], [match[3]]
    if match[2] == b"-" and ended:
        ended = False
        for line in whole_lines(octets)[1:]:
            texts.append(line[4:] if line[:3] == code else line)
            if line[:4] == code + b" ":
                ended = True
                break
    return Reply(int(code), clean(b" ".join(texts), 512), ended)


def verbs(octets: bytes) -> list[str]:
    """Return the first word of each command line, in capitals; an unfinished line counts too."""
    found = []
    for line in octets.split(b"\n", LINES)[:LINES]:
        word = line[:12].split(b" ", 1)[0].rstrip(b"\r")
        if not word.isalpha():
            break
        found.append(word.decode("latin-1").upper())
    return found


def argument(octets: bytes, *wanted: str) -> str | None:
    """Return what follows the first command that is one of `wanted`, or None."""
    for line in whole_lines(octets):
        word, _, rest = line.partition(b" ")
        if word.decode("latin-1").upper() in wanted:
            return clean(rest)
    return None


def greeter(text: str) -> str | None:
    """Tell whom a 220 greeting names: "smtp", "ftp", or None when it names neither.

    A host may be called ftp or mail, so the protocol's own name goes before such words.
    """
    low = text.lower()
    if re.search(r"\be?smtp\b|\blmtp\b", low):
        return "smtp"
    if "ftp" in low:
        return "ftp"
    if "smtp" in low or re.search(r"mail|postfix|\bexim\b", low):
        return "smtp"
    return None


def product(text: str) -> dict[str, str]:
    """Split `vsFTPd 3.0.3`, `Apache/2.4.1 (Unix)`, `OpenSSH_9.2p1` into product and version."""
    text = clean(text)
    match = _NAMED.match(text)
    if match:
        return {"product": match[1].strip(" _-/("), "version": match[2].rstrip("._-")}
    return {"product": text} if text else {}
