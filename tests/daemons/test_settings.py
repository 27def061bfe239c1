"""The receiver's settings: the reference says what the code does, and faults say where they are."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.daemons.configuration import settings
from portbook.daemons.configuration.reference import keys
from portbook.errors import SourceError, UsageError
from portbook.protocols.reftek.client import Wish
from portbook.seismic import stations

UNIT = {"network": "XX", "station": "TEST", "stream": {"1": ["HHZ"]}}


def every_key() -> str:
    """Return the reference with what it shows as an example put in force."""
    shown = re.compile(r"^# (?=\[\[?[a-z]|[a-z_]+(?:\.1)? = )")
    return "\n".join(shown.sub("", line) for line in settings.reference().splitlines())


def test_the_reference_says_the_defaults() -> None:
    told = tomllib.loads(settings.reference())

    assert settings.from_mapping({}) == settings.from_mapping(told)


def test_every_key_is_in_the_reference_with_its_unit_and_meaning() -> None:
    told = tomllib.loads(every_key())
    for key in keys():
        at: Any = told
        for step in key.name.split("."):
            at = at[0] if isinstance(at, list) else at
            at = at.get("AE4C", at)[step]
        line = next(
            line
            for line in re.sub(r"\n# (?![^\n]* = )", " ", settings.reference()).splitlines()
            if key.meaning.split()[0] in line and key.unit in line
        )
        assert key.meaning
        assert line


def test_the_examples_of_the_reference_are_settings_and_name_every_key() -> None:
    told = settings.from_mapping(tomllib.loads(every_key()))
    (upstream,) = told.upstream

    assert ("rtpd.example.org", 2543) == (upstream.host, upstream.port)
    assert {("AE4C", 0): 100.0} == told.rates()
    name = told.stations().name("AE4C", 0, 2)
    assert name is not None
    assert "XX.TEST.00.HHE" == ".".join(name)
    assert 1 == len(told.datalink)


def test_settings_survive_a_way_through_json() -> None:
    told = settings.from_mapping(tomllib.loads(every_key()))
    again = msgspec.json.decode(msgspec.json.encode(told))

    assert told == settings.from_mapping(again)


def test_paths_are_absolute_once_loaded(tmp_path: Path) -> None:
    file = tmp_path / "rtpd.toml"
    file.write_text('folder = "state"\n[archive]\nraw = "raw"\nsds = "/srv/sds"\n')
    told = settings.load(file)

    assert str(tmp_path / "state") == told.folder
    assert str(tmp_path / "raw") == told.archive.raw
    assert "/srv/sds" == told.archive.sds
    assert str(tmp_path / "state" / "alarms.jsonl") == told.alarms.file


def test_the_folder_is_that_of_the_data_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/portbook")

    assert "/var/lib/portbook/rtpd" == settings.from_mapping({}).folder


def test_the_recorders_tables_are_the_station_map(tmp_path: Path) -> None:
    found = stations.read(every_key(), "rtpd.toml")

    assert "HHZ" == getattr(found.name("AE4C", 0, 0), "channel", None)
    assert {*stations.RECEIVER_TABLES, "unit"} == set(settings.Settings.__struct_fields__)
    assert {*stations.CODES, *stations.RECEIVER_KEYS} == set(settings.Unit.__struct_fields__)


def test_a_recorder_may_have_an_address_and_no_codes() -> None:
    told = settings.from_mapping({"unit": {"ae4c": {"addresses": ["10.1.0.0/16"]}}})

    assert ["AE4C"] == list(told.unit)
    assert 0 == len(told.stations())


def test_an_upstream_wishes_what_it_is_told_to() -> None:
    some = settings.Upstream(host="a", unit="AE4C", packets="DT SH", streams=(1, 9))

    assert Wish(0xAE4C, 0x0110, 0x101) == some.wish()
    assert Wish(0, 0x0BFE, 0xFFFF) == settings.Upstream(host="a").wish()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"lisen": {}}, "no key or table 'lisen'; did you mean 'listen'?"),
        ({"zzz": {}}, "known: folder, listen"),
        ({"listen": {"fild": ""}}, "listen has no key 'fild'; did you mean 'field'?"),
        ({"unit": {"AE4C": {"netwrok": ""}}}, "unit.AE4C has no key 'netwrok'.*'network'"),
        ({"upstream": [{"host": "a", "hots": ""}]}, r"upstream\[1\] has no key 'hots'.*'host'"),
        (
            {"archive": {"min_free_gb": "x"}},
            r"archive.min_free_gb .* number from 0 up \(GB\), .*'x'",
        ),
        ({"archive": {"min_free_gb": -1}}, r"min_free_gb .* from 0 up \(GB\), got -1"),
        ({"archive": {"sds": 5}}, r"archive.sds has to be a text \(path\), got 5"),
        ({"ring": {"packets": 3}}, "whole number from 256 to 8388608, got 3"),
        ({"ring": {"packets": 1000.5}}, "whole number"),
        ({"ring": {"packets": True}}, "whole number"),
        ({"spool": {"max_gb": float("inf")}}, "spool.max_gb: a number has to be finite"),
        ({"spool": {"max_gb": float("nan")}}, "spool.max_gb has to be a number .* got nan"),
        ({"spool": 3}, "spool has to be a table, got 3"),
        ({"upstream": {}}, r"upstream has to be tables \[\[...\]\], got {}"),
        ({"upstream": [3]}, r"upstream\[1\] has to be a table"),
        ({"upstream": [{}]}, r"upstream\[1\]: host has to be a name"),
        ({"upstream": [{"host": "a"}, {"host": "b", "port": 0}]}, r"upstream\[2\].port .* got 0"),
        ({"upstream": [{"host": "a", "unit": "12"}]}, "four hex digits"),
        ({"upstream": [{"host": "a", "packets": "DT XX"}]}, "packets has to be some of AD CD"),
        ({"upstream": [{"host": "a", "streams": [0]}]}, "streams count from 1 to 16"),
        ({"upstream": [{"host": "a", "timeout_s": 5}]}, r"from 30 to 3600 \(s\), got 5"),
        ({"datalink": [{"host": "http://a"}]}, r"datalink\[1\]: host"),
        ({"unit": 3}, r"tables \[unit.XXXX\]"),
        ({"unit": {"XYZ": {}}}, "unit id is four hex digits"),
        ({"unit": {"AE4C": UNIT, "ae4c": UNIT}}, "has a table already"),
        ({"unit": {"AE4C": {}}}, "name its channels"),
        ({"unit": {"AE4C": {**UNIT, "station": "TOOLONG"}}}, "TOOLONG.*does not fit"),
        ({"unit": {"AE4C": {**UNIT, "stream": {"1": "HHZ"}}}}, "each a list of texts"),
        ({"unit": {"AE4C": {**UNIT, "rate": {"0": 1.0}}}}, "they count from 1"),
        ({"unit": {"AE4C": {**UNIT, "rate": {"1": 0}}}}, "above 0 and at most 1000 Hz"),
        ({"unit": {"AE4C": {**UNIT, "position": [48.1]}}}, "latitude and longitude in degrees"),
        ({"unit": {"AE4C": {**UNIT, "position": [91, 12.5]}}}, "latitude and longitude in degrees"),
        ({"unit": {"AE4C": {**UNIT, "addresses": ["x"]}}}, "'x' is no network"),
        ({"listen": {"field": "a:b"}}, "listen.field: 'a:b' is no ADDRESS:PORT"),
        ({"listen": {"field": "127.0.0.1:70000"}}, "port must be 0 to 65535"),
        ({"listen": {"field": "::1:2543"}}, r"write 127.0.0.1:2543 or \[::1\]:2543"),
        ({"listen": {"status": "127.0.0.1:2543"}}, "status and clients cannot both be at"),
        ({"allow": {"units": ["AE4"]}}, "no unit id"),
        ({"allow": {"units": [1]}}, "a list of texts"),
        ({"allow": {"sources": ["10.1.0.0/33"]}}, "allow.sources: '10.1.0.0/33' is no network"),
        ({"alarms": {"webhook": "file:///etc/passwd"}}, "an http or https address"),
        ({"alarms": {"webhook": "http://a:b"}}, "an http or https address"),
        ({"alarms": {"webhook": "http://a/\nX: y"}}, "an http or https address"),
        ({"alarms": {"command": [""]}}, "its first text is the program"),
        ({"alarms": {"command": "rm -rf"}}, "a list of texts"),
        ({"watchdog": {"beat_s": 2, "limit_s": 2}}, "two beats"),
        ({"watchdog": {"backoff_s": 100}}, "less than backoff_s"),
    ],
)
def test_what_cannot_be_is_said_with_its_key(told: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=f"rtpd.toml.*{said}"):
        settings.from_mapping(told, "rtpd.toml")


def test_files_that_are_none_are_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        settings.load(tmp_path / "none.toml")
    (tmp_path / "a.toml").write_bytes(b"\xff")
    with pytest.raises(UsageError, match="not a TOML file"):
        settings.load(tmp_path / "a.toml")
    (tmp_path / "b.toml").write_text("a = [")
    with pytest.raises(UsageError, match="not a TOML file"):
        settings.load(tmp_path / "b.toml")
    (tmp_path / "c.toml").write_bytes(b"#" * (settings.LARGEST_OCTETS + 1))
    with pytest.raises(UsageError, match="larger than"):
        settings.load(tmp_path / "c.toml")


def test_changes_tell_what_a_reload_does_and_what_it_cannot() -> None:
    old = settings.from_mapping({"unit": {"AE4C": UNIT}})
    new = settings.from_mapping(
        {
            "listen": {"field": "0.0.0.0:2543"},
            "allow": {"units": ["AE4C"]},
            "unit": {"9EEF": {**UNIT, "station": "B"}},
            "upstream": [{"host": "a"}],
            "datalink": [{"host": "a"}],
            "archive": {"keep_days": 3, "raw": "/srv/raw"},
        }
    )
    now, restart = settings.changes(old, new)

    assert ("allow.units", "archive.keep_days", "unit.9EEF", "unit.AE4C", "upstream") == tuple(
        sorted(now)
    )
    assert ("archive.raw", "datalink", "listen.field") == tuple(sorted(restart))
    assert ((), ()) == settings.changes(new, new)


words = st.sampled_from([*settings.Settings.__struct_fields__, "field", "host", "AE4C", "1", "x"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(words, below, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(words, values, max_size=4))
def test_nothing_but_a_usage_error_comes_of_strange_files(told: dict[str, Any]) -> None:
    try:
        made: object = settings.from_mapping(told, "rtpd.toml")
    except UsageError as error:
        made = error

    assert isinstance(made, settings.Settings) or "rtpd.toml" in str(made)
