"""A real Chromium for tests of pages: started once a run, and listened to.

`Chromium.reading` gives a page as one reader has it: width, language, with or without scripts, in
the dark.
Whatever goes wrong in the page while it is read fails the test: an error in the console, a breach
of the content policy, a request to anybody else, a part that does not come, a server's error.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import (
        Browser,
        BrowserContext,
        ConsoleMessage,
        Dialog,
        Page,
        Request,
        Response,
        WebError,
    )

CHROMIUM = shutil.which("chromium")
NO_CHROMIUM = "no chromium: scripts/browser installs it"
SCREENSHOTS = os.environ.get("PORTBOOK_SCREENSHOTS")  # a folder for a picture of every page
PATIENCE_MS = 15_000
# nothing that a page asks for may leave this machine, not even to learn an address
ARGUMENTS = ("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",)
_INSIDE = ("data", "blob", "about")
_NOT_LOADED = "Failed to load resource"  # told by `response` and `requestfailed` too, and better


class Reader(NamedTuple):
    """Who looks at a page, and with what."""

    width: int = 1280
    height: int = 800
    phone: bool = False  # a phone's way to lay pages out, and a finger instead of a mouse
    language: str = "en-GB"  # as the browser asks: "zh-TW", "cs"
    scripts: bool = True
    dark: bool = False
    still: bool = False  # wants no motion
    print: bool = False

    @property
    def name(self) -> str:
        """Return a word for each thing that is special: for names of tests and of pictures."""
        special = (
            ("noscript", not self.scripts),
            ("dark", self.dark),
            ("still", self.still),
            ("print", self.print),
        )
        return "-".join((f"{self.width}", self.language, *(word for word, on in special if on)))


DESKTOP = Reader()
PHONE = Reader(390, 844, phone=True)
READERS = (
    DESKTOP,
    PHONE,
    DESKTOP._replace(scripts=False),
    PHONE._replace(scripts=False, dark=True),
    DESKTOP._replace(dark=True, still=True),
)


class Troubles:
    """What went wrong in the pages of one reader; `check` fails with all of it."""

    def __init__(self, context: BrowserContext, home: str, allowed: tuple[str, ...]) -> None:
        self.met: list[str] = []
        self._home = urlsplit(home).netloc
        self._allowed = [re.compile(one) for one in allowed]
        context.on("console", self._console)
        context.on("weberror", self._weberror)
        context.on("dialog", self._dialog)
        context.on("request", self._request)
        context.on("requestfailed", self._failed)
        context.on("response", self._response)

    def check(self) -> None:
        """Fail when anything went wrong that was not allowed; it is told once."""
        met, self.met = self.met, []
        assert not met, "the browser complains:\n  " + "\n  ".join(met)

    def _add(self, what: str) -> None:
        if not any(one.search(what) for one in self._allowed):
            self.met.append(what)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "assert") and not message.text.startswith(_NOT_LOADED):
            self._add(f"console: {message.text}")

    def _weberror(self, error: WebError) -> None:
        self._add(f"script: {error.error}")

    def _dialog(self, dialog: Dialog) -> None:
        self._add(f"dialog ({dialog.type}): {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        where = urlsplit(request.url)
        if where.scheme not in _INSIDE and where.netloc != self._home:
            self._add(f"somebody else is asked: {request.method} {request.url}")

    def _failed(self, request: Request) -> None:
        # a page that is left ends what it still waits for, such as its stream of events
        if request.failure != "net::ERR_ABORTED":
            self._add(f"{request.method} {request.url}: {request.failure}")

    def _response(self, response: Response) -> None:
        # an address that the test goes to may answer with 404; a part of a page may not
        worst = 500 if response.request.is_navigation_request() else 400
        if response.status >= worst:
            self._add(f"{response.request.method} {response.url}: {response.status}")


class Chromium:
    """A browser that was started; `browsing` starts and ends one."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self._loop = asyncio._get_running_loop()

    @contextmanager
    def reading(
        self,
        reader: Reader = DESKTOP,
        *,
        home: str,
        allowed: tuple[str, ...] = (),
        headers: dict[str, str] | None = None,
        picture: str | None = None,
    ) -> Iterator[Page]:
        """Give a page of a fresh profile, and fail in the end when anything went wrong in it.

        home: the served address, "http://127.0.0.1:41743": `page.goto("/1743")` is below it
        allowed: patterns of what may go wrong here, searched in what would be told
        picture: the name of its picture, where PORTBOOK_SCREENSHOTS names a folder
        """
        with running(self._loop):
            context = self._context(reader, home, headers)
            try:
                context.set_default_timeout(PATIENCE_MS)
                troubles = Troubles(context, home, allowed)
                page = context.new_page()
                if reader.print:
                    page.emulate_media(media="print")
                yield page
                for one in context.pages:
                    one.title()  # a round trip: what happened before it has been told by then
                if SCREENSHOTS and picture:
                    _photograph(page, Path(SCREENSHOTS) / f"{picture}-{reader.name}.png")
                troubles.check()
            finally:
                context.close()

    def _context(self, reader: Reader, home: str, headers: dict[str, str] | None) -> BrowserContext:
        return self.browser.new_context(
            base_url=home,
            viewport={"width": reader.width, "height": reader.height},
            is_mobile=reader.phone,
            has_touch=reader.phone,
            device_scale_factor=2 if reader.phone else 1,
            locale=reader.language,
            timezone_id="UTC",
            java_script_enabled=reader.scripts,
            color_scheme="dark" if reader.dark else "light",
            reduced_motion="reduce" if reader.still else "no-preference",
            extra_http_headers=headers,
            ignore_https_errors=home.startswith("https"),
        )


@contextmanager
def browsing() -> Iterator[Chromium]:
    """Start Chromium, give it, and end it."""
    from playwright.sync_api import sync_playwright

    own = asyncio._get_running_loop()
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    arguments = [*ARGUMENTS, *(["--no-sandbox"] if root else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        chromium = Chromium(browser)
        with running(own):
            yield chromium
        browser.close()


@contextmanager
def running(loop: asyncio.AbstractEventLoop | None) -> Iterator[None]:
    """Let a loop be the running one of this thread for a while.

    Playwright's loop stays so from its start to its end, in a greenlet of its own. Other tests of
    the same run want loops of their own, so it only counts as running while a page is read.
    """
    before = asyncio._get_running_loop()
    asyncio._set_running_loop(loop)
    try:
        yield
    finally:
        asyncio._set_running_loop(before)


def _photograph(page: Page, where: Path) -> None:
    where.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=where, full_page=True)
