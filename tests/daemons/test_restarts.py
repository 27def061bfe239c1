from pathlib import Path

from portbook.daemons.watchdog import restarts

NOON_NS = 1_764_158_400_123_456_789


def test_lines_are_kept_in_order_with_their_time(tmp_path: Path) -> None:
    restarts.write(str(tmp_path), "start", NOON_NS, pid=5, why="first")
    restarts.write(str(tmp_path), "end", NOON_NS, pid=5, why="it was killed by SIGKILL")

    first, second = restarts.read(str(tmp_path))

    assert {"kind": "start", "time": "2025-11-26T12:00:00.123Z", "pid": 5, "why": "first"} == first
    assert "end" == second["kind"]


def test_a_large_file_is_put_aside_once_and_still_read(tmp_path: Path) -> None:
    (tmp_path / restarts.NAME).write_text("x" * restarts.MOST_OCTETS + "\n")
    restarts.write(str(tmp_path), "start", NOON_NS, pid=1)
    restarts.write(str(tmp_path), "start", NOON_NS, pid=2)

    assert (tmp_path / restarts.NAME).stat().st_size < 200
    assert [1, 2] == [line["pid"] for line in restarts.read(str(tmp_path))]


def test_torn_and_foreign_lines_are_left_out(tmp_path: Path) -> None:
    (tmp_path / restarts.NAME).write_bytes(b'{"kind": "sta\n[1]\n\xff\n{"kind": "end"}\n{}')

    assert [{"kind": "end"}] == restarts.read(str(tmp_path))


def test_a_folder_that_is_gone_is_no_reason_to_stop(tmp_path: Path) -> None:
    restarts.write(str(tmp_path / "gone"), "start", NOON_NS)

    assert [] == restarts.read(str(tmp_path / "gone"))
