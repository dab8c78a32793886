"""Settings that hold for every test, and the platform that each one gets."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from platforms import Platform

settings.register_profile(
    "flagd", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("flagd")


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Platform(tmp_path)
