"""What oddities mean: each name that traffic can have is explained, in a sentence and once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import portbook.evidence
from portbook.evidence.oddities import CUT_FRAME, MEANINGS, meaning

SOURCES = sorted(Path(portbook.evidence.__file__).parent.glob("*.py"))
NAMED = re.compile(r"\.?_?odd\(\s*\"([a-z-]+)\"")
named = {name for source in SOURCES for name in NAMED.findall(source.read_text())}


def test_every_oddity_of_traffic_has_a_meaning_and_no_other_has() -> None:
    assert len(named) > 15
    assert sorted({*named, CUT_FRAME}) == sorted(MEANINGS)


@pytest.mark.parametrize("name", MEANINGS)
def test_a_meaning_is_a_sentence_of_few_lines(name: str) -> None:
    told = meaning(name)

    assert told is not None
    assert 30 < len(told) <= 160
    assert told.isascii()
    assert not told.endswith(".")
    assert told == " ".join(told.split())


def test_a_name_that_nobody_knows_has_none() -> None:
    assert meaning("no-such-oddity") is None
