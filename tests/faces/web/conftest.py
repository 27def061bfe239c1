"""What tests of pages share: one browser a run, and pages of it for this or that reader."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.browser import CHROMIUM, NO_CHROMIUM, Chromium, browsing


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """Start Chromium for the whole run; a test that asks for it skips where there is none."""
    if CHROMIUM is None:
        pytest.skip(NO_CHROMIUM)
    with browsing() as started:
        yield started
