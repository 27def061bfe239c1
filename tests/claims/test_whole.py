"""Files are replaced as a whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from portbook.claims.whole import write_whole


def test_a_new_file_can_be_read_by_all_and_an_old_one_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "table"
    write_whole(str(path), b"one")
    assert 0o644 == stat.S_IMODE(path.stat().st_mode)

    path.chmod(0o600)
    write_whole(str(path), b"two")
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert b"two" == path.read_bytes()
    assert ["table"] == os.listdir(path.parent)


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.mkdir()

    with pytest.raises(OSError, match="directory"):
        write_whole(str(path), b"one")

    assert ["table"] == os.listdir(tmp_path)
