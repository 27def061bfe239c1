"""Search by number, service, vendor, protocol or device."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from portbook.faces.exports import document
from portbook.faces.web.api.contract import any_sighting, many, shape, told
from portbook.faces.web.api.operations import ROOT, Answer, Call, get
from portbook.faces.web.api.protocols import Protocol, told_of
from portbook.faces.web.api.reading import Nothing
from portbook.faces.web.pages import search as pages
from portbook.records import Claim, ClaimKind

FOUND = shape(
    "Found",
    "What words are found in, by kind of record.",
    {
        "exactly": Annotated[
            str | None, Meta(description="The API's path of what the words name by themselves.")
        ],
        "claim": many(told(Claim)),
        "protocol": many(Protocol),
        "seen": many(any_sighting()),
        "more": Annotated[bool, Meta(description=f"There are more than {pages.MOST} of a kind.")],
    },
)


class Sought(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is searched for."""

    q: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=200,
            description="A port, an address, a rule, or words that are all met",
            examples=["modbus"],
        ),
    ]


@get("/search", Answer("What was found.", FOUND), tag="ports", words=Sought)
def search(call: Call[Nothing, Sought]) -> dict[str, Any]:
    """Search claims, protocols, and what the book has seen."""
    text = call.words.q.strip()
    claims = [one for one in call.desk.claims.search(text) if one.claim is not ClaimKind.UNASSIGNED]
    with call.desk.reading() as book:
        seen = book.found(text, pages.MOST + 1)
    kinds: dict[str, int] = {}
    rows = []
    for one in seen:
        kinds[one.of] = kinds.get(one.of, 0) + 1
        if kinds[one.of] <= pages.MOST:
            rows.append(document(one))
    return {
        "exactly": _exactly(text),
        "claim": [document(one) for one in claims[: pages.MOST]],
        "protocol": [told_of(one) for one in pages.protocols_of(text)],
        "seen": rows,
        "more": len(claims) > pages.MOST or len(rows) < len(seen),
    }


def _exactly(text: str) -> str | None:
    """Return the API's path of what is named; the pages have the same paths but for ports."""
    page = pages.named_page(text)
    if page is None:
        return None
    return f"{ROOT}/ports{page}" if page[1:2].isdigit() else f"{ROOT}{page}"


routes = [search]
