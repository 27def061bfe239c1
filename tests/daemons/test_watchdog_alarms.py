"""The watchdog's alarms on their way to people: a process of its own for each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.program import environment

from portbook.daemons.configuration.settings import Alarms as AlarmSettings
from portbook.daemons.watchdog import watchdog_alarms

NEW = {"key": "restart", "what": "restart", "level": "warning", "message": "rtpd is restarted"}


def prepared(folder: Path) -> Path:
    file = folder / "alarms.jsonl"
    watchdog_alarms.keep(folder, AlarmSettings(file=str(file)))
    return file


def told(folder: Path, document: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "portbook.daemons.watchdog.watchdog_alarms", str(folder)],
        input=document if isinstance(document, str) else json.dumps(document),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(folder),
    )


def test_an_alarm_is_told_once_when_set_and_once_when_cleared(tmp_path: Path) -> None:
    file = prepared(tmp_path)
    codes = [
        told(tmp_path, document).returncode
        for document in ({"set": NEW}, {"set": NEW}, {"clear": "restart"}, {"clear": "restart"})
    ]
    lines = [json.loads(line) for line in file.read_text().splitlines()]

    assert [0, 0, 0, 0] == codes
    assert ["set", "cleared"] == [line["state"] for line in lines]
    assert {"restart"} == {line["what"] for line in lines}
    assert lines[0]["cleared"] is None


def test_what_is_no_alarm_is_said_and_told_to_nobody(tmp_path: Path) -> None:
    file = prepared(tmp_path)
    ended = told(tmp_path, "{")

    assert 1 == ended.returncode
    assert "an alarm cannot be told" in ended.stderr
    assert "" == (file.read_text() if file.exists() else "")


def test_without_settings_it_says_what_is_missing(tmp_path: Path) -> None:
    ended = told(tmp_path, {"set": NEW})

    assert 1 == ended.returncode
    assert "alarms-settings.json" in ended.stderr


def test_who_is_to_be_told_is_for_our_own_eyes_and_can_change(tmp_path: Path) -> None:
    prepared(tmp_path)
    watchdog_alarms.keep(tmp_path, AlarmSettings(webhook="https://example.org/secret"))
    path = tmp_path / watchdog_alarms.FOLDER / watchdog_alarms.SETTINGS

    assert 0o600 == path.stat().st_mode & 0o777
    assert b"secret" in path.read_bytes()
