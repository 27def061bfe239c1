"""What protocols declare is kept beside their compiled files, and holds while these stand."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
import pytest

from portbook import protocols
from portbook.claims import profiles as kept
from portbook.claims.profiles import Kept, profiles, profiles_kept, sources

STAMP = (("modbus.py", 10, 20),)
DECLARED = tuple(one.profile for one in protocols.protocols().values())


@pytest.fixture(autouse=True)
def writing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have told Python to keep nothing compiled."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


def test_the_profiles_are_those_that_the_modules_declare() -> None:
    assert {one.name: one for one in DECLARED} == profiles()
    assert list(protocols.protocols()) == list(profiles())


def test_what_was_kept_is_read_again_whole(tmp_path: Path) -> None:
    place = str(tmp_path / "there" / "profiles.json")

    assert DECLARED == profiles_kept(place, STAMP)
    assert DECLARED == msgspec.json.decode(Path(place).read_bytes(), type=Kept).profiles


def test_what_is_kept_stands_for_the_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = str(tmp_path / "profiles.json")
    profiles_kept(place, STAMP)
    monkeypatch.setattr(kept.protocols, "protocols", lambda: pytest.fail("the modules were loaded"))

    assert DECLARED == profiles_kept(place, STAMP)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda octets: b"",
        lambda octets: b"\xff" + octets,
        lambda octets: octets[:-9],
        lambda octets: octets.replace(b'"tcp"', b'"pigeon"'),
        lambda octets: octets.replace(b"modbus.py", b"modbus.PY"),
        lambda octets: b'{"stamp":[],"profiles":[]}',
    ],
)
def test_what_does_not_hold_is_asked_anew_and_kept(tmp_path: Path, spoil) -> None:  # type: ignore[no-untyped-def]
    place = tmp_path / "profiles.json"
    profiles_kept(str(place), STAMP)
    whole = place.read_bytes()
    place.write_bytes(spoil(whole))

    assert DECLARED == profiles_kept(str(place), STAMP)
    assert whole == place.read_bytes()


def test_a_changed_file_of_the_folder_changes_the_stamp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "protocols"
    (home / "codesys").mkdir(parents=True)
    for name in ("__init__.py", "modbus.py", "codesys/__init__.py"):
        (home / name).write_text("")
    monkeypatch.setattr(kept.protocols, "__file__", str(home / "__init__.py"))
    seen = [sources()]

    (home / "mine.py").write_text("")
    seen.append(sources())
    (home / "mine.py").write_text("PROTOCOL = 1\n")
    seen.append(sources())
    os.utime(home / "codesys" / "__init__.py", ns=(1, 1))
    seen.append(sources())

    assert len(seen) == len(set(seen))
    assert {"records.py", "modbus.py"} <= {Path(file).name for file, _, _ in seen[0]}


def test_without_a_place_to_write_the_modules_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    assert DECLARED == profiles_kept(str(tmp_path / "file" / "profiles.json"), STAMP)
    assert DECLARED == profiles_kept(None, STAMP)

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert DECLARED == profiles_kept(str(tmp_path / "profiles.json"), STAMP)
    assert not (tmp_path / "profiles.json").exists()


def test_modules_that_are_no_plain_files_have_no_stamp_and_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept.protocols, "__file__", str(tmp_path / "portbook.zip" / "__init__.py"))

    assert () == sources()
    assert DECLARED == profiles_kept(str(tmp_path / "profiles.json"), ())
    assert not (tmp_path / "profiles.json").exists()
