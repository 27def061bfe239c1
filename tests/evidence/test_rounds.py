"""How often something may be asked, remembered over runs."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from portbook.errors import SourceError
from portbook.evidence.rounds import Rounds

SECOND = 10**9
T0 = 1_790_000_000 * SECOND


def test_a_turn_is_given_once_in_its_time(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path / "new" / "asked.json")

    assert 0 == rounds.take("a", 600, T0)
    assert 600 - 240 == rounds.take("a", 600, T0 + 240 * SECOND)
    assert 0 == rounds.take("b", 600, T0 + 240 * SECOND)
    assert 0 == rounds.take("a", 600, T0 + 600 * SECOND)


def test_it_is_remembered_by_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "asked.json"
    assert 0 == Rounds(path).take("a", 600, T0)

    assert 599 == Rounds(path).take("a", 600, T0 + SECOND)


def test_without_a_pause_nothing_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "asked.json"

    assert 0 == Rounds(path).take("a", 0, T0)
    assert not path.exists()


def test_a_clock_that_was_set_back_blocks_nobody(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path / "asked.json")
    rounds.take("a", 600, T0)

    assert 0 == rounds.take("a", 600, T0 - 86_400 * SECOND)


@pytest.mark.parametrize("torn", [b"", b"{", b"[]", b'{"a": "x"}', b"\xff\xfe", b"{}" * 9])
def test_a_torn_file_counts_as_nothing(torn: bytes, tmp_path: Path) -> None:
    path = tmp_path / "asked.json"
    path.write_bytes(torn)

    assert 0 == Rounds(path).take("a", 600, T0)
    assert 600 == Rounds(path).take("a", 600, T0)


def test_old_turns_are_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "asked.json"
    rounds = Rounds(path)
    rounds.take("old", 600, T0)
    rounds.take("new", 600, T0 + 2 * 86_400 * SECOND)

    assert "old" not in path.read_text()


def test_of_many_at_once_one_gets_the_turn(tmp_path: Path) -> None:
    path = tmp_path / "asked.json"
    got: list[float] = []
    threads = [
        threading.Thread(target=lambda: got.append(Rounds(path).take("a", 600, T0)))
        for _ in range(8)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert 1 == got.count(0)


def test_what_cannot_be_kept_cannot_be_promised(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SourceError, match="nothing is asked"):
        Rounds(tmp_path / "file" / "asked.json").take("a", 600, T0)
