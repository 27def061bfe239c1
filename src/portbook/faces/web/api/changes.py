"""What is new, gone or different."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from portbook.book import Change
from portbook.faces.exports import document
from portbook.faces.times import moment_ns
from portbook.faces.web.api.contract import Page, listing, told
from portbook.faces.web.api.operations import Answer, Call, get
from portbook.faces.web.api.reading import Nothing
from portbook.faces.web.api.words import ROWS, Most, moment, now_ns

DAY_NS = 86_400_000_000_000


_Since: Any = moment("What the book learned after this moment; otherwise of the last day")


class Since(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Since when, and how many."""

    since: _Since | UnsetType = UNSET
    most: Most | UnsetType = UNSET


@get(
    "/changes",
    Answer("What changed, the newest first.", listing("ChangePage", told(Change))),
    tag="book",
    words=Since,
)
def changes(call: Call[Nothing, Since]) -> Page:
    """List what is new, gone or different, the newest first.

    `counted` is what is told; `more` says that there may be more, for which `most` is to be raised
    or `since` to be later.
    """
    now, since = now_ns(), call.words.since
    since_ns = now - DAY_NS if since is UNSET else moment_ns(since, now)
    most = ROWS if call.words.most is UNSET else call.words.most
    with call.desk.reading() as book:
        found = book.latest(since_ns, most)
    return Page([document(one) for one in found], len(found), len(found) >= most)


routes = [changes]
