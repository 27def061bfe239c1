"""A journal gives back what was written whole, wherever it was cut or damaged."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.seismic import journal
from portbook.seismic.journal import Entry, Journal

ENTRIES = [Entry(journal.RECORD, b"a" * 1024), Entry(journal.FILE, b"x"), Entry(3, b"")]


def _written(path: Path, entries: list[Entry]) -> list[int]:
    """Write entries one by one; return where each ends."""
    one = Journal(path)
    ends = []
    for entry in entries:
        one.write([entry])
        ends.append(one.octets)
    one.sync()
    one.close()
    return ends


def test_what_was_written_is_read(tmp_path: Path) -> None:
    ends = _written(tmp_path / "journal", ENTRIES)

    assert list(zip(ENTRIES, ends, strict=True)) == list(journal.read(tmp_path / "journal"))


def test_a_cut_anywhere_leaves_the_whole_entries_before_it(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    ends = _written(path, ENTRIES)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        expected = [entry for entry, end in zip(ENTRIES, ends, strict=True) if end <= cut]

        assert expected == [entry for entry, _ in journal.read(path)]


@given(at=st.integers(4, 1060), flip=st.integers(1, 255))
def test_a_changed_octet_ends_it_before_that_entry(
    tmp_path_factory: pytest.TempPathFactory, at: int, flip: int
) -> None:
    path = tmp_path_factory.mktemp("j") / "journal"
    ends = _written(path, ENTRIES)
    octets = bytearray(path.read_bytes())
    at = min(at, len(octets) - 1)
    octets[at] ^= flip
    path.write_bytes(octets)

    assert [e for e, end in zip(ENTRIES, ends, strict=True) if end <= at] == [
        entry for entry, _ in journal.read(path)
    ]


def test_a_torn_end_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    _written(path, ENTRIES)
    path.write_bytes(path.read_bytes() + journal.pack(ENTRIES[0])[:100])
    _written(path, ENTRIES[:1])

    assert [*ENTRIES, ENTRIES[0]] == [entry for entry, _ in journal.read(path)]


def test_a_file_of_another_kind_is_no_journal(tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(b"something else")

    assert [] == list(journal.read(tmp_path / "journal"))


def test_a_write_that_fails_leaves_it_as_it_was(tmp_path: Path) -> None:
    one = Journal(tmp_path / "journal")
    one.write(ENTRIES)
    before = (tmp_path / "journal").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 500, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            one.write(ENTRIES)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert before == (tmp_path / "journal").read_bytes()

    one.write(ENTRIES)
    one.close()

    assert ENTRIES * 2 == [entry for entry, _ in journal.read(tmp_path / "journal")]


def test_a_new_journal_takes_the_place_of_the_old_one_at_once(tmp_path: Path) -> None:
    one = Journal(tmp_path / "journal")
    one.write(ENTRIES)
    one.replace(ENTRIES[:1])
    one.write(ENTRIES[1:])
    one.close()

    assert ENTRIES == [entry for entry, _ in journal.read(tmp_path / "journal")]
    assert ["journal"] == [path.name for path in tmp_path.iterdir()]
