"""The script that makes the shipped table: its import rule, and what it refuses."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from portbook.claims.table import Row

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "import_registry.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("import_registry", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["import_registry"] = module
    spec.loader.exec_module(module)
    return module


KEPT = Row(80, 80, "tcp", "http", "World Wide Web HTTP", "[IESG]", "", "2021-10-01")
ALSO = KEPT._replace(name="www")
RENAMED = Row(5000, 5000, "udp", "old-name", "Old", "[Somebody]", "2001-01", note="a note")
RANGE = Row(6000, 6063, "tcp", "x11", "X Window System")
ANY = Row(6400, 6400, "", "boe-cms", "")
PORTLESS = Row(None, None, "tcp", "rdp", "")
ONLY_OLD = Row(7000, 7000, "tcp", "gone", "")


def test_the_import_rule(script: ModuleType) -> None:
    newer = {
        "80/tcp": ["www", "Another text"],
        "5000/udp": ["new-name", "New"],
        "9/dccp": ["discard", "Discard"],
        "6000/tcp": ["", "Reserved"],
    }

    merged = script.merge([KEPT, ALSO, RENAMED, RANGE, ANY, PORTLESS, ONLY_OLD], newer)

    assert {
        KEPT,
        ALSO,
        RANGE,
        ANY,
        PORTLESS,
        ONLY_OLD,
        Row(5000, 5000, "udp", "new-name", "New"),
        Row(9, 9, "dccp", "discard", "Discard"),
        Row(6000, 6000, "tcp", "", "Reserved"),
    } == set(merged.rows)
    assert (9, 2, 1, 1, 1) == (len(merged.rows), *merged[1:])


def test_a_package_with_another_sum_is_refused(script: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "avsos.whl"
    path.write_bytes(b"something else")

    with pytest.raises(SystemExit, match="nothing was written"):
        script.member(path, script.BASE)


def test_one_file_alone_is_a_wrong_use(script: ModuleType) -> None:
    assert 2 == script.main(["avsos.whl"])
