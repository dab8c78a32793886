"""A cluster that somebody else started, and that `RAY_ADDRESS` names."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

DRIVER = """
import sys
from rectune_dsl.plugins.host import Host
from rectune_dsl.simulator.experiment import Machine
from rectune_dsl.simulator.threads import Threads
from rectune_dsl.testing.executors import observed

executor = Host().executor("ray")
print("prepared", *executor.map(lambda shard: "rectune_dsl.simulator.shards" in sys.modules, range(2)))
print("same bytes", repr(observed(Machine(executor))) == repr(observed(Machine(Threads(1)))))
executor.close()
"""
PATIENCE = 60
"""Seconds."""


@pytest.fixture
def environment():
    """What finds the cluster: its address, and a token for it."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    return {**outside, **token, "RAY_ADDRESS": f"127.0.0.1:{port}"}


@pytest.fixture
def cluster(environment):
    """The process that holds a cluster of two workers on the loopback address."""
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    options = {
        "node-ip-address": "127.0.0.1",
        "port": environment["RAY_ADDRESS"].rpartition(":")[2],
        "num-cpus": 2,
        "include-dashboard": "false",
        "object-store-memory": 256 << 20,
        "temp-dir": folder,
    }
    written = [f"--{name}={value}" for name, value in options.items()]
    command = [Path(sys.executable).with_name("ray"), "start", "--head", "--block", "--disable-usage-stats"]
    surroundings = {name: value for name, value in environment.items() if name != "RAY_ADDRESS"}
    with (folder / "log").open("w") as log:
        started = subprocess.Popen(
            [*command, *written], env=surroundings, stdout=log, stderr=log, start_new_session=True
        )
    _wait_until(lambda: "runtime started" in (folder / "log").read_text())
    yield started
    started.send_signal(signal.SIGTERM)
    started.wait(PATIENCE)
    shutil.rmtree(folder, ignore_errors=True)


def _wait_until(true):
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "the cluster does not start"
        time.sleep(0.2)


def test_its_workers_are_prepared_give_the_same_bytes_and_are_left_running(cluster, environment):
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", DRIVER], env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.stdout.splitlines() == ["prepared True True", "same bytes True"], done.stderr
        assert cluster.poll() is None
