"""What tests of pages share: one browser a run, one filled book, one server that shows it."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.booked import filled_book
from support.browser import CHROMIUM, DESKTOP, NO_CHROMIUM, Chromium, Reader, browsing
from support.served import Served, served

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """Start Chromium for the whole run; a test that asks for it skips where there is none."""
    if CHROMIUM is None:
        pytest.skip(NO_CHROMIUM)
    with browsing() as started:
        yield started


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a book full of a plant and of hostile names, to be copied or only read."""
    return filled_book(tmp_path_factory.mktemp("filled") / "book.sqlite")


@pytest.fixture
def book(filled: Path, tmp_path: Path) -> Path:
    """Return a filled book of the test's own."""
    return Path(shutil.copy(filled, tmp_path / "book.sqlite"))


@pytest.fixture(scope="session")
def pages(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the filled book to all tests that change nothing in it."""
    folder = tmp_path_factory.mktemp("served")
    copied = Path(shutil.copy(filled, folder / "book.sqlite"))
    with served(folder, "--capture", filled.parent / "plant.pcap", book=copied) as running:
        until = time.monotonic() + 60
        while '"state":"done"' not in running.ask("/api/v1/captures").text:
            assert time.monotonic() < until, "the capture is not read"
        yield running


@pytest.fixture
def visit(
    chromium: Chromium, pages: Served, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Page]]:
    """Give `visit(path, reader, **of reading)`: it opens an address of `pages` for a reader.

    The test fails in the end when anything went wrong in a page that it opened.
    """
    with ExitStack() as opened:

        def visit(path: str, reader: Reader = DESKTOP, **more: Any) -> Page:
            title = f"{request.node.originalname} {path}".lower()
            name = re.sub(r"[^a-z0-9]+", "-", title).strip("-")
            reading = chromium.reading(reader, home=pages.home, **{"picture": name, **more})
            page = opened.enter_context(reading)
            page.goto(path)
            return page

        yield visit
