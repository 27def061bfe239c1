"""Settings of all tests."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "portbook", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60
)
settings.load_profile("portbook")
