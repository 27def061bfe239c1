"""`/rules` and `/rules/PB301`: what each rule tells, why it matters, what to do."""

from __future__ import annotations

import inspect
import re
from typing import Any, NamedTuple

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from portbook.book.listings import Asked
from portbook.faces.web.rendering import render
from portbook.faces.web.rows import listed
from portbook.findings import Rule
from portbook.findings import rules as all_rules

KEPT_S = 3600.0
_HEADING = re.compile(
    r"^(What it tells|Why it matters|Example|What to do|Sources):\s*", re.MULTILINE
)
_FOUND_AT_MOST = 50


class Page(NamedTuple):
    """A rule's docstring, in its parts."""

    code: str
    name: str
    level: str
    parts: dict[str, str]  # by heading, in order


def page(rule: Rule) -> Page:
    """Return a rule's page by its headings."""
    pieces = _HEADING.split(inspect.getdoc(type(rule)) or "")
    parts = {
        heading: " ".join(text.split())
        for heading, text in zip(pieces[1::2], pieces[2::2], strict=True)
    }
    return Page(rule.code, rule.name, rule.level.value, parts)


@get("/rules", include_in_schema=False, sync_to_thread=False)
def rules(request: Request[Any, Any, Any]) -> Response[bytes]:
    """List all rules."""
    return render(request, "rules.html", kept_s=KEPT_S, rules=[*map(page, all_rules().values())])


@get("/rules/{code:str}", include_in_schema=False, sync_to_thread=True)
def rule(request: Request[Any, Any, Any], code: FromPath[str]) -> Response[bytes]:
    """Show one rule, and what it found here."""
    known = all_rules().get(code.upper())
    if known is None:
        raise NotFoundException(f"no rule {code[:20]!r}; the list of rules has all of them")
    asked = Asked(text=known.code, most=_FOUND_AT_MOST)
    found = listed(request.app.state.desk, "finding", asked, None)
    here = [row for row in found.rows if row.told.get("code") == known.code]
    return render(request, "rule.html", kept_s=KEPT_S, rule=page(known), found=here)


routes = [rules, rule]
