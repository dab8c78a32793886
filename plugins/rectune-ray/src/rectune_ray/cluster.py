"""A connection to Ray: one that is there, a cluster that is named, or a local one that is ours to stop."""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Any

_STORE_BYTES = 256 << 20
"""Room for results on the way; shards' moments are a few kilobytes each."""
_RUNTIME = {"worker_process_setup_hook": "rectune_ray.cluster.prepare"}
"""What workers do before anything else, on any cluster."""
_folders: list[Path] = []
"""The files of the local cluster, while there is one."""


def connected(workers: int | None, retries: int) -> Any:
    """The module `ray`, connected."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    named = os.environ.get("RAY_ADDRESS")
    if not named:
        _keep_to_this_machine()
    import ray

    if not ray.is_initialized():
        if named:
            ray.init(address=named, log_to_driver=False, logging_level=logging.WARNING, runtime_env=_RUNTIME)
        else:
            _start(ray, workers, retries)
    return ray


def prepare() -> None:
    """Import what the work needs before anything else happens in a worker: where NumPy's import begins in two
    threads at once, one may find it half made."""
    import numpy.random  # noqa: F401

    import rectune_dsl.simulator.shards  # noqa: F401


def stop() -> None:
    """Stop the local cluster and remove its files, if it is ours."""
    if not _folders:
        return
    import ray

    ray.shutdown()
    while _folders:
        shutil.rmtree(_folders.pop(), ignore_errors=True)


def _keep_to_this_machine() -> None:
    """Ray reads these when it is imported or started: no address but the loopback's, and nobody without a
    token that only this process and its workers know."""
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    if "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


def _start(ray: Any, workers: int | None, retries: int) -> None:
    # the paths of Ray's sockets must not become longer than a socket's path may be
    short = "/tmp" if os.path.isdir("/tmp") else None
    _folders.append(Path(tempfile.mkdtemp(prefix="ray-", dir=short)))
    atexit.register(stop)
    ray.init(
        address="local",
        num_cpus=workers,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.WARNING,
        object_store_memory=_STORE_BYTES,
        runtime_env=_RUNTIME,
        _temp_dir=str(_folders[-1]),
        _system_config={"task_oom_retries": retries},  # without it, they have no bound
    )
