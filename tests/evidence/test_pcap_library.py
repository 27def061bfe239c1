"""Finding the system's libpcap, and what is said where there is none."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from portbook.errors import SourceError
from portbook.evidence import pcap_library


def test_without_it_one_is_told_what_to_install_and_the_way_around() -> None:
    with pytest.raises(SourceError, match=r"is not installed.*\| portbook read -"):
        pcap_library.load(["no-such-library.so.9"])


def test_a_library_that_is_another_one_is_passed_over() -> None:
    from ctypes.util import find_library

    other = find_library("c") or find_library("m")
    if other is None:
        pytest.skip("this system names no C library")
    with pytest.raises(SourceError, match="is not installed"):
        pcap_library.load([other])


@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="tcpdump, the witness, is absent")
def test_it_is_the_one_that_tcpdump_names() -> None:
    told = subprocess.run(["tcpdump", "--version"], capture_output=True, text=True, check=True)
    version = (pcap_library.version() or "").removeprefix("libpcap version ").split()[0]

    assert version
    assert version in told.stdout + told.stderr


def test_where_there_is_none_its_version_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcap_library, "_candidates", lambda: ["no-such-library.so.9"])
    pcap_library.library.cache_clear()
    try:
        assert pcap_library.version() is None
    finally:
        pcap_library.library.cache_clear()
