"""In a browser: what changes on the network changes on the page; copying; dropping a file."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.browser import DESKTOP, PHONE, Chromium, Reader
from support.looking import accessible
from support.served import Served, served

from portbook.book import Book
from portbook.ports import Transport
from portbook.records import Service

if TYPE_CHECKING:
    from playwright.sync_api import Page

Visit = Callable[..., "Page"]


def _service(address: str) -> Service:
    now_ns = time.time_ns()
    return Service(
        address, 5007, Transport.TCP, ("melsoft",), (), 1, now_ns, now_ns, "eth7"
    )  # fmt: skip


def test_what_another_program_writes_appears_on_the_page(
    chromium: Chromium, book: Path, tmp_path: Path
) -> None:
    with (
        served(tmp_path / "home", book=book) as running,
        chromium.reading(DESKTOP, home=running.home) as page,
        chromium.reading(PHONE, home=running.home) as other,
    ):
        page.goto("/services?host=10.99.0.0/16")
        other.goto("/5007")
        assert 0 == page.get_by_text("10.99.1.2").count()

        with Book.open(book) as writer:
            writer.record("local", "eth7", time.time_ns(), services=[_service("10.99.1.2")])

        page.get_by_role("link", name="10.99.1.2").wait_for()
        other.get_by_role("link", name="10.99.1.2").wait_for()


def test_a_page_comes_back_to_life_after_the_server_was_away(
    chromium: Chromium, book: Path, tmp_path: Path
) -> None:
    with ExitStack() as first, ExitStack() as browser:
        running = first.enter_context(served(tmp_path / "home", book=book))
        address = running.home.removeprefix("http://")
        allowed = ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE", "ERR_EMPTY", "/events")
        page = browser.enter_context(chromium.reading(DESKTOP, home=running.home, allowed=allowed))
        page.goto("/services?host=10.98.0.0/16")
        first.close()
        with Book.open(book) as writer:
            writer.record("local", "eth7", time.time_ns(), services=[_service("10.98.1.2")])

        with served(tmp_path / "again", "--listen", address, book=book):
            page.get_by_role("link", name="10.98.1.2").wait_for()


def test_a_command_is_copied(chromium: Chromium, pages: Served) -> None:
    with chromium.reading(DESKTOP, home=pages.home) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=pages.home)
        page.goto("/4711")
        page.locator(".command").first.get_by_role("button").click()

        assert "Copied" == page.locator(".command button").first.text_content()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert page.locator(".command code").first.text_content() == copied
        assert "Copied" == page.locator("#said").text_content()


def test_without_scripts_there_are_no_buttons_that_do_nothing(visit: Visit) -> None:
    page = visit("/4711", DESKTOP._replace(scripts=False))

    assert 0 == page.locator(".command button:visible").count()


@pytest.mark.parametrize(
    "reader", [DESKTOP, PHONE._replace(scripts=False)], ids=lambda one: one.name
)
def test_a_capture_is_given_and_its_story_seen(
    chromium: Chromium, filled: Path, book: Path, tmp_path: Path, reader: Reader
) -> None:
    with (
        served(tmp_path / "home", book=book) as running,
        chromium.reading(reader, home=running.home) as page,
    ):
        page.goto("/captures")
        page.locator("#capture").set_input_files(str(filled.parent / "plant.pcap"))
        page.get_by_role("button", name="Read it").click()
        page.wait_for_url("**/captures/*")
        page.locator(".card", has_text="Services").get_by_text("10", exact=True).wait_for()

        assert "plant.pcap" == page.locator("h1").text_content()
        accessible(page)


def test_a_capture_is_dropped_on_the_page(
    chromium: Chromium, filled: Path, book: Path, tmp_path: Path
) -> None:
    octets = list((filled.parent / "plant.pcap").read_bytes())
    with (
        served(tmp_path / "home", book=book) as running,
        chromium.reading(DESKTOP, home=running.home) as page,
    ):
        page.goto("/captures")
        carried = page.evaluate_handle(
            """octets => { const carried = new DataTransfer();
            carried.items.add(new File([new Uint8Array(octets)], "dropped.pcap"));
            return carried; }""",
            octets,
        )
        page.locator("form.drop").dispatch_event("drop", {"dataTransfer": carried})
        page.wait_for_url("**/captures/*")
        page.locator(".card", has_text="Services").get_by_text("10", exact=True).wait_for()

        assert "dropped.pcap" == page.locator("h1").text_content()


def test_an_opinion_is_given_by_keyboard(chromium: Chromium, book: Path, tmp_path: Path) -> None:
    with (
        served(tmp_path / "home", book=book) as running,
        chromium.reading(DESKTOP, home=running.home) as page,
    ):
        page.goto("/1743")
        page.locator('input[name="face"]').first.focus()
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
        page.keyboard.type("What a good page")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Thank you").wait_for()
        page.goto("/feedback")

        assert page.get_by_text("What a good page").is_visible()


def test_a_reader_finds_a_port_by_keyboard_alone(visit: Visit) -> None:
    page = visit("/", DESKTOP)
    page.keyboard.press("Tab")
    assert "Skip to the content" == page.evaluate("document.activeElement.textContent")
    page.locator("#q").focus()
    page.keyboard.type("1743/udp")
    page.keyboard.press("Enter")
    page.wait_for_url("**/1743/udp")

    assert page.locator("h1").is_visible()
