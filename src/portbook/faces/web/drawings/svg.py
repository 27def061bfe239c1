"""A small builder of SVG that cannot be talked into anything: what is text stays text.

Elements are made by `tag`; a plain str inside one is escaped, `Markup` is not. Attributes that
could run or style something are refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from urllib.parse import quote

import msgspec

from portbook.faces.web.drawings.placing import Box

_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# marks that turn the direction of writing, and others that show nothing and move everything
_STEERING = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*\Z")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


class Markup(str):
    """SVG that is ready; Jinja takes it as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        """Return itself, as template engines ask for it."""
        return str(self)


class Drawn(msgspec.Struct, frozen=True):
    """A drawing, and where its labels are."""

    svg: Markup
    width: float
    height: float
    boxes: tuple[Box, ...] = ()  # of labels: no two of them overlap
    left_out: int = 0  # things that were too many to be drawn; the drawing says so


def shown(text: object) -> str:
    """Return text without what XML forbids or what steers the text around it; lines may end."""
    return _FORBIDDEN.sub("\ufffd", _STEERING.sub("\ufffd", str(text)))


def escaped(text: object) -> str:
    """Return text for use between tags or inside an attribute's quotes."""
    return shown(text).translate(_ESCAPES)


def number(value: float) -> str:
    """Return a coordinate with one decimal; raises ValueError for what is none."""
    if not math.isfinite(value):
        raise ValueError(f"not a coordinate: {value}")
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def tag(name: str, *inside: str, **attributes: object) -> Markup:
    """Return an element.

    inside: Markup as it is, other texts escaped
    attributes: `class_` for class, `_` in a name for `-`; None leaves one out; floats are
    coordinates. Raises ValueError for names that are none, and for `style` and `on...`.
    """
    told = "".join(_attribute(key, value) for key, value in attributes.items() if value is not None)
    if not inside:
        return Markup(f"<{name}{told}/>")
    within = "".join(one if isinstance(one, Markup) else escaped(one) for one in inside)
    return Markup(f"<{name}{told}>{within}</{name}>")


def _attribute(key: str, value: object) -> str:
    name = key.rstrip("_").replace("_", "-")
    if name == "style" or name.startswith("on") or not _NAME.match(name):
        raise ValueError(f"not an attribute of a drawing: {key!r}")
    told = number(value) if isinstance(value, (int, float)) else escaped(value)
    return f' {name}="{told}"'


def joined(parts: Iterable[str]) -> Markup:
    """Return elements one after the other; texts among them are escaped."""
    return Markup("".join(one if isinstance(one, Markup) else escaped(one) for one in parts))


def drawing(
    width: float,
    height: float,
    title: str,
    description: str,
    *inside: str,
    kind: str,
    linked: bool = False,
) -> Markup:
    """Return a whole drawing.

    kind: its class beside `drawing`; linked: it has links inside, so it is a group and no image
    to a screen reader, which would not find them otherwise
    """
    return tag(
        "svg",
        tag("title", title),
        *([tag("desc", description)] if description else []),
        *inside,
        xmlns="http://www.w3.org/2000/svg",
        class_=f"drawing {kind}",
        role="group" if linked else "img",
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=width,
        height=height,
        font_size=12.0,
    )


def device_address(address: str) -> str:
    """Return where the page of a host is; an address is hostile text too."""
    return "/devices/" + quote(address.encode("utf-8", "replace"), safe=":")
