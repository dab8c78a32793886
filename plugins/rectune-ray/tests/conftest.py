"""One real cluster of two workers for all tests of this process."""

import pytest
from rectune_ray.executor import RayExecutor

RETRIES = 3


@pytest.fixture(scope="session")
def executor():
    started = RayExecutor(workers=2, retries=RETRIES)
    started.map(abs, [-1])
    yield started
    started.close()
