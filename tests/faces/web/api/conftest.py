"""One served book for all tests of the API: a plant's, with the demo's capture read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.asking import Api
from support.served import served


@pytest.fixture(scope="session")
def api(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Serve a filled book of which what tests write in it changes nothing that others ask for."""
    folder = tmp_path_factory.mktemp("api")
    copied = Path(shutil.copy(filled, folder / "book.sqlite"))
    with served(folder, "--policy", "opto22", book=copied) as running:
        asked = Api(running)
        asked.until("/status", lambda one: one["machine"]["looked"])
        yield asked


@pytest.fixture(scope="session")
def story(api: Api, filled: Path) -> Any:
    """Return the story of the demo's capture."""
    return api.sent((filled.parent / "plant.pcap").read_bytes(), name="plant.pcap")
