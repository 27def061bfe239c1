"""Settings of all tests."""

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "portbook",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=60,
    derandomize="CI" in os.environ,  # CI repeats itself; everybody else's run explores
)
settings.load_profile("portbook")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let those go first that need a process without the threads and children of the others."""
    items.sort(key=lambda item: item.get_closest_marker("alone") is None)
