"""Settings and folders."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from portbook import config
from portbook.errors import SourceError, UsageError
from portbook.records import Level

unix = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="XDG is for other systems")


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path)}


def _write(home: dict[str, str], text: str) -> Path:
    path = config.settings_path(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@unix
def test_folders_follow_xdg(home: dict[str, str], tmp_path: Path) -> None:
    assert tmp_path / ".local/share/portbook" == config.data_folder(home)
    assert tmp_path / ".config/portbook" == config.config_folder(home)
    moved = {**home, "XDG_DATA_HOME": "/data", "XDG_CONFIG_HOME": "/conf"}
    assert Path("/data/portbook/book.sqlite") == config.book_path(moved)
    assert Path("/conf/portbook/claims.toml") == config.claims_path(moved)


@unix
def test_a_relative_xdg_path_is_ignored_as_its_specification_says(home: dict[str, str]) -> None:
    assert config.data_folder(home) == config.data_folder({**home, "XDG_DATA_HOME": "data"})


def test_systemd_says_where_its_units_keep_their_state(home: dict[str, str]) -> None:
    given = {
        **home,
        "XDG_DATA_HOME": "/data",
        "STATE_DIRECTORY": "/var/lib/portbook:/var/lib/other",
        "CONFIGURATION_DIRECTORY": "/etc/portbook",
    }

    assert Path("/var/lib/portbook") == config.data_folder(given)
    assert Path("/etc/portbook/settings.toml") == config.settings_path(given)


@pytest.mark.parametrize(
    ("platform", "data", "conf"),
    [
        ("darwin", "Library/Application Support/portbook", "Library/Application Support/portbook"),
        ("win32", "AppData/Local/portbook", "AppData/Roaming/portbook"),
    ],
)
def test_other_systems_have_their_own_places(
    platform: str,
    data: str,
    conf: str,
    home: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", platform)

    assert tmp_path / data == config.data_folder(home)
    assert tmp_path / conf == config.config_folder(home)


def test_nothing_given_means_the_defaults(home: dict[str, str]) -> None:
    told = config.load(environment=home)

    assert ("local", None, None) == (told.site, told.policy, told.fail_on)
    assert config.book_path(home) == told.book
    assert {"default"} == set(told.origins.values())


def test_a_flag_beats_the_environment_beats_the_file(home: dict[str, str]) -> None:
    path = _write(home, 'site = "file"\npolicy = "file"\nfail_on = "error"\n')
    given = {**home, "PORTBOOK_SITE": "environment", "PORTBOOK_POLICY": "environment"}

    told = config.load({"site": "flag", "policy": None}, given)

    assert ("flag", "environment", Level.ERROR) == (told.site, told.policy, told.fail_on)
    assert "flag" == told.origins["site"]
    assert "environment PORTBOOK_POLICY" == told.origins["policy"]
    assert f"file {path}" == told.origins["fail_on"]


def test_an_empty_variable_is_no_value(home: dict[str, str]) -> None:
    assert "local" == config.load(environment={**home, "PORTBOOK_SITE": ""}).site


def test_paths_may_begin_at_home(home: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", home["HOME"])

    assert Path(home["HOME"]) / "b" == config.load({"book": "~/b"}, home).book


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('colour = "red"', "no such setting: colour"),
        ("site = 7", 'site is a text; write site = "north"'),
        ('site = ""', "site is a text"),
        ("site = [", "not a TOML file"),
        ('fail_on = "always"', "fail_on is note, warning, error or never, got 'always'"),
        (f'site = "{"x" * 65}"', "1 to 64 printable letters"),
    ],
)
def test_a_wrong_file_is_told_with_its_path(home: dict[str, str], text: str, said: str) -> None:
    path = _write(home, text)

    with pytest.raises(UsageError) as error:
        config.load(environment=home)
    assert said in str(error.value)
    assert str(path) in str(error.value)


def test_a_file_that_is_no_text_is_told(home: dict[str, str]) -> None:
    _write(home, "").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(UsageError, match="not a TOML file"):
        config.load(environment=home)


def test_a_huge_file_is_not_read(home: dict[str, str]) -> None:
    _write(home, "#" * (1 << 20) + "\n")

    with pytest.raises(UsageError, match="larger than a settings file"):
        config.load(environment=home)


def test_a_named_file_must_be_there(home: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such settings file"):
        config.load(environment=home, file=tmp_path / "absent.toml")


def test_a_folder_in_the_files_place_is_told(home: dict[str, str]) -> None:
    config.settings_path(home).mkdir(parents=True)

    with pytest.raises(SourceError, match="cannot be read"):
        config.load(environment=home)


def test_an_unknown_flag_is_told() -> None:
    with pytest.raises(UsageError, match="no such setting: colour"):
        config.load({"colour": "red"}, {"HOME": "/nowhere"})


def test_fail_on_may_be_never(home: dict[str, str]) -> None:
    assert config.load({"fail_on": "never"}, home).fail_on is None
    assert Level.WARNING is config.load({"fail_on": "warning"}, home).fail_on


def test_the_reference_file_has_every_setting_and_is_read_without_its_marks(
    home: dict[str, str],
) -> None:
    import tomllib

    lines = config.reference().splitlines()
    shown = "\n".join(line[2:] for line in lines if line.startswith("# ") and ' = "' in line)

    assert {setting.key for setting in config.SETTINGS} == tomllib.loads(shown).keys()
    assert all(setting.variable in config.reference() for setting in config.SETTINGS)
    _write(home, config.reference())
    assert {"default"} == set(config.load(environment=home).origins.values())
