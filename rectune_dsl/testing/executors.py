"""A suite for authors of executors: subclass `ExecutorContract`, and give it a fixture `executor`.

    class TestMine(ExecutorContract):
        @pytest.fixture
        def executor(self):
            return Mine()

No patch release adds a test to it.
"""

from __future__ import annotations

import operator
import tomllib
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import pytest

from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import CONTROL, Arm, Config, Executor, ExperimentSpec, Moments, UsageError
from rectune_dsl.simulator.experiment import EPOCH, Experiment, Machine
from rectune_dsl.simulator.oracle import paired_lifts
from rectune_dsl.simulator.threads import Threads
from rectune_dsl.simulator.world import build_world

TASK = """
dsl = 1
[task]
name = "small"
surface = "feed"
[signals]
p_click = {}
p_like = {}
[stages.ranking]
keep = 4
score = "p_click + w_like * p_like"
[stages.ranking.params]
w_like = { production = 1.0, low = 0.1, high = 10.0 }
[metrics]
likes = { goal = "maximize" }
[experiment]
users_per_arm = 10_000
days = 2
[confirm]
users_per_arm = 10_000
days = 1
[simulator]
users = 40_000
items = 400
candidates = 12
"""


@dataclass(frozen=True)
class Failing:
    """Work that does not like one shard."""

    refused: int

    def __call__(self, shard: int) -> int:
        if shard == self.refused:
            raise UsageError(f"shard {shard} is refused", help="leave it out")
        return shard


class ExecutorContract:
    """What every executor has to do."""

    def test_results_come_in_the_order_of_the_shards(self, executor: Executor) -> None:
        shards = list(range(40, 0, -1))
        assert list(executor.map(partial(operator.mul, 3), shards)) == [3 * shard for shard in shards]

    def test_no_shards_have_no_results(self, executor: Executor) -> None:
        assert len(executor.map(partial(operator.mul, 3), [])) == 0

    def test_what_the_work_raises_is_raised_with_its_help(self, executor: Executor) -> None:
        with pytest.raises(UsageError, match="shard 3 is refused") as refused:
            executor.map(Failing(3), range(5))
        assert refused.value.help == "leave it out"
        assert list(executor.map(Failing(9), range(5))) == list(range(5))

    def test_an_experiment_has_the_bytes_that_one_thread_gives(self, executor: Executor) -> None:
        found, alone = (observed(Machine(by)) for by in (executor, Threads(1)))
        assert repr(found) == repr(alone)

    def test_the_truth_has_the_bytes_that_one_thread_gives(self, executor: Executor) -> None:
        task = Task.model_validate(tomllib.loads(TASK))
        world, configs = build_world(task.simulator), [Config({"w_like": w}) for w in (0.5, 3.0)]
        found, alone = (
            paired_lifts(task, world, configs, users=9_000, executor=by) for by in (executor, Threads(1))
        )
        assert repr(found) == repr(alone)


def observed(machine: Machine, days: int = 3) -> Moments:
    """A small experiment of several shards, after `days` days."""
    task = Task.model_validate(tomllib.loads(TASK))
    arms = (Arm(CONTROL, Config(task.production)), Arm("likes", Config({"w_like": 5.0})))
    spec = ExperimentSpec(
        key="k",
        purpose="explore",
        surface="feed",
        arms=arms,
        users_per_arm=task.experiment.users_per_arm,
        days=task.experiment.days,
        start=EPOCH,
        salt="salt",
    )
    experiment = Experiment(build_world(task.simulator), Funnel(task), spec, 1, machine=machine)
    return experiment.observe(EPOCH + timedelta(days=days))
