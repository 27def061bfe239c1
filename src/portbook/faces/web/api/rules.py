"""The rules that findings come from."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar.exceptions import NotFoundException
from msgspec import Meta

from portbook.faces.cli.commands.rule import RulePage, page
from portbook.faces.exports import document
from portbook.faces.web.api.contract import Page, listing, told
from portbook.faces.web.api.operations import Answer, Call, get
from portbook.faces.web.api.reading import Nothing
from portbook.findings import rules as all_rules

_KEPT_S = 3600.0
RULE = told(RulePage, "Rule")


class Coded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the path of a rule names."""

    code: Annotated[
        str,
        Meta(pattern=r"^[A-Za-z]{2}[0-9]{3}$", description="A rule's code", examples=["PB301"]),
    ]


@get(
    "/rules",
    Answer("All rules.", listing("RulePage", RULE)),
    tag="knowledge",
    kept_s=_KEPT_S,
)
def rules(call: Call[Nothing, Nothing]) -> Page:
    """List all rules."""
    known = [document(page(one)) for one in all_rules().values()]
    return Page(known, len(known))


@get(
    "/rules/{code}",
    Answer("The rule.", RULE),
    tag="knowledge",
    place=Coded,
    problems=(404,),
    kept_s=_KEPT_S,
)
def rule(call: Call[Coded, Nothing]) -> dict[str, Any]:
    """Tell about one rule: what it tells, why it matters, what to do.

    /api/v1/findings?text= and its code lists what it found.
    """
    known = all_rules().get(call.place.code.upper())
    if known is None:
        raise NotFoundException(f"no rule {call.place.code!r}; /api/v1/rules lists all of them")
    return document(page(known))


routes = [rules, rule]
