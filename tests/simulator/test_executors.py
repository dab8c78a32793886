"""Who computes changes nothing: threads, processes, in any order."""

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from rectune_dsl.backends.simulator import SimulatorBackend
from rectune_dsl.funnel.choice import VARIABLE
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import BackendContext
from rectune_dsl.hooks.errors import PluginError
from rectune_dsl.plugins.host import Host
from rectune_dsl.simulator.assignment import Everyone
from rectune_dsl.simulator.days import Setting
from rectune_dsl.simulator.experiment import EPOCH, Experiment, Machine
from rectune_dsl.simulator.responses import draw
from rectune_dsl.simulator.shards import BLOCK, Daily
from rectune_dsl.simulator.threads import Threads
from rectune_dsl.testing.executors import ExecutorContract, observed


class Processes:
    """An executor as one would write it first. The processes share nothing with this one."""

    def map(self, work, shards):
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
            return list(pool.map(work, shards))


class Backwards:
    def map(self, work, shards):
        return [work(shard) for shard in shards[::-1]][::-1]


class Forgetful:
    def map(self, work, shards):
        return [work(shard) for shard in shards[1:]]


class Counting(Threads):
    def map(self, work, shards):
        calls.append(len(shards))
        return super().map(work, shards)


calls = []


class TestThreads(ExecutorContract):
    @pytest.fixture(params=[1, 2, 5])
    def executor(self, request):
        return Threads(request.param)


class TestProcesses(ExecutorContract):
    @pytest.fixture
    def executor(self):
        return Processes()


class TestBackwards(ExecutorContract):
    @pytest.fixture
    def executor(self):
        return Backwards()


class TestThroughTheHost(ExecutorContract):
    @pytest.fixture
    def executor(self):
        return Host().executor("threads")


def test_an_executor_that_loses_a_result_is_found_out():
    with pytest.raises(PluginError, match="gave 5 results for 6 shards"):
        observed(Machine(Forgetful()))


def test_results_are_added_in_parts_that_change_no_bit(monkeypatch):
    whole = repr(observed(Machine(Threads(1))))
    monkeypatch.setattr("rectune_dsl.simulator.shards._HELD_BYTES", 10_000)
    calls.clear()
    assert repr(observed(Machine(Counting(1)))) == whole
    assert len(calls) > 1


@pytest.fixture
def arms(task, world, changed):
    setting = Setting(world, Funnel(task), changed(), 5, 0, 3, draw)
    return Daily((setting, setting), (Everyone(7, 30_007), Everyone(90, 95)))


def test_shards_are_all_users_once_and_about_as_large(arms):
    ids = [[], []]
    for shard in arms.shards():
        part = arms.members[shard.arm].within(shard.start, shard.stop)
        assert part.size <= BLOCK
        ids[shard.arm] += part.tolist()
    assert ids == [list(range(7, 30_007)), list(range(90, 95))]


def test_work_is_small_and_its_world_is_built_once_per_process(task, arms):
    _ = task.params, task.stages["ranking"].constants  # what was computed does not travel
    sent = pickle.dumps(arms)
    assert len(sent) < 20_000
    received, again = pickle.loads(sent), pickle.loads(sent)
    assert received.settings[0].world is again.settings[0].world
    shard = arms.shards()[-1]
    assert np.array_equal(received(shard).products, arms(shard).products)


@pytest.mark.parametrize(("there", "here"), [("numpy", "numba"), ("numba", "numpy")])
def test_the_kernel_travels_with_the_work(arms, monkeypatch, there, here):
    pytest.importorskip("numba")

    used = []

    def noted(requests, seen):
        used.append(type(requests._scores).__name__)
        return draw(requests, seen)

    def noting(work):
        return replace(work, settings=tuple(replace(setting, respond=noted) for setting in work.settings))

    monkeypatch.setenv(VARIABLE, there)
    work, shard = Daily(arms.settings, arms.members), arms.shards()[-1]
    expected = noting(work)(shard)
    monkeypatch.setenv(VARIABLE, here)
    received = noting(pickle.loads(pickle.dumps(work)))
    assert repr(received(shard)) == repr(expected)
    assert set(used) == {{"numpy": "PlainScores", "numba": "CompiledScores"}[there]}


def test_the_backend_computes_with_what_the_task_names(task, make_spec):
    calls.clear()
    backend = SimulatorBackend(BackendContext(task, 1, executor=Counting()))
    backend.create(make_spec(), "k")
    assert calls == []
    backend.observe("k", EPOCH)
    backend.baseline(1)
    backend.oracle_lifts([])
    assert len(calls) == 3


def test_a_look_simulates_once_whatever_day_it_asks_for(world, funnel, make_spec):
    calls.clear()
    experiment = Experiment(world, funnel, make_spec(), 1, machine=Machine(Counting()))
    for _ in range(3):
        experiment.observe(EPOCH)
    assert calls == [2]
