"""Look at a page as people do: does it fit, does text lie on text, can everybody use it?

`fits` judges the boxes of what is shown, `accessible` asks axe-core, which an installed package
brings. Both fail with a list that says where.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from playwright.sync_api import Page

MOST_TOLD = 20  # of what is wrong, in one message
SLACK = 1.5  # CSS pixels that boxes may share: edges fall between pixels
LEADING = 0.2  # of a line's box above and below its letters, where lines may meet
# WCAG 2.2 at levels A and AA, and what axe-core calls good practice beside them
STANDARDS = (
    "wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice",
)  # fmt: skip


class Box(NamedTuple):
    """A rectangle of the page in CSS pixels from its top left corner, and what is in it."""

    x: float
    y: float
    width: float
    height: float
    text: str = ""
    where: str = ""
    group: int = 0  # boxes of one group may lie on each other: the lines of one text

    @property
    def right(self) -> float:
        """Return where it ends."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Return where it ends."""
        return self.y + self.height

    def meets(self, other: Box, slack: float = SLACK) -> bool:
        """Return whether both share more than some pixels in both directions."""
        across = min(self.right, other.right) - max(self.x, other.x)
        down = min(self.bottom, other.bottom) - max(self.y, other.y)
        return across > slack and down > slack

    def holds(self, other: Box, slack: float = SLACK) -> bool:
        """Return whether the other one is wholly inside."""
        return (
            self.x - slack <= other.x
            and self.y - slack <= other.y
            and other.right <= self.right + slack
            and other.bottom <= self.bottom + slack
        )


def fits(page: Page) -> None:
    """Fail when the page is wider than the screen, or text is cut off or lies on other text."""
    view = page.viewport_size
    assert view is not None
    seen = page.evaluate(_script())
    wrong = [
        *_too_wide(seen, view["width"]),
        *(f"cut off: {one}" for one in _cut(seen["texts"])),
        *(_both("text on text", *pair) for pair in overlaps(list(_letters(seen["texts"])))),
        *(_both("control on control", *pair) for pair in _controls(seen["controls"])),
    ]
    assert not wrong, _told(f"{page.url} at {view['width']} pixels", wrong)


def boxes(page: Page, selector: str) -> list[Box]:
    """Return the boxes of all elements that a selector finds and that are shown, in their order."""
    found = page.evaluate(
        """selector => [...document.querySelectorAll(selector)].map(one => {
            const rect = one.getBoundingClientRect();
            return [rect.left + scrollX, rect.top + scrollY, rect.width, rect.height,
                    one.textContent.trim().slice(0, 60)];
        })""",
        selector,
    )
    made = (Box(*one, where=selector, group=number) for number, one in enumerate(found))
    return [one for one in made if one.width > 0 and one.height > 0]


def overlaps(found: Sequence[Box], slack: float = SLACK) -> list[tuple[Box, Box]]:
    """Return the pairs of different groups that lie on each other."""
    pairs: list[tuple[Box, Box]] = []
    open_: list[Box] = []
    for one in sorted(found, key=lambda box: box.y):
        open_ = [other for other in open_ if other.bottom > one.y]
        pairs += [
            (other, one) for other in open_ if other.group != one.group and one.meets(other, slack)
        ]
        open_.append(one)
    return pairs


def accessible(page: Page, *, but: Iterable[str] = ()) -> list[str]:
    """Fail when axe-core finds a fault; return what it could not decide, for people to look at.

    but: rules of axe-core that do not hold for this page, with the reason beside the call
    """
    options = {
        "runOnly": {"type": "tag", "values": list(STANDARDS)},
        "rules": {"target-size": {"enabled": True}, **{one: {"enabled": False} for one in but}},
        "resultTypes": ["violations", "incomplete"],
    }
    with _able(page):
        page.evaluate(f"() => {{ if (!window.axe) {{ {_axe()} }} }}")
        judged = page.evaluate("options => axe.run(document, options)", options)
    wrong = list(_faults(judged["violations"]))
    assert not wrong, _told(f"{page.url} is not for everybody", wrong)
    return list(_faults(judged["incomplete"]))


@contextmanager
def _able(page: Page) -> Iterator[None]:
    """Let a script of ours wait for something in a page that is read without scripts."""
    if not page.evaluate("matchMedia('(scripting: none)').matches"):
        yield
        return
    session = page.context.new_cdp_session(page)
    switch = "Emulation.setScriptExecutionDisabled"
    session.send(switch, {"value": True})  # what a session did not set, it cannot take back
    session.send(switch, {"value": False})
    try:
        yield
    finally:
        session.send(switch, {"value": True})
        session.detach()


def _faults(rules: list[dict[str, Any]]) -> Iterator[str]:
    for rule in rules:
        for node in rule["nodes"]:
            where = " ".join(map(str, node["target"]))
            checks = [*node["any"], *node["all"], *node["none"]]
            why = "; ".join(check["message"] for check in checks) or rule["help"]
            yield f"{rule['id']} ({node['impact'] or rule['impact']}) at {where}: {why}"


def _too_wide(seen: dict[str, Any], width: int) -> Iterator[str]:
    if seen["width"] <= width:
        return
    yield f"it is {seen['width']} pixels wide"
    for text in seen["texts"]:
        kept = _kept(text)
        if any(line.right > width + SLACK for line in kept):
            yield f"beyond the right edge: {_name(text)}"


def _cut(texts: list[dict[str, Any]]) -> Iterator[str]:
    for text in texts:
        lines = _lines(text)
        away = any(line.right <= SLACK or line.bottom <= SLACK for line in lines)
        if away and not text["skip"]:  # a link within the page comes when it has the focus
            yield f"{_name(text)}, outside the page"
        scrolled = set()
        for axis, reached, rect, where in text["frames"]:  # the innermost first
            if reached:
                scrolled.add(axis)  # what is cut from here on can be scrolled to
            if axis in scrolled or (axis == "x" and text["ellipsis"]):
                continue
            frame = Box(*rect)
            if any(_loses(frame, line, axis) for line in lines):
                yield f"{_name(text)}, by {where}"
                break


def _loses(frame: Box, line: Box, axis: str) -> bool:
    if axis == "x":
        return line.x < frame.x - SLACK or line.right > frame.right + SLACK
    spare = LEADING * line.height + SLACK
    return line.y < frame.y - spare or line.bottom > frame.bottom + spare


def _letters(texts: list[dict[str, Any]]) -> Iterator[Box]:
    """Give the boxes where letters are shown; what floats above the page has its own layer."""
    for number, text in enumerate(texts):
        if text["afloat"]:
            continue
        for line in _kept(text):
            spare = LEADING * line.height
            yield line._replace(y=line.y + spare, height=line.height - 2 * spare, group=number)


def _controls(controls: list[dict[str, Any]]) -> Iterator[tuple[Box, Box]]:
    found = [
        Box(*line, control["text"], control["where"], number)
        for number, control in enumerate(controls)
        if not control["afloat"]
        for line in control["lines"]
    ]
    for one, other in overlaps(found):
        if not one.holds(other) and not other.holds(one):
            yield one, other


def _kept(text: dict[str, Any]) -> list[Box]:
    """Return the lines of a text as far as they are inside the boxes that cut it."""
    kept = _lines(text)
    for axis, _, rect, _ in text["frames"]:
        kept = [part for line in kept if (part := _inside(line, Box(*rect), axis))]
    return kept


def _inside(line: Box, frame: Box, axis: str) -> Box | None:
    if axis == "x":
        x, right = max(line.x, frame.x), min(line.right, frame.right)
        return line._replace(x=x, width=right - x) if right > x else None
    y, bottom = max(line.y, frame.y), min(line.bottom, frame.bottom)
    return line._replace(y=y, height=bottom - y) if bottom > y else None


def _lines(text: dict[str, Any]) -> list[Box]:
    return [Box(*line, text["text"], text["where"]) for line in text["lines"]]


def _name(text: dict[str, Any]) -> str:
    return f"{text['text']!r} in {text['where']}"


def _both(what: str, one: Box, other: Box) -> str:
    return f"{what}: {one.text!r} in {one.where}, {other.text!r} in {other.where}"


def _told(what: str, wrong: list[str]) -> str:
    more = [f"and {len(wrong) - MOST_TOLD} more"] if len(wrong) > MOST_TOLD else []
    return "\n  ".join((f"{what}:", *wrong[:MOST_TOLD], *more))


@cache
def _script() -> str:
    return Path(__file__).with_name("seen.js").read_text()


@cache
def _axe() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
