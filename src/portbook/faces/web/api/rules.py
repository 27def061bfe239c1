"""The rules that findings come from."""

from __future__ import annotations

import inspect
from typing import Annotated

import msgspec
from litestar.exceptions import NotFoundException
from msgspec import Meta

from portbook.faces.web.api.contract import Page, listing
from portbook.faces.web.api.operations import Answer, Call, get
from portbook.faces.web.api.reading import Nothing
from portbook.faces.web.pages import rules as pages
from portbook.findings import Rule as AnyRule
from portbook.findings import rules as all_rules

_KEPT_S = 3600.0


class Rule(msgspec.Struct, frozen=True, tag="rule", tag_field="kind"):
    """A rule's page."""

    code: Annotated[str, Meta(description="Stable; never used for another rule.")]
    name: str
    level: Annotated[str, Meta(description="The level of what it finds, if not told otherwise.")]
    page: Annotated[str, Meta(description="The whole page as text.")]
    parts: Annotated[
        dict[str, str],
        Meta(
            description="The page by its headings: What it tells, Why it matters, Example, "
            "What to do, Sources."
        ),
    ]


class Coded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the path of a rule names."""

    code: Annotated[
        str,
        Meta(pattern=r"^[A-Za-z]{2}[0-9]{3}$", description="A rule's code", examples=["PB301"]),
    ]


@get(
    "/rules",
    Answer("All rules.", listing("RulePage", Rule)),
    tag="knowledge",
    kept_s=_KEPT_S,
)
def rules(call: Call[Nothing, Nothing]) -> Page:
    """List all rules."""
    known = [_told(one) for one in all_rules().values()]
    return Page(known, len(known))


@get(
    "/rules/{code}",
    Answer("The rule.", Rule),
    tag="knowledge",
    place=Coded,
    problems=(404,),
    kept_s=_KEPT_S,
)
def rule(call: Call[Coded, Nothing]) -> Rule:
    """Tell about one rule: what it tells, why it matters, what to do.

    /api/v1/findings?text= and its code lists what it found.
    """
    known = all_rules().get(call.place.code.upper())
    if known is None:
        raise NotFoundException(f"no rule {call.place.code!r}; /api/v1/rules lists all of them")
    return _told(known)


def _told(one: AnyRule) -> Rule:
    page = pages.page(one)
    return Rule(page.code, page.name, page.level, inspect.getdoc(type(one)) or "", page.parts)


routes = [rules, rule]
