"""Other settings while it runs: what waits for a restart keeps its old value."""

from __future__ import annotations

from portbook.daemons.configuration.reloading import merged
from portbook.daemons.configuration.settings import from_mapping

OLD = {
    "folder": "/var/lib/x",
    "archive": {"raw": "/srv/raw", "keep_days": 10},
    "ring": {"packets": 1024},
    "unit": {"AE4C": {"network": "XX", "station": "A", "stream": {"1": ["HHZ"]}}},
}


def test_what_can_take_effect_does_and_the_rest_stays() -> None:
    new = OLD | {
        "folder": "/elsewhere",
        "archive": {"raw": "/other", "keep_days": 5},
        "ring": {"packets": 2048},
        "allow": {"units": ["AE4C"]},
        "unit": {"AE4C": {"addresses": ["10.0.0.1"]}},
        "upstream": [{"host": "rtpd"}],
        "datalink": [{"host": "ring"}],
    }
    kept, now, restart = merged(from_mapping(OLD), from_mapping(new))

    assert (kept.folder, kept.archive.raw, kept.ring.packets) == ("/var/lib/x", "/srv/raw", 1024)
    assert (kept.archive.keep_days, kept.allow.units) == (5, ("AE4C",))
    assert kept.unit["AE4C"].addresses == ("10.0.0.1",)
    assert [one.host for one in kept.upstream] == ["rtpd"]
    assert kept.datalink == ()
    assert {"archive.keep_days", "allow.units", "unit.AE4C", "upstream"} <= set(now)
    assert {"folder", "archive.raw", "ring.packets", "datalink"} <= set(restart)


def test_alarms_stay_in_the_folder_that_is_in_use() -> None:
    before = from_mapping(OLD | {"alarms": {"file": "/var/lib/x/alarms.jsonl"}})
    after = {"folder": "/else", "alarms": {"file": "/else/alarms.jsonl", "silence_s": 5}}
    kept, now, restart = merged(before, from_mapping(OLD | after))

    assert ("/var/lib/x/alarms.jsonl", 5) == (kept.alarms.file, kept.alarms.silence_s)
    assert (("alarms.silence_s",), ("folder",)) == (now, restart)


def test_alarms_that_are_told_elsewhere_move_at_once() -> None:
    after = {"folder": "/else", "alarms": {"file": "/var/log/alarms.jsonl"}}
    kept, now, _ = merged(from_mapping(OLD), from_mapping(OLD | after))

    assert "/var/log/alarms.jsonl" == kept.alarms.file
    assert "alarms.file" in now


def test_the_same_settings_change_nothing() -> None:
    told = from_mapping(OLD)

    assert merged(told, from_mapping(OLD)) == (told, (), ())
