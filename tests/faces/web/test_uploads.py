"""Files of a form are handed on as they come, whatever the pieces and however hostile the form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import UsageError
from portbook.faces.web.uploads import MOST_PARTS, files

KIND = "multipart/form-data; boundary=XX"


def form(*parts: tuple[str, str | None, bytes]) -> bytes:
    body = b""
    for name, filename, octets in parts:
        told = f'; filename="{filename}"' if filename is not None else ""
        body += f'--XX\r\nContent-Disposition: form-data; name="{name}"{told}\r\n\r\n'.encode()
        body += octets + b"\r\n"
    return body + b"--XX--\r\n"


def read(
    body: bytes, kind: str = KIND, piece: int = 7, taken: bool = True
) -> list[tuple[str, bytes, dict[str, str]]]:
    async def pieces() -> AsyncIterator[bytes]:
        for here in range(0, len(body), piece):
            yield body[here : here + piece]

    async def play() -> list[tuple[str, bytes, dict[str, str]]]:
        found = []
        async for sent in files(kind, pieces()):
            octets = b"".join([part async for part in sent.octets]) if taken else b""
            found.append((sent.name, octets, sent.fields))
        return found

    return asyncio.run(play())


@given(st.binary(max_size=300), st.integers(1, 400))
def test_octets_come_through_whatever_the_pieces(octets: bytes, piece: int) -> None:
    if b"\r\n--XX" in b"\r\n" + octets:
        return
    body = form(("keep", None, b"1"), ("capture", "a.pcap", octets), ("capture", "b.pcap", b"b"))

    assert [("a.pcap", octets, {"keep": "1"}), ("b.pcap", b"b", {"keep": "1"})] == read(
        body, piece=piece
    )


def test_a_file_that_nobody_takes_does_not_stop_the_next() -> None:
    body = form(("capture", "a", b"x" * 5000), ("capture", "b", b"y"))

    assert ["a", "b"] == [name for name, _, _ in read(body, taken=False)]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\\\captures\\\\plant.pcap", "plant.pcap"),
        ("a\x01\x1bb", "ab"),
        ("x" * 5000, "x" * 200),
        ("", "capture"),
        ("<script>alert(1)</script>.pcap", "script>.pcap"),
    ],
)
def test_a_name_loses_its_folders_and_what_cannot_be_shown(sent: str, kept: str) -> None:
    with suppress(UsageError):  # what no header can carry is refused
        assert [kept] == [name for name, _, _ in read(form(("capture", sent, b"")))]


@pytest.mark.parametrize("kind", ["", "text/plain", "multipart/form-data", KIND + "x" * 300])
def test_what_is_no_form_is_refused(kind: str) -> None:
    with pytest.raises(UsageError):
        read(form(("capture", "a", b"x")), kind=kind)


def test_a_form_cut_in_the_middle_of_a_file_is_told() -> None:
    body = form(("capture", "a", b"x" * 1000))

    with pytest.raises(UsageError, match="cut"):
        read(body[:500])


def test_a_field_without_end_is_refused() -> None:
    with pytest.raises(UsageError, match="longer"):
        read(form(("keep", None, b"x" * 10_000), ("capture", "a", b"")), piece=100)


def test_a_form_of_thousands_of_parts_is_refused() -> None:
    with pytest.raises(UsageError):
        read(form(*[("capture", f"{number}", b"") for number in range(MOST_PARTS + 5)]), piece=4096)


@given(st.binary(max_size=400), st.integers(1, 50))
def test_no_octets_do_more_than_be_refused(body: bytes, piece: int) -> None:
    with suppress(UsageError):
        read(b"--XX\r\n" + body, piece=piece)
