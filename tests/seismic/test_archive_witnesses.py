"""Independent readers find in the archives what stands in the recordings."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support import CAPTURES, needs_captures
from support.reftek import START_NS, event

from portbook.seismic import stations
from portbook.seismic.importing import run

pytestmark = pytest.mark.filterwarnings("ignore")  # ObsPy's own, about what it imports
MAP = stations.read(
    """
[unit.AE4C]
network = "XX"
station = "FUR"
location = "00"
stream.1 = ["HHZ", "HHN", "HHE"]
""",
    "map.toml",
)
# Samples of the real file, as int32 big-endian, agreed on by three decoders.
SAMPLES = {
    "HHZ": "20b9174662761f21bcfc6df2d8465ca18feb7302b94a027cbfba2131ded74a19",
    "HHN": "2755eb0dc7ff20e401de2949b50ad28c4b77aef33a941a65bb08bc06bebad619",
    "HHE": "f14636fb557fdaadc74981896b99f20cec92b995b7d013fe6de2d7fd12b8953c",
}


def _witness(name: str) -> ModuleType:
    """Return an independent reader's module, or skip."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason=f"{name}, the independent witness, is absent")


def _hash(parts: list[Any]) -> str:
    import hashlib

    import numpy as np

    return hashlib.sha256(np.concatenate(parts).astype(">i4").tobytes()).hexdigest()


def _real(tmp_path: Path) -> None:
    source = CAPTURES / "reftek" / "225051000_00008656"
    run([source], tmp_path / "raw", sds=tmp_path / "sds", stations=MAP)


@needs_captures
def test_obspy_reads_the_day_files_as_a_tree(tmp_path: Path) -> None:
    sds = _witness("obspy.clients.filesystem.sds")
    obspy = _witness("obspy")
    _real(tmp_path)
    client = sds.Client(str(tmp_path / "sds"))

    assert [("XX", "FUR")] == client.get_all_stations()

    begin = obspy.UTCDateTime(2015, 10, 9)
    for code, told in SAMPLES.items():
        found = client.get_waveforms("XX", "FUR", "00", code, begin, begin + 86400, merge=None)
        found.sort(["starttime"])

        assert told == _hash([trace.data for trace in found])
        assert obspy.UTCDateTime("2015-10-09T22:50:51") == found[0].stats.starttime
        assert 200.0 == found[0].stats.sampling_rate


@needs_captures
def test_libmseed_reads_the_day_files(tmp_path: Path) -> None:
    pymseed = _witness("pymseed")
    _real(tmp_path)
    found: dict[str, list[Any]] = {}
    for path in sorted((tmp_path / "sds").rglob("*.D.*")):
        for record in pymseed.MS3Record.from_file(str(path), unpack_data=True):
            found.setdefault(path.name.split(".")[3], []).append(record.np_datasamples.copy())

    assert SAMPLES == {code: _hash(parts) for code, parts in found.items()}


def test_obspy_reads_the_raw_archive_after_disorder(tmp_path: Path) -> None:
    obspy = _witness("obspy")
    every = event(seconds=60)
    (tmp_path / "in").write_bytes(b"".join(every[:9] + every[30:8:-1] + every[20:]))
    run([tmp_path / "in"], tmp_path / "raw")
    path = next((tmp_path / "raw").glob("2026005/9D20/1/*"))
    traces = obspy.read(str(path), format="REFTEK130")

    assert 3 == len(traces)
    assert {12000} == {len(one.data) for one in traces}
    assert {START_NS} == {one.stats.starttime.ns for one in traces}


@needs_captures
def test_obspy_reads_a_raw_archive_of_a_real_file(tmp_path: Path) -> None:
    obspy = _witness("obspy")
    _real(tmp_path)
    traces = obspy.read(str(tmp_path / "raw/2015282/AE4C/1/*"), format="REFTEK130")

    assert 8 == len(traces)  # the clock was set twice
    assert 20400 == sum(len(one.data) for one in traces)


def test_the_recordings_that_come_with_obspy_get_the_makers_names(tmp_path: Path) -> None:
    obspy = _witness("obspy")
    data = Path(obspy.__file__).parent / "io" / "reftek" / "tests" / "data"
    if not data.is_dir():
        pytest.skip("this ObsPy comes without its test data")
    result = run([data], tmp_path / "raw")
    made = {str(one.relative_to(tmp_path / "raw")) for one in (tmp_path / "raw").glob("*/*/*/*")}

    assert 68 == result.summary.written
    assert {
        "2015282/AE4C/1/225051000_00008656",
        "2016139/9EEF/1/104800000_000093F8",
        "2016100/91F5/9/065520000_013EE8A0",
    } <= made
    # the size that the maker's library gives to the state of these five files
    assert 325 == (tmp_path / "raw" / "archive.sta").stat().st_size
