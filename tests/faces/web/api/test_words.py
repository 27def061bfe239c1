"""The words of queries are the pages' and the command line's."""

from __future__ import annotations

import msgspec
import pytest

from portbook.errors import UsageError
from portbook.faces.web.api.lists import LinkFilters
from portbook.faces.web.api.reading import words
from portbook.faces.web.api.words import asked, filters, said
from portbook.faces.web.asked import WORDS
from portbook.faces.web.asked import asked as asked_by_pages

SERVICES = filters("service", book=True, story=True)


def test_words_have_the_names_that_pages_have() -> None:
    told = {
        one.name
        for one in msgspec.structs.fields(filters("finding", book=True, story=True, level=True))
    }

    assert {"policy", "role", "q"} == set(WORDS) - told
    assert told < set(WORDS)


def test_the_same_words_ask_the_same_as_a_page_s() -> None:
    query = {
        "text": "mod bus",
        "host": "10.0.0.0/8",
        "port": "1740-1743/udp",
        "protocol": "modbus",
        "since": "2026-11-21",
        "gone": "true",
        "order": "-last",
        "most": "7",
    }
    read = words(SERVICES, "&".join(f"{name}={one}" for name, one in query.items()).encode())

    assert query == said(read)
    assert asked_by_pages(query) == asked(read)


def test_a_story_s_orders_are_known_beside_the_book_s() -> None:
    for order in ("clients", "-port", "address"):
        assert order == words(SERVICES, f"order={order}".encode()).order
    with pytest.raises(UsageError, match="order: What rows are ordered by"):
        words(SERVICES, b"order=--port")


def test_links_have_neither_order_nor_mark() -> None:
    for word in ("order", "after", "gone", "level"):
        with pytest.raises(UsageError, match=f"no word '{word}'"):
            words(LinkFilters, f"{word}=1".encode())
