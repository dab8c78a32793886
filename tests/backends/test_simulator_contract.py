"""The simulator keeps the backends' contract, with all well and with faults on purpose."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rectune_dsl.backends.simulator import SimulatorBackend
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Arm, BackendContext, Cohort, Config, ExperimentSpec
from rectune_dsl.hooks.serving import cohorts, served
from rectune_dsl.simulator.days import Block, Setting
from rectune_dsl.simulator.experiment import EPOCH, Experiment
from rectune_dsl.simulator.faults.arm import NO_FAULTS
from rectune_dsl.testing.backend_contract import BackendContract, Rig, Row

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
watch_minutes = { goal = "maximize", covariate = "watch_minutes_before" }
latency_p90 = { kind = "quantile", column = "latency_ms", quantile = 0.9 }
likes = {}
hates = {}
[experiment]
users_per_arm = 250
days = 3
[confirm]
users_per_arm = 250
days = 3
[simulator]
users = 3_000
items = 400
candidates = 12
"""
FAULTS = """
[simulator.faults]
delays = { likes = 2 }
missing = ["hates"]
"""
DAY = timedelta(days=1)


class SimulatorRig(Rig):
    """The platform is the process: what the newest backend object holds."""

    def __init__(self, text: str = TASK) -> None:
        self._task = Task.model_validate(tomllib.loads(text))
        arms = [Arm(f"w{w}", Config({"w_like": float(w)})) for w in (1, 3, 9)]
        arms[0] = Arm("control", arms[0].config)
        self.spec = ExperimentSpec("key", "explore", "feed", tuple(arms), 250, 3, EPOCH, "salt")
        self.caps = {"watch_minutes": 3.0}
        self._now, self._newest = EPOCH, SimulatorBackend(BackendContext(self._task, 1))

    def backend(self) -> SimulatorBackend:
        self._newest = SimulatorBackend(BackendContext(self._task, 1))
        return self._newest

    def pass_until(self, moment: datetime) -> None:
        self._now = max(self._now, moment)

    def arms_of(self, experiment: str) -> Mapping[str, str]:
        """Those who were served on the day that has just ended."""
        found = self._experiment(experiment)
        today = max((self._now - found.spec.start) // DAY - 1, 0)
        return {str(user): arm for user, arm in self._people(found, today)}

    def rows(self, experiment: str, until: datetime) -> Sequence[Row]:
        found, rows = self._experiment(experiment), []
        days = (until - found.spec.start) // DAY
        size = 1 if found.spec.unit == "user" else found._world.file.users.household
        for cohort in _cohorts(found):
            if cohort.first >= max(days, 1):
                continue
            work = found._arms(cohort)
            for arm, setting, members in zip(found.spec.arms, work.settings, work.members, strict=True):
                ids = members.within(0, found._world.population)
                block = Block(replace(setting, caps={}, faults=NO_FAULTS), ids)
                block.advance(min(days - cohort.first, cohort.days + 1))
                values = block.columns().T.tolist()
                rows += [
                    Row(str(user), arm.name, _named(setting, of), f"unit {user // size}", of[-1] > 0)
                    for user, of in zip(ids.tolist(), values, strict=True)
                ]
        return rows

    def experiments(self) -> Sequence[str]:
        return list(self._newest._experiments)

    def production(self) -> Config:
        return self._newest._serves

    def _experiment(self, experiment: str) -> Experiment:
        return self._newest._experiments[experiment]

    def _people(self, found: Experiment, day: int) -> Iterator[tuple[int, str]]:
        for cohort in _cohorts(found):
            if cohort.first <= day < cohort.first + cohort.days:
                for arm, members in zip(found.spec.arms, found._arms(cohort).members, strict=True):
                    users = members.within(0, found._world.population).tolist()
                    yield from ((user, arm.name) for user in users)


def _cohorts(found: Experiment) -> tuple[Cohort, ...]:
    spec = found.spec
    return cohorts(served(spec.start, found._servings, spec.lasts, spec.ramp.first))


def _named(setting: Setting, values: list[float]) -> dict[str, float]:
    return dict(zip(setting.columns, values, strict=False))


class TestSimulator(BackendContract):
    @pytest.fixture
    def rig(self) -> SimulatorRig:
        return SimulatorRig()


class TestSimulatorWithFaults(BackendContract):
    @pytest.fixture
    def rig(self) -> SimulatorRig:
        rig = SimulatorRig(TASK + FAULTS)
        rig.late, rig.unmeasured = ("likes",), ("hates",)
        return rig
