"""Which language a reader gets: what was chosen by hand, else what the browser asks for.

Languages are compared as CLDR understands them: with the script that a region implies. So zh-TW,
zh-HK and zh-MO are zh-Hant; zh, zh-CN and zh-Hans are not, and the next wish counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from babel.core import get_global

from portbook.faces.languages.catalogues import SOURCE
from portbook.faces.languages.found import languages
from portbook.faces.languages.language import Language

MOST_CHARACTERS = 1000  # of a header; browsers send some fifty
MOST_WISHES = 50
_KEPT = 1024
_WISH = re.compile(
    r"\s*(\*|[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,7})\s*"
    r"(?:;\s*[qQ]\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?"
)
_EXACT, _REGION, _SCRIPT, _ANY = 3, 2, 1, 0  # how closely a wish fits a language


class _Meant(NamedTuple):
    language: str
    script: str
    region: str


class _Wish(NamedTuple):
    tag: str
    share: float
    at: int


def choose(
    accept_language: str | None,
    cookie: str | None,
    default: str = SOURCE,
    among: Mapping[str, Language] | None = None,
) -> Language:
    """Return the language for a reader; whatever the two texts hold, there is an answer.

    accept_language: the header as it came; what in it is no wish, or too much, is passed over
    cookie: the tag that was chosen by hand; one that there is not is passed over
    default: the tag for who asks for nothing that there is; English when there is none such
    among: the languages to choose from; None: all
    """
    offered = languages() if among is None else among
    header = (accept_language or "")[:MOST_CHARACTERS]
    tag = _chosen(header, (cookie or "")[:MOST_CHARACTERS], default, tuple(offered))
    return offered[tag]


@lru_cache(maxsize=_KEPT)
def _chosen(header: str, cookie: str, default: str, offered: tuple[str, ...]) -> str:
    by_hand = {tag.lower(): tag for tag in offered}.get(cookie.strip().lower())
    if by_hand:
        return by_hand
    otherwise = next((tag for tag in (default, SOURCE) if tag in offered), offered[0])
    wishes = _wishes(header)
    fitting = [(*fit, tag == otherwise, tag) for tag in offered if (fit := _fit(tag, wishes))]
    return max(fitting, key=lambda one: one[:-1])[-1] if fitting else otherwise


def _wishes(header: str) -> list[_Wish]:
    found = []
    for at, part in enumerate(header.split(",", MOST_WISHES)[:MOST_WISHES]):
        match = _WISH.fullmatch(part)
        if match:
            tag = match[1].replace("_", "-")
            found.append(_Wish(tag, float(match[2]) if match[2] else 1.0, at))
    return found


def _fit(tag: str, wishes: list[_Wish]) -> tuple[float, int, int] | None:
    """Return how much a language is wished for, how early, how closely; None: not at all.

    Of several wishes that mean it, the closest counts: `de;q=0.1, de-AT` says what of de.
    """
    meant, best = _meant(tag), None
    for wish in wishes:
        closeness = _closeness(tag, meant, wish.tag)
        if closeness is not None:
            fit = (closeness, wish.share, -wish.at)
            best = fit if best is None or fit > best else best
    if best is None or best[1] == 0:
        return None
    return best[1], best[2], best[0]


def _closeness(tag: str, meant: _Meant, wished: str) -> int | None:
    if wished == "*":
        return _ANY
    if wished.lower() == tag.lower():
        return _EXACT
    other = _meant(wished)
    if other[:2] != meant[:2]:
        return None
    return _REGION if other.region == meant.region else _SCRIPT


@lru_cache(maxsize=_KEPT)
def _meant(tag: str) -> _Meant:
    """Return language, script and region of a tag, those left out as CLDR expects them."""
    first, *rest = tag.split("-")
    language = str(get_global("language_aliases").get(first.lower(), first.lower()))
    language = language.split("_")[0]
    script = next((part.title() for part in rest[:2] if len(part) == 4 and part.isalpha()), "")
    region = next((part.upper() for part in rest[:3] if _is_region(part)), "")
    likely = get_global("likely_subtags")
    keys = ("_".join(filter(None, key)) for key in ((language, script, region), (language, region)))
    wanted = (*keys, f"{language}_{script}", language)
    full = next((str(likely[key]) for key in wanted if key in likely), f"{language}__")
    _, likely_script, likely_region = full.split("_")[:3]
    return _Meant(language, script or likely_script, region or likely_region)


def _is_region(part: str) -> bool:
    return (len(part) == 2 and part.isalpha()) or (len(part) == 3 and part.isdigit())
