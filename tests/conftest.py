"""Settings that hold for every test."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does

from hypothesis import HealthCheck, settings

# task files below here are read by tests; they are not to be tested themselves
collect_ignore_glob = ["*.toml"]

settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("dev", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
