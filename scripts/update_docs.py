"""Write the tables of the docs from the code that they speak of; tests/test_docs.py compares."""

from collections.abc import Iterable
from pathlib import Path

from portbook.config import SETTINGS
from portbook.evidence.oddities import MEANINGS
from portbook.faces.cli.commands.rule import page, told_in_short
from portbook.findings import rules
from portbook.protocols import Usual, protocols

DOCS = Path(__file__).parents[1] / "docs"


def pages() -> dict[Path, str]:
    """Return each page whose table comes from the code, as it should read."""
    tables = {
        "cli.md": settings(),
        "output.md": known_oddities(),
        "protocols.md": known_protocols(),
        "rules.md": known_rules(),
    }
    return {DOCS / name: _with(DOCS / name, table) for name, table in tables.items()}


def settings() -> list[str]:
    return _table(
        ("key", "environment", "meaning", "default"),
        (
            (f"`{one.key}`", f"`{one.variable}`", one.meaning, one.default or "none")
            for one in SETTINGS
        ),
    )


def known_protocols() -> list[str]:
    return _table(
        ("name", "what it is", "usual ports", "should stay"),
        (
            (f"`{one.name}`", one.title, ", ".join(map(_usual, one.usual)), _inside(one))
            for one in protocols().values()
        ),
    )


def known_rules() -> list[str]:
    return _table(
        ("code", "name", "level", "what it tells"),
        (
            (f"`{one.code}`", one.name, page(one).level, told_in_short(one))
            for one in rules().values()
        ),
    )


def known_oddities() -> list[str]:
    return _table(
        ("name", "what it means"), ((f"`{name}`", told) for name, told in MEANINGS.items())
    )


def _usual(one: Usual) -> str:
    return f"{one.ports}/{one.transport.value}"


def _inside(one: object) -> str:
    scope = getattr(one, "stays_inside", None)
    return f"{scope.value} networks" if scope else ""


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    cells = [heads, ("---",) * len(heads), *rows]
    return [f"| {' | '.join(text.replace('|', chr(92) + '|') for text in row)} |" for row in cells]


def _with(page: Path, table: list[str]) -> str:
    """Return the page with the table between its two marks."""
    before, rest = page.read_text().split("<!-- table: begin -->\n", 1)
    after = rest.split("<!-- table: end -->\n", 1)[1]
    body = "\n".join(table)
    return f"{before}<!-- table: begin -->\n{body}\n<!-- table: end -->\n{after}"


def main() -> None:
    for path, text in pages().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
