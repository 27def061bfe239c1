"""Text of a peer: bounded, free of control characters, split into what it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.protocols.text import (
    LINES,
    argument,
    clean,
    greeter,
    product,
    reply,
    verbs,
    whole_lines,
)


@given(st.binary(max_size=600), st.integers(1, 100))
def test_clean_text_fits_a_terminal(octets: bytes, limit: int) -> None:
    text = clean(octets, limit)

    assert len(text) <= limit
    assert all(sign.isprintable() for sign in text)


def test_utf_8_and_latin_1_are_read() -> None:
    assert "Pümpe" == clean("Pümpe".encode()) == clean("Pümpe".encode("latin-1"))


@pytest.mark.parametrize(
    ("octets", "code", "text", "ended"),
    [
        (b"220 a\r\n", 220, "a", True),
        (b"220 a", 220, "a", False),
        (b"220-a\r\n220 b\r\n", 220, "a b", True),
        (b"220-a\r\n b\r\n220-c\r\n", 220, "a b c", False),
        (b"220-\n220 \n", 220, "", True),
    ],
)
def test_a_reply_is_read(octets: bytes, code: int, text: str, ended: bool) -> None:
    assert (code, text, ended) == reply(octets)


@pytest.mark.parametrize("octets", [b"", b"220", b"2200 a\r\n", b"999 a\r\n", b"HTTP/1.1 200\r\n"])
def test_what_is_no_reply_is_none(octets: bytes) -> None:
    assert reply(octets) is None


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("FTP Server Ready", "ftp"),
        ("mail.example.org FTP server ready", "ftp"),
        ("ftp.example.org ESMTP", "smtp"),
        ("mail.example.org ready", "smtp"),
        ("ready", None),
    ],
)
def test_a_greeting_tells_whom_it_belongs_to(text: str, who: str | None) -> None:
    assert who == greeter(text)


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        ("vsFTPd 3.0.3", "vsFTPd", "3.0.3"),
        ("Apache/2.4.1 (Unix)", "Apache", "2.4.1"),
        ("OpenSSH_9.2p1", "OpenSSH", "9.2p1"),
        ("libssh2_1.10.0", "libssh2", "1.10.0"),
        ("GoAhead-Webs", "GoAhead-Webs", None),
    ],
)
def test_a_product_and_its_version_are_parted(text: str, name: str, version: str | None) -> None:
    found = product(text)

    assert (name, version) == (found["product"], found.get("version"))


def test_nothing_names_no_product() -> None:
    assert {} == product("")


def test_commands_are_read_until_something_else_comes() -> None:
    assert ["USER", "PASS", "SYST"] == verbs(b"user a\r\nPASS b\nSYST\r\n\x16\x03\x01\r\nQUIT\r\n")
    assert "b" == argument(b"NOOP\r\nHELO b\r\n", "HELO", "EHLO")
    assert argument(b"NOOP\r\n", "HELO") is None


def test_lines_without_end_are_bounded() -> None:
    assert LINES == len(whole_lines(b"a\n" * 100_000))
    assert [] == whole_lines(b"a" * 10_000 + b"\n")
