"""`portbook rule`: what a rule tells, why it matters, what to do."""

from __future__ import annotations

import inspect

import click
import msgspec

from portbook.errors import UsageError
from portbook.faces.cli.options import Shape, shaped
from portbook.findings import Rule, rules


class RulePage(msgspec.Struct, frozen=True, tag="rule", tag_field="kind"):
    """A rule's page for programs."""

    code: str
    name: str
    level: str
    page: str


def page(rule: Rule) -> RulePage:
    """Return a rule's page: its docstring."""
    return RulePage(rule.code, rule.name, rule.level.value, inspect.getdoc(type(rule)) or "")


@click.command(
    help="Show a rule's page, or list all rules.\n\n\b\n  portbook rule PB301\n  portbook rule"
)
@click.argument("code", required=False)
@shaped
def command(code: str | None, shape: Shape) -> None:
    """Show one rule or all of them."""
    from portbook.faces.cli.output import write_records
    from portbook.faces.terminal import print_table

    known = rules()
    chosen = [one for one in known.values() if code in (None, one.code, one.name)]
    if code and not chosen:
        chosen = [one for one in known.values() if one.code.lower() == code.lower()]
    if not chosen:
        raise UsageError(f"no rule {code!r}; `portbook rule` lists all of them")
    if shape is not Shape.TABLE:
        write_records(map(page, chosen), shape)
    elif code:
        click.echo(page(chosen[0]).page)
    else:
        rows = [(one.code, one.level.value, one.name, told_in_short(one)) for one in chosen]
        print_table("Rules", ("code!", "level!", "name!", "what it tells"), rows)


def told_in_short(rule: Rule) -> str:
    """Return what a rule tells, without why and what to do."""
    told = page(rule).page.split("What it tells:", 1)[-1].split("Why it matters:", 1)[0]
    return " ".join(told.split())
