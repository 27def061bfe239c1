"""What is installed is what is meant: pins, files in the package, the browser of the tests."""

from __future__ import annotations

import fnmatch
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PINNED = ROOT / "requirements.txt"
PINNED_FOR_TESTS = ROOT / "requirements-dev.txt"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MADE = {".so", ".c"}  # by the compiler, where the code is installed in place


def pins(path: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", path.read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def test_the_first_command_installs_every_face_that_there_is() -> None:
    wanted = PROJECT["project"]["dependencies"] + [
        one for extra in PROJECT["project"]["optional-dependencies"].values() for one in extra
    ]
    names = {re.split(r"[^a-z0-9.-]", one.lower())[0].replace(".", "-") for one in wanted}

    assert names <= set(pins(PINNED))


def test_what_is_tested_is_what_is_installed() -> None:
    tested = pins(PINNED_FOR_TESTS)

    assert {name: tested.get(name) for name in pins(PINNED)} == pins(PINNED)


@pytest.mark.parametrize("path", [PINNED, PINNED_FOR_TESTS], ids=lambda path: path.name)
def test_pins_have_digests_and_no_addresses(path: Path) -> None:
    lines = path.read_text().splitlines()
    odd = [
        line
        for line in lines
        if not re.fullmatch(
            r"[a-z0-9-]+==\S+( ; [^/]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line
        )
    ]

    assert odd == []


def test_every_file_beside_the_code_is_in_the_package() -> None:
    source = ROOT / "src"
    data = PROJECT["tool"]["setuptools"]["package-data"]
    globs = [f"{name.replace('.', '/')}/{one}" for name, ones in data.items() for one in ones]
    beside = [
        path.relative_to(source).as_posix()
        for path in (source / "portbook").rglob("*")
        if path.is_file()
        and path.suffix not in {".py", *MADE}
        and path.parent.name != "__pycache__"
    ]
    missing = [one for one in beside if not any(fnmatch.fnmatch(one, glob) for glob in globs)]

    assert missing == []


def installed_by(folder: Path, **programs: str) -> subprocess.CompletedProcess[str]:
    """Run scripts/browser where only these programs are, each a line of shell."""
    tools = ("sh", "grep", "mktemp", "tail", "rm")
    for name in tools:
        (folder / name).symlink_to(
            next(filter(os.path.exists, (f"/bin/{name}", f"/usr/bin/{name}")))
        )
    for name, line in programs.items():
        program = folder / name.replace("_", "-")
        program.write_text(f"#!/bin/sh\n{line}\n")
        program.chmod(0o755)
    return subprocess.run(
        [str(ROOT / "scripts" / "browser")],
        env={"PATH": str(folder), "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


NOT_ROOT = "echo 1000"
ROOT_USER = "echo 0"
NO_PACKAGE = "exit 1"


@pytest.mark.parametrize(
    ("programs", "told"),
    [
        ({}, "no apt-get here; the browser tests want: chromium"),
        ({"apt_get": "exit 9", "id": NOT_ROOT}, "only root may install packages"),
        (
            {"apt_get": "echo E: no route; exit 100", "id": ROOT_USER, "dpkg_query": NO_PACKAGE},
            "E: no route\nscripts/browser: apt-get failed",
        ),
    ],
)
def test_a_browser_that_may_not_be_installed_is_no_failed_set_up(
    tmp_path: Path, programs: dict[str, str], told: str
) -> None:
    done = installed_by(tmp_path, **programs)

    assert done.returncode == 0
    assert told in done.stderr


def test_a_browser_is_installed_with_fonts_where_that_may_be(tmp_path: Path) -> None:
    done = installed_by(
        tmp_path,
        apt_get=f'echo "$@" >> {tmp_path}/asked',
        id=ROOT_USER,
        dpkg_query=NO_PACKAGE,
    )
    asked = (tmp_path / "asked").read_text().splitlines()

    assert (0, "") == (done.returncode, done.stderr)
    assert "update" in asked[0]
    assert re.search(r"install .*chromium fonts-\S+ fonts-\S+$", asked[1])


def test_nothing_is_installed_where_all_is_there(tmp_path: Path) -> None:
    done = installed_by(tmp_path, chromium="exit 9", dpkg_query="echo install ok installed")

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
