"""Twenty deaths and freezes of a real receiver under load; and the soak itself sees faults."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.program import environment
from support.sockets import linux_only

pytestmark = linux_only
SCRIPT = Path(__file__).parents[2] / "scripts" / "soak_rtpd.py"


@pytest.fixture(scope="module")
def soak() -> ModuleType:
    spec = importlib.util.spec_from_file_location("soak_rtpd", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def soaked(folder: Path, kills: int, stops: int) -> dict[str, Any]:
    """Run it up to so many cycles, and return its report."""
    words = ["--folder", str(folder), "--kills", str(kills), "--stops", str(stops)]
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), *words],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        env=environment(folder.parent),
    )
    log = folder / "log"
    assert 0 == ended.returncode, (ended.stdout, ended.stderr, log.exists() and log.read_text())
    report: dict[str, Any] = json.loads(ended.stdout)
    return report


def test_twenty_deaths_and_freezes_refuse_nobody_and_lose_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "soak"
    first = soaked(folder, 9, 1)
    report = soaked(folder, 17, 3)  # goes on where the first stopped

    assert (9, 1) == (first["counts"]["kills"], first["counts"]["stops"])
    assert (17, 3) == (report["counts"]["kills"], report["counts"]["stops"])
    assert 0 == report["counts"].get("refused", 0)
    assert report["counts"]["answered"] > 100
    archive = report["archive"]
    assert 0 == archive["lost"] + archive["doubled"] + archive["damaged"] + archive["strange"]
    assert archive["acknowledged"] > first["archive"]["acknowledged"] > 100
    assert [] == report["wrong"]


def archived(soak: ModuleType, folder: Path, numbers: list[int]) -> Any:
    """Return a state, and an archive of one unit with these packets beside it."""
    state = soak.State(folder / "soak.json")
    state.session(soak.LINKED[0])
    state.safe["D001"] = [[0, 3]]
    file = folder / "raw" / "2026295" / "D001" / "1" / "000000000_00000000"
    file.parent.mkdir(parents=True)
    file.write_bytes(
        b"".join(soak.packet(soak.LINKED[0], number, state.begun_ns) for number in numbers)
    )
    return state, file


@pytest.mark.parametrize(
    ("numbers", "wrong"),
    [
        ([0, 1, 2], {}),
        ([0, 1, 2, 3], {}),  # more than was acknowledged is no fault
        ([0, 2], {"lost": 1}),
        ([0, 1, 1, 2], {"doubled": 1}),
        ([], {"lost": 3}),
    ],
)
def test_what_is_missing_or_doubled_in_an_archive_is_seen(
    numbers: list[int], wrong: dict[str, int], soak: ModuleType, tmp_path: Path
) -> None:
    state, _ = archived(soak, tmp_path, numbers)
    found = soak.checked(tmp_path / "raw", state)

    assert {key: found[key] for key in ("lost", "doubled", "damaged", "strange") if found[key]} == (
        wrong
    )


def test_a_damaged_packet_and_a_torn_file_are_seen(soak: ModuleType, tmp_path: Path) -> None:
    state, file = archived(soak, tmp_path, [0, 1, 2])
    octets = bytearray(file.read_bytes())
    octets[1024 + 500] ^= 1
    file.write_bytes(octets + b"torn")
    found = soak.checked(tmp_path / "raw", state)

    assert (1, 1, 1) == (found["strange"], found["damaged"], found["lost"])


def test_refusals_and_slowness_are_faults(soak: ModuleType) -> None:
    archive = dict.fromkeys(("damaged", "doubled", "lost", "strange"), 0)
    report = {
        "counts": {"refused": 2, "unanswered": 0},
        "archive": archive,
        "left": 1,
        "stop_notice_s": {"max": 2.5},
        "kill_again_s": {"max": 0.9},
    }

    assert ["2 refused", "1 packets were never acknowledged"] == soak.faults(report, strict=False)
    assert "stop: notice_s 2.5 is above 2.0" in soak.faults(report, strict=True)
    assert not any("kill" in fault for fault in soak.faults(report, strict=True))
