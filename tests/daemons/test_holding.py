"""Who has a folder: what is written there, and who of those still lives."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.sockets import linux_only

from portbook.daemons.watchdog import holding
from portbook.daemons.watchdog.child import born
from portbook.errors import SourceError

pytestmark = linux_only


def test_a_folder_is_made_taken_and_let_go_of(tmp_path: Path) -> None:
    folder = str(tmp_path / "new" / "rtpd")
    hold = holding.take(folder)
    hold.write({"starts": 1})
    with pytest.raises(SourceError, match="locked, and nobody says by whom"):
        holding.take(folder, within_s=0.0)
    hold.close()
    holding.take(folder).close()

    assert {"starts": 1} == holding.read(folder)


def test_a_shorter_text_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    hold = holding.take(str(tmp_path))
    hold.write({"long": "x" * 500})
    hold.write({"a": 1})
    hold.close()

    assert {"a": 1} == holding.read(str(tmp_path))


@pytest.mark.parametrize("octets", [b"", b"{", b"[1]", b"\xff\xfe", b'"text"'])
def test_what_is_no_account_of_a_watchdog_is_none(octets: bytes, tmp_path: Path) -> None:
    (tmp_path / holding.NAME).write_bytes(octets)

    assert {} == holding.read(str(tmp_path))


@pytest.mark.parametrize(
    "one",
    [
        None,
        5,
        {},
        {"pid": "1", "born": "2"},
        {"pid": 1, "born": "1"},
        {"pid": -1, "born": "1"},
        {"pid": os.getpid(), "born": ""},
        {"pid": os.getpid(), "born": "1"},  # somebody else had that pid before
    ],
)
def test_who_is_not_surely_the_same_process_does_not_live(one: object) -> None:
    assert 0 == holding.lives({"rtpd": one}, "rtpd")


def test_who_is_the_same_process_lives() -> None:
    one = {"pid": os.getpid(), "born": born(os.getpid())}

    assert os.getpid() == holding.lives({"rtpid": one}, "rtpid")


def test_a_folder_that_cannot_be_made_is_told() -> None:
    with pytest.raises(SourceError, match="the watchdog needs it"):
        holding.take("/proc/nowhere/rtpd")
