"""Which protocol has which colour, dash and letter on the map: colour is never alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from portbook.faces.web.drawings.arranging import MARGIN
from portbook.faces.web.drawings.grouping import LinkLike
from portbook.faces.web.drawings.lettering import fitted, label, label_box, width_of
from portbook.faces.web.drawings.placing import Box
from portbook.faces.web.drawings.routing import at
from portbook.faces.web.drawings.svg import Markup, joined, tag

MOST_NAMED = 7  # protocols with a colour of their own
UNNAMED, OTHERS = 0, 8  # series of classes `d-s0` and `d-s8`
CHIP = 14.0  # a side of a letter's square


def chip_box(x: float, y: float) -> Box:
    """Return the room of a letter whose middle is at x, y."""
    return Box(x - CHIP / 2, y - CHIP / 2, CHIP, CHIP)


def chip(x: float, y: float, letter: str, series: int) -> Markup:
    """Draw a protocol's letter in a small square, in the middle of x, y."""
    box = chip_box(x, y)
    return tag(
        "g",
        tag("rect", x=box.x, y=box.y, width=CHIP, height=CHIP, rx=3),
        tag("text", letter, x=x, y=y + 3.6, font_size=10.0, text_anchor="middle"),
        class_=f"d-chip d-s{series}",
    )


class Legend:
    """The legend, drawn above the map.

    others, unnamed: words for protocols without a colour, and for traffic without a protocol
    """

    def __init__(self, links: Sequence[LinkLike], others: str, unnamed: str, width: float) -> None:
        count = Counter[str | None]()
        for one in links:
            count[one.protocol] += one.conversations
        named = sorted((name for name in count if name), key=lambda name: (-count[name], name))
        kept = sorted(named[:MOST_NAMED])
        self.series: dict[str | None, int] = {name: at + 1 for at, name in enumerate(kept)}
        self.letters = {at + 1: one for at, one in enumerate(_letters(kept))}
        entries = [(self.series[name], self.letters[self.series[name]], name) for name in kept]
        if len(named) > MOST_NAMED:
            entries.append((OTHERS, "+", others))
        if None in count:
            self.series[None] = UNNAMED
            entries.append((UNNAMED, "?", unnamed))
        self.letters |= {OTHERS: "+", UNNAMED: "?"}
        self.boxes: list[Box] = []
        self.bottom = MARGIN
        self.drawn = self._draw(entries, width)

    def _draw(self, entries: Sequence[tuple[int, str, str]], width: float) -> Markup:
        parts: list[Markup] = []
        x, y = MARGIN, MARGIN + 9
        for series, letter, name in entries:
            text = fitted(name, min(180.0, width - 2 * MARGIN - 54))
            taken = 54 + width_of(text) + 16
            if x > MARGIN and x + taken > width - MARGIN:
                x, y = MARGIN, y + 22
            parts.append(chip(x + 7, y, letter, series))
            parts.append(tag("path", d=f"M{at((x + 17, y))}h31", class_=f"d-line d-s{series}"))
            parts.append(label(text, x + 54, y + 4))
            self.boxes += [label_box(text, x + 54, y + 4), chip_box(x + 7, y)]
            x += taken
            self.bottom = y + 12
        return joined(parts)


def _letters(names: Sequence[str]) -> list[str]:
    """Return a letter or digit for each name, no two the same, its own first letter if it may."""
    taken: list[str] = []
    for name in names:
        own = [one for one in name.upper() if one.isascii() and one.isalnum()]
        taken.append(next(one for one in (*own, *"123456789XYZ") if one not in taken))
    return taken
