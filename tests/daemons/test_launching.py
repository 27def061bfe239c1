"""What the watchdog is told of the settings; tests/faces/test_rtpid.py has the rest."""

from __future__ import annotations

import sys
from pathlib import Path

from portbook.daemons.configuration.settings import Watchdog, from_mapping
from portbook.daemons.watchdog.launching import limits, receiver_command
from portbook.daemons.watchdog.vitals import Limits


def test_every_limit_of_the_settings_is_one_of_the_watchdog() -> None:
    told = set(Watchdog.__struct_fields__) - {"beat_s"}  # which is the receiver's own business

    assert told <= set(Limits._fields)


def test_limits_are_those_of_the_settings(tmp_path: Path) -> None:
    settings = from_mapping(
        {"watchdog": {"limit_s": 5, "probe_s": 7, "most_backoff_s": 33}}, below=tmp_path
    )
    found = limits(settings)

    assert (5, 7, 33) == (found.limit_s, found.probe_s, found.most_backoff_s)
    assert Limits().calm_s == found.calm_s


def test_the_defaults_of_both_are_the_same(tmp_path: Path) -> None:
    assert Limits() == limits(from_mapping({}, below=tmp_path))


def test_the_receiver_is_started_by_the_same_interpreter_and_says_where_it_hangs() -> None:
    command = receiver_command(["--config", "rtpd.toml"])

    assert sys.executable == command[0]
    assert "faulthandler" in command
    assert ["portbook", "rtpd", "--config", "rtpd.toml"] == command[-4:]
