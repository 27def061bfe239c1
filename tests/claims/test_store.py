"""A registry table on disk is the old one or the new one, never a part of either."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from portbook.claims.registry import SHIPPED, Registry
from portbook.claims.store import replace_table
from portbook.claims.table import Row, parse, table
from portbook.errors import SourceError

OLD = parse(Path(SHIPPED).read_bytes())
NEW = table(
    (*OLD.rows, Row(49000, 49000, "sctp", "ours", "")),
    source="new.csv",
    date="2026-11-01",
    sha256=("ab",),
    imported="2026-11-21",
)


def test_a_new_table_is_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "registry.tsv"

    assert NEW.about == replace_table(path, OLD.about, NEW)
    assert NEW.about == Registry.load(path).about
    assert ["registry.tsv"] == os.listdir(path.parent)


def test_a_refused_table_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "registry.tsv"
    replace_table(path, OLD.about, OLD)
    small = table(NEW.rows[:50], source="cut.csv", date="", sha256=(), imported=None)

    with pytest.raises(SourceError, match="kept the old one"):
        replace_table(path, OLD.about, small)

    assert OLD.about == Registry.load(path).about


def test_a_place_that_cannot_be_written_is_named_and_nothing_stays_behind(tmp_path: Path) -> None:
    path = tmp_path / "registry.tsv"
    path.mkdir()  # a folder cannot be replaced by a file, whoever runs this

    with pytest.raises(SourceError, match="the table in use was kept") as raised:
        replace_table(path, OLD.about, NEW)

    assert str(path) in str(raised.value)
    assert ["registry.tsv"] == os.listdir(tmp_path)
