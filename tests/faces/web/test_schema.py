"""The API keeps its word: schemathesis calls every operation, and holds answers to OpenAPI.

The program is the real one, `portbook serve` with the guard in front. What the description says by
`format` alone is given here; the stream of events, which has no end, is tested by itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import strategies as st
from support.asking import Api
from support.contract import keeps_its_word, operations
from support.served import served

from portbook.book.sighting_pages import ORDERS
from portbook.book.stories import orders
from portbook.faces.web import api as package
from portbook.faces.web.app import _found

if TYPE_CHECKING:
    from schemathesis.schemas import APIOperation

OURS = {"Sec-Fetch-Site": "same-origin"}  # as a page of ours asks: forms are let through too
NOT_THERE = "0a1b2c3d4e5f"
# What removes goes last, since it removes what the others ask for.
NAMES = sorted(
    (one.opt["operation"].name for one in _found(package)), key=lambda name: "remove" in name
)


@pytest.fixture(scope="module")
def described(
    filled: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, APIOperation]]:
    """Serve a book and a story, and give all operations by their names."""
    import schemathesis

    folder = tmp_path_factory.mktemp("schema")
    copied = Path(shutil.copy(filled, folder / "book.sqlite"))
    with served(folder, book=copied) as running:
        story = Api(running).sent((filled.parent / "plant.pcap").read_bytes())["id"]
        for name, told in formats(story).items():
            schemathesis.openapi.format(name, st.sampled_from(told) if told else st.nothing())
        schemathesis.hook("filter_query")(orders_that_fit)
        found = operations(f"{running.home}/api/v1/openapi.json")
        yield {one.definition.raw["operationId"]: one for one in found}
        schemathesis.hooks.unregister(orders_that_fit)


def formats(story: str) -> dict[str, list[str]]:
    """Return values of each format. A mark is of one list in one order: it is tested elsewhere."""
    return {
        "ip-or-prefix": ["10.20.0.0/16", "10.20.0.11", "::1", "fe80::/10", "0.0.0.0/0", "0.0.0.0"],
        "ports": ["1743", "1740-1743/udp", "502/tcp,8502/tcp", "0", "65535", "0-65535"],
        "moment": ["3d", "90s", "999999w", "2026-11-21T08:00:00Z", "1000-01-01", "9999-12-31"],
        "story-id": [story, NOT_THERE],
        "unit": ["9D20", "0000"],
        "mark": [],
    }


def orders_that_fit(context: Any, query: Any) -> bool:
    """Tell whether an order is one of the book, or of the story, whichever is asked.

    That is said in words only: OpenAPI has no way to make one parameter depend on another.
    """
    name = context.operation.path.rpartition("/")[2].removesuffix("s")
    if name not in ORDERS or not isinstance(query, dict) or "order" not in query:
        return True
    known = orders(name) if "of" in query else tuple(ORDERS[name])
    both = {*ORDERS[name], *(orders(name) if name != "listener" else ())}
    order = str(query["order"]).removeprefix("-")
    return order in known or order not in both


# The description itself is what schemathesis reads, and calls no more.
@pytest.mark.parametrize("name", [one for one in NAMES if one not in ("events", "openapi")])
def test_an_operation_keeps_its_word(described: dict[str, APIOperation], name: str) -> None:
    keeps_its_word(described[name], examples=8, headers=OURS)
