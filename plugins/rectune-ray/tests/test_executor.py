"""Ray gives the same bytes as threads, whatever happens to its workers."""

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest

from rectune_dsl.hooks.api import BackendError
from rectune_dsl.plugins.host import Host
from rectune_dsl.simulator.experiment import Machine
from rectune_dsl.simulator.threads import Threads
from rectune_dsl.testing.executors import ExecutorContract, observed

RETRIES = 3


class TestRay(ExecutorContract):
    pass


class TestRayThroughTheHost(ExecutorContract):
    @pytest.fixture
    def executor(self, executor):
        return Host().executor("ray")


@dataclass(frozen=True)
class Noted:
    """Work that takes its time, and leaves a file named after its worker with each attempt."""

    work: object
    folder: Path

    def __call__(self, shard):
        (self.folder / f"{os.getpid()}-{time.time_ns()}").touch()
        time.sleep(0.4)
        return self.work(shard)


@dataclass(frozen=True)
class Noting:
    """An executor whose work is noted. `sent` are the shards."""

    executor: object
    folder: Path
    sent: list

    def map(self, work, shards):
        self.sent.extend(shards)
        return self.executor.map(Noted(work, self.folder), shards)


@dataclass(frozen=True)
class Deadly:
    """Work that ends its worker when it meets shard 2."""

    folder: Path

    def __call__(self, shard):
        if shard == 2:
            (self.folder / str(time.time_ns())).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return shard


@pytest.fixture(autouse=True)
def helpers_travel_by_value(executor):
    """Workers cannot import a file of tests."""
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def workers(folder):
    return [int(path.name.partition("-")[0]) for path in folder.iterdir()]


def test_two_workers_share_the_shards(executor, tmp_path):
    noting = Noting(executor, tmp_path, [])
    assert repr(observed(Machine(noting))) == repr(observed(Machine(Threads(1))))
    assert len(set(workers(tmp_path))) == 2
    assert os.getpid() not in workers(tmp_path)
    assert len(workers(tmp_path)) == len(noting.sent)


def test_a_killed_worker_changes_no_byte(executor, tmp_path):
    killed = []

    def kill_one():
        while not (at_work := workers(tmp_path)):
            time.sleep(0.02)
        time.sleep(0.1)
        os.kill(at_work[0], signal.SIGKILL)
        killed.append(at_work[0])

    killer = Thread(target=kill_one)
    killer.start()
    noting = Noting(executor, tmp_path, [])
    found = observed(Machine(noting))
    killer.join()
    assert len(killed) == 1
    assert len(workers(tmp_path)) > len(noting.sent), "no shard was worked on again"
    assert repr(found) == repr(observed(Machine(Threads(1))))


def test_retries_have_an_end_that_is_told(executor, tmp_path):
    with pytest.raises(BackendError, match=f"gave up after {RETRIES} retries") as lost:
        executor.map(Deadly(tmp_path), range(4))
    assert "threads" in lost.value.help
    assert len(list(tmp_path.iterdir())) == RETRIES + 1
    assert list(executor.map(Deadly(tmp_path), [0, 1, 3])) == [0, 1, 3]
