"""Pages are kept until something changes, by language and encoding, and no longer than they say."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

from portbook.faces.web.kept import KEPT, MOST_PAGES, Kept


class Site:
    """A program that counts how often it was asked, behind the middleware."""

    def __init__(self, kept_s: float | None = 60.0, body: bytes = b"x" * 5000) -> None:
        self.asked, self.version, self.kept_s, self.body, self.status = 0, 1, kept_s, body, 200
        self.gate: asyncio.Event | None = None  # answers wait for it
        self.fails = False
        self.kept = Kept(self._app, lambda: self.version, self._tag)

    @staticmethod
    def _tag(scope: Any) -> str:
        return str(dict(scope["headers"]).get(b"accept-language", b"en"), "ascii")

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.fails:
            raise RuntimeError("the program breaks")
        if self.kept_s is not None:
            scope["state"][KEPT] = self.kept_s
        headers = [(b"content-type", b"text/html"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body[:7], "more_body": True})
        await send({"type": "http.response.body", "body": self.body[7:], "more_body": False})

    def get(
        self, path: str = "/1743", method: str = "GET", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        return asyncio.run(self.answer(path, method, **headers))

    async def answer(
        self, path: str = "/1743", method: str = "GET", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        scope: Any = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
            ],
            "state": {},
        }
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.kept(scope, receive, send)
        told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], told, b"".join(one.get("body", b"") for one in sent[1:])


def test_a_page_is_made_once_while_nothing_changes() -> None:
    site = Site()

    first, again = site.get(), site.get()

    assert first == again
    assert 1 == site.asked
    site.version += 1
    site.get()
    assert 2 == site.asked


async def many(site: Site, count: int) -> list[Any]:
    """Let many ask at once, and the program answer when all of them have."""
    site.gate = asyncio.Event()
    asking = [asyncio.create_task(site.answer()) for _ in range(count)]
    for _ in range(3):
        await asyncio.sleep(0)  # each gets as far as it can
    site.gate.set()
    return await asyncio.gather(*asking, return_exceptions=True)


def test_a_page_that_grew_old_is_made_once_for_all_who_ask_at_once() -> None:
    site = Site()
    before = site.get()
    site.version += 1

    assert [before] * 20 == asyncio.run(many(site, 20))
    assert 2 == site.asked


def test_who_waits_for_a_page_that_breaks_asks_for_it_anew() -> None:
    site = Site()
    site.get()
    site.version, site.fails = 2, True

    assert ["the program breaks"] * 3 == [str(one) for one in asyncio.run(many(site, 3))]
    assert 4 == site.asked


def test_what_was_never_kept_is_waited_for_by_nobody() -> None:
    site = Site(kept_s=None)
    site.get()

    asyncio.run(many(site, 5))

    assert 6 == site.asked


def test_a_page_is_kept_no_longer_than_it_says() -> None:
    site = Site(kept_s=0.0)

    site.get()
    site.get()

    assert 2 == site.asked


def test_a_page_that_does_not_say_so_is_not_kept() -> None:
    site = Site(kept_s=None)

    status, _, body = site.get()
    site.get()

    assert (200, b"x" * 5000) == (status, body)
    assert 2 == site.asked


def test_languages_and_encodings_are_kept_apart() -> None:
    site = Site()

    plain = site.get()
    czech = site.get(accept_language="cs")
    packed = site.get(accept_encoding="gzip")

    assert 3 == site.asked
    assert "gzip" == packed[1]["content-encoding"]
    assert plain[2] == gzip.decompress(packed[2]) == czech[2]
    assert str(len(packed[2])) == packed[1]["content-length"]
    assert plain[1]["etag"] != packed[1]["etag"]


def test_who_has_the_page_already_is_told_so_in_few_octets() -> None:
    site = Site()
    _, headers, _ = site.get()

    status, _, body = site.get(if_none_match=headers["etag"])

    assert (304, b"") == (status, body)
    assert 200 == site.get(if_none_match='"another"')[0]


def test_a_head_is_that_of_the_page() -> None:
    site = Site()

    _, headers, _ = site.get()
    status, head, _ = site.get(method="HEAD")

    assert (200, headers) == (status, head)
    assert 1 == site.asked


def test_what_is_sent_is_never_kept() -> None:
    site = Site()

    site.get(method="POST")
    site.get(method="POST")

    assert 2 == site.asked


def test_a_fault_is_not_kept() -> None:
    site = Site()
    site.status = 503

    site.get()
    site.get()

    assert 2 == site.asked


def test_a_walk_through_all_ports_does_not_fill_the_memory() -> None:
    site = Site()
    site.get("/0")
    for number in range(1, MOST_PAGES + 1):
        site.get(f"/{number}")

    site.get(f"/{MOST_PAGES}")
    assert MOST_PAGES + 1 == site.asked
    site.get("/0")
    assert MOST_PAGES + 2 == site.asked
