"""Settings of all tests."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "portbook",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=60,
    derandomize="CI" in os.environ,  # CI repeats itself; everybody else's run explores
)
settings.load_profile("portbook")
