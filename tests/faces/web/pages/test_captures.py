"""A capture is given to a page, read by a process of its own, and its story shown."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from support.served import Answer, Served, served

from portbook.book import Book

BOUNDARY = "portbook-test"


def _form(name: str, octets: bytes, keep: bool = False) -> bytes:
    parts = b""
    if keep:
        parts += (
            f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="keep"\r\n\r\n1\r\n'.encode()
        )
    head = f'content-disposition: form-data; name="capture"; filename="{name}"'
    return (
        parts + f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + octets + f"\r\n--{BOUNDARY}--".encode()
    )


def _give(to: Served, body: bytes) -> Answer:
    return to.ask(
        "/captures",
        "POST",
        body,
        content_type=f"multipart/form-data; boundary={BOUNDARY}",
        origin=to.home,
    )


def _story(of: Served, answer: Answer) -> str:
    """Wait for a capture to be read; return its page."""
    assert 303 == answer.status, answer.text
    until = time.monotonic() + 60
    while True:
        html = of.ask(answer.headers["location"]).text
        if "It is being read." not in html and "It waits" not in html:
            return html
        assert time.monotonic() < until


def test_a_capture_becomes_a_story(filled: Path, book: Path, tmp_path: Path) -> None:
    octets = (filled.parent / "plant.pcap").read_bytes()
    with served(tmp_path / "home", book=book) as running:
        answer = _give(running, _form("night shift.pcap", octets))
        html = _story(running, answer)
        name = answer.headers["location"].rpartition("/")[2]
        conversations = running.ask(f"/conversations?of={name}").text
        drawn = running.ask(f"/map?of={name}").text
        beats = running.ask(f"/announcements?of={name}").text

    assert "night shift.pcap" in html
    assert re.search(r"Services</a></p><p class=\"figure\">10<", html)
    assert 'href="/rules/PB301"' in html
    assert "10.20.0.30" in conversations
    assert "Who speaks what to whom" in drawn
    assert "press-1" in drawn
    assert "every 1 min, 6 of 6 heard" in beats


def test_a_port_names_the_capture_that_the_book_does_not_keep(filled: Path, tmp_path: Path) -> None:
    octets = (filled.parent / "plant.pcap").read_bytes()
    with served(tmp_path / "home") as running:
        answer = _give(running, _form("night.pcap", octets))
        _story(running, answer)
        html = running.ask("/1743").text

    assert "The book has seen nothing on it." in html
    assert f'href="{answer.headers["location"]}">night.pcap</a>' in html


@pytest.mark.parametrize("keep", [False, True])
def test_only_what_is_of_this_network_is_written_in_the_book(
    filled: Path, tmp_path: Path, keep: bool
) -> None:
    octets = (filled.parent / "plant.pcap").read_bytes()
    own = tmp_path / "own.sqlite"
    with served(tmp_path / "home", book=own) as running:
        _story(running, _give(running, _form("plant.pcap", octets, keep)))

    with Book.open(own, readonly=True) as kept:
        assert keep is bool(kept.seen(1743))


def test_what_is_no_capture_is_a_story_that_failed(book: Path, tmp_path: Path) -> None:
    with served(tmp_path / "home", book=book) as running:
        html = _story(running, _give(running, _form("<img src=x>.pcap", b"no capture at all")))
        assert 200 == running.ask("/captures").status

    assert "It could not be read." in html
    assert "&lt;img src=x&gt;.pcap" in html


def test_a_capture_cut_in_the_middle_tells_what_it_had(
    filled: Path, book: Path, tmp_path: Path
) -> None:
    octets = (filled.parent / "plant.pcap").read_bytes()[:-7]
    with served(tmp_path / "home", book=book) as running:
        html = _story(running, _give(running, _form("cut.pcap", octets)))

    assert 'class="notice warning"' in html
    assert re.search(r"Services</a></p><p class=\"figure\">10<", html)


def test_a_form_without_a_file_is_told(book: Path, tmp_path: Path) -> None:
    with served(tmp_path / "home", book=book) as running:
        empty = _give(running, f"--{BOUNDARY}--\r\n".encode())
        cut = _give(running, _form("x.pcap", b"y" * 1000)[:-200])

    assert 400 == empty.status
    assert 400 == cut.status


def test_a_capture_larger_than_may_be_is_refused(book: Path, tmp_path: Path) -> None:
    with served(tmp_path / "home", "--most-upload", "10KB", book=book) as running:
        answer = _give(running, _form("big.pcap", b"x" * 50_000))
        assert 413 == answer.status
        assert "big.pcap" not in running.ask("/captures").text


def test_a_story_is_removed_when_told(filled: Path, book: Path, tmp_path: Path) -> None:
    octets = (filled.parent / "plant.pcap").read_bytes()
    with served(tmp_path / "home", book=book) as running:
        answer = _give(running, _form("plant.pcap", octets))
        _story(running, answer)
        where = answer.headers["location"]
        gone = running.ask(f"{where}/remove", "POST", b"", origin=running.home,
                           content_type="application/x-www-form-urlencoded")  # fmt: skip
        after = running.ask(where)

    assert 303 == gone.status
    assert 404 == after.status


def test_nothing_is_taken_in_where_the_book_is_served_for_reading(
    book: Path, tmp_path: Path
) -> None:
    with served(tmp_path / "home", "--readonly", book=book) as running:
        answer = _give(running, _form("plant.pcap", b"x"))
        html = running.ask("/captures").text

    assert answer.status in (400, 403, 405, 503)
    assert "Drop a capture here" not in html
