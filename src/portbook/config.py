"""Settings and folders: flag beats environment beats file beats default.

Folders: XDG Base Directory Specification 0.8 on Linux and other Unix systems, the system's own
places on macOS and Windows; under systemd the folders that the unit was given (systemd.exec(5),
StateDirectory= and ConfigurationDirectory=).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from portbook.errors import SourceError, UsageError
from portbook.records import LOCAL_SITE, Level

NAME = "portbook"
_LARGEST_OCTETS = 1 << 20  # of a settings file; a real one has a few lines


class Setting(NamedTuple):
    """One setting: its key in the file, default, meaning, and its twin in the environment."""

    key: str
    default: str | None
    meaning: str
    example: str

    @property
    def variable(self) -> str:
        """Return the environment variable of the same meaning."""
        return f"PORTBOOK_{self.key.upper()}"


SETTINGS = (
    Setting("book", None, "path of the book; none given: the data folder's", "/srv/plant.book"),
    Setting("site", LOCAL_SITE, "name of this site, part of every key in the book", "north"),
    Setting("claims", None, "path of the site's own claims, a TOML file", "/etc/plant-ports.toml"),
    Setting("policy", None, "port policy that findings are judged by", "opto22"),
    Setting("fail_on", None, "lowest level of a finding that makes exit code 1, or never", "error"),
)
_BY_KEY = {setting.key: setting for setting in SETTINGS}


class Settings(msgspec.Struct, frozen=True):
    """The settings in force, and for each where its value came from."""

    book: Path
    claims: Path
    site: str = LOCAL_SITE
    policy: str | None = None
    fail_on: Level | None = None
    origins: Mapping[str, str] = {}


def load(
    flags: Mapping[str, str | None] | None = None,
    environment: Mapping[str, str] | None = None,
    file: str | os.PathLike[str] | None = None,
) -> Settings:
    """Return the settings in force.

    flags: by key, None where the flag was not given
    file: None: settings.toml of the config folder, which need not be there
    Raises UsageError naming the place of a value that cannot be; SourceError for an unreadable
    file.
    """
    given = os.environ if environment is None else environment
    values: dict[str, str] = {}
    origins: dict[str, str] = {}
    for origin, layer in _layers(flags or {}, given, file):
        for key, value in layer.items():
            if key not in values:
                values[key], origins[key] = value, origin
    for setting in SETTINGS:
        origins.setdefault(setting.key, "default")
    level = values.get("fail_on")
    return Settings(
        book=Path(values["book"]).expanduser() if "book" in values else book_path(given),
        claims=Path(values["claims"]).expanduser() if "claims" in values else claims_path(given),
        site=_site(values.get("site", LOCAL_SITE), origins["site"]),
        policy=values.get("policy"),
        fail_on=_level(level, origins["fail_on"]) if level else None,
        origins=origins,
    )


def data_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Return where the book and an updated registry are kept; it need not exist yet."""
    given = os.environ if environment is None else environment
    home = {"win32": "AppData/Local", "darwin": "Library/Application Support"}
    return _folder(
        given,
        "STATE_DIRECTORY",
        "LOCALAPPDATA",
        "XDG_DATA_HOME",
        home.get(sys.platform, ".local/share"),
    )


def config_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Return where settings and the site's claims are kept; it need not exist yet."""
    given = os.environ if environment is None else environment
    home = {"win32": "AppData/Roaming", "darwin": "Library/Application Support"}
    return _folder(
        given,
        "CONFIGURATION_DIRECTORY",
        "APPDATA",
        "XDG_CONFIG_HOME",
        home.get(sys.platform, ".config"),
    )


def book_path(environment: Mapping[str, str] | None = None) -> Path:
    """Return where the user's own book is."""
    return data_folder(environment) / "book.sqlite"


def claims_path(environment: Mapping[str, str] | None = None) -> Path:
    """Return where the site's own claims are."""
    return config_folder(environment) / "claims.toml"


def registry_path(environment: Mapping[str, str] | None = None) -> Path:
    """Return where an updated registry table is; without one the shipped table is used."""
    return data_folder(environment) / "registry.tsv"


def settings_path(environment: Mapping[str, str] | None = None) -> Path:
    """Return where the settings file is."""
    return config_folder(environment) / "settings.toml"


def reference() -> str:
    """Return a settings file with every key, its default, meaning and environment twin."""
    lines = ["# portbook settings. A flag beats the environment, which beats this file."]
    for setting in SETTINGS:
        default = f'"{setting.default}"' if setting.default else "none"
        lines += [
            "",
            f"# {setting.meaning}; default: {default}; environment: {setting.variable}",
            f'# {setting.key} = "{setting.default or setting.example}"',
        ]
    return "\n".join(lines) + "\n"


def _layers(
    flags: Mapping[str, str | None],
    environment: Mapping[str, str],
    file: str | os.PathLike[str] | None,
) -> list[tuple[str, dict[str, str]]]:
    unknown = flags.keys() - _BY_KEY.keys()
    if unknown:
        raise UsageError(f"no such setting: {', '.join(sorted(unknown))}; known: {_known()}")
    told = {key: str(value) for key, value in flags.items() if value is not None}
    ours = {
        setting.key: environment[setting.variable]
        for setting in SETTINGS
        if environment.get(setting.variable)
    }
    path = Path(file) if file is not None else settings_path(environment)
    written = _read(path, needed=file is not None)
    layers = [("flag", told)]
    layers += [(f"environment {_BY_KEY[key].variable}", {key: text}) for key, text in ours.items()]
    return [*layers, (f"file {path}", written)]


def _read(path: Path, *, needed: bool) -> dict[str, str]:
    """Return the settings that a file holds; an absent file that nobody named holds none."""
    try:
        with path.open("rb") as stream:
            octets = stream.read(_LARGEST_OCTETS + 1)
    except FileNotFoundError:
        if needed:
            raise SourceError(f"{path}: no such settings file") from None
        return {}
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}; the settings cannot be read") from error
    if len(octets) > _LARGEST_OCTETS:
        raise UsageError(f"{path}: larger than a settings file can be (1 MiB)")
    import tomllib

    try:
        told: dict[str, Any] = tomllib.loads(octets.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: not a TOML file: {error}") from error
    return {key: _text(path, key, value) for key, value in told.items()}


def _text(path: Path, key: str, value: Any) -> str:
    if key not in _BY_KEY:
        raise UsageError(f"{path}: no such setting: {key}; known: {_known()}")
    if not isinstance(value, str) or not value:
        raise UsageError(f'{path}: {key} is a text; write {key} = "{_BY_KEY[key].example}"')
    return value


def _known() -> str:
    return ", ".join(_BY_KEY)


def _site(text: str, origin: str) -> str:
    if not 0 < len(text) <= 64 or not text.isprintable():
        raise UsageError(f"{origin}: a site's name has 1 to 64 printable letters, got {text!r}")
    return text


def _level(text: str, origin: str) -> Level | None:
    if text == "never":
        return None
    try:
        return Level(text)
    except ValueError:
        known = ", ".join(level.value for level in Level)
        raise UsageError(f"{origin}: fail_on is {known} or never, got {text!r}") from None


def _folder(
    environment: Mapping[str, str], systemd: str, windows: str, xdg: str, below_home: str
) -> Path:
    """Return a folder of ours: what systemd gives, what the system's variable says, or by habit."""
    given = environment.get(systemd, "").split(":")[0]
    if given:
        return Path(given)  # several are separated by colons; the first one is the unit's main one
    if sys.platform == "win32":
        base = environment.get(windows)
    elif sys.platform == "darwin":
        base = None
    else:
        base = environment.get(xdg)
    # The XDG specification: a path that is not absolute is invalid and ignored.
    if base and Path(base).is_absolute():
        return Path(base) / NAME
    return _home(environment) / below_home / NAME


def _home(environment: Mapping[str, str]) -> Path:
    told = environment.get("HOME") or environment.get("USERPROFILE")
    if told:
        return Path(told)
    try:
        return Path.home()
    except RuntimeError:
        raise UsageError(
            "no home folder is known for this user; name the book with --book or set HOME"
        ) from None
