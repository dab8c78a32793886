"""A small task in which things go wrong, and what its backend shows of them."""

import tomllib
from dataclasses import replace
from datetime import timedelta

import pytest

from rectune_dsl.backends.simulator import SimulatorBackend
from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.estimates import estimate
from rectune_dsl.experiments.verdicts import verdict
from rectune_dsl.hooks.api import Arm, BackendContext, Config, ExperimentSpec
from rectune_dsl.simulator.experiment import EPOCH

TASK = """
dsl = 1
[task]
name = "rehearsal"
surface = "feed"
[signals]
p_click = {}
p_like = {}
is_new_user = { kind = "user" }
[stages.ranking]
keep = { production = 15, low = 8, high = 30 }
score = "p_click + 20 * p_like"
[stages.re_ranking]
keep = 6
score = "score"
[stages.re_ranking.params]
topic_penalty = { production = 0.0, low = 0.0, high = 1.0 }
[stages.re_ranking.diversity]
by = "topic"
penalty = "topic_penalty"
[metrics]
clicks = { goal = "maximize" }
topics_shown = {}
next_day_return = { kind = "proportion", matures_after_days = 1 }
click_rate = { kind = "ratio", numerator = "clicks", denominator = "impressions" }
[guardrails]
next_day_return = ">= -90%"
latency_ms = "<= 500"
[experiment]
users_per_arm = 600
days = 3
[confirm]
users_per_arm = 600
days = 3
[simulator]
users = 40_000
items = 400
candidates = 40
"""
ALL = """
lost_users = 0.1
delays = { hates = 2, clicks = 1 }
missing = ["likes"]
bots = { share = 0.1 }
outliers = { share = 0.1 }
interference = 0.3
drift = { day = 1, slope = 0.5, bias = 0.5 }
"""


class Rehearsal:
    """`plain` is the task without faults; `other` is a config with more topics and more latency."""

    text, every_fault = TASK, ALL

    def __init__(self):
        self.plain = Task.model_validate(tomllib.loads(TASK))
        self.production = Config(self.plain.production)
        self.other = Config({**self.plain.production, "ranking.keep": 30, "topic_penalty": 1.0})

    def task(self, faults="", tables="", text=TASK):
        return Task.model_validate(tomllib.loads(f"{text}{tables}\n[simulator.faults]\n{faults}"))

    def spec(self, *configs, **given):
        arms = tuple(Arm(f"p{number}", config) for number, config in enumerate(configs or (self.other,)))
        known = ExperimentSpec(
            key="k",
            purpose="confirm",
            surface="feed",
            arms=(Arm("control", self.production), *arms),
            users_per_arm=600,
            days=3,
            start=EPOCH,
            salt="salt",
        )
        return replace(known, **given)

    def backend(self, task):
        return SimulatorBackend(BackendContext(task, 1))

    def observe(self, task, days=4, *configs, **given):
        """What a backend shows of the spec after so many days."""
        asked = self.spec(*configs, **given)
        platform = self.backend(task)
        return platform.observe(platform.create(asked, asked.key), EPOCH + timedelta(days=days))

    def column(self, observation, name, arm=0):
        return observation.arms[arm].sums[observation.columns.index(name)]

    def lifts(self, observation):
        """The first treatment's, by metric."""
        found = estimate(observation, self.plain.judged)
        return dict(zip(found.metrics, found.lift[0], strict=True))

    def verdict(self, observation, task):
        """As of a confirmation."""
        return verdict(task, observation, spec=self.spec(), confirmation=1)


@pytest.fixture(scope="session")
def on():
    """`on.observe(on.task("lost_users = 0.3"))`"""
    return Rehearsal()
