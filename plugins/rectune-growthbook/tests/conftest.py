"""A GrowthBook with users on it, and a task that tunes their feed."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from rectune_growthbook.backend import GrowthBook
from rectune_growthbook.testing import GrowthBookServer, People, Platform
from rectune_growthbook.testing.feed import METRICS, PRODUCTION, Feed

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Arm, BackendContext, Config, ExperimentSpec

settings.register_profile(
    "plugin", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("plugin")

KEY = "secret_admin_5f3a"
DAY = timedelta(days=1)
FIRST = datetime(2026, 3, 2, tzinfo=UTC)
TASK = """
dsl = 1
[task]
name = "feed"
surface = "home-feed"
[signals]
p_long = {}
p_like = {}
p_hate = {}
[stages.ranking]
keep = 10
score = "p_long + w_like * p_like - w_hate * p_hate"
[stages.ranking.params]
w_like = { production = 1.0, low = 0.1, high = 10.0, scale = "log" }
w_hate = { production = 1.0, low = 0.2, high = 5.0, scale = "log" }
[metrics]
watch_minutes = { goal = "maximize" }
hate_rate = { goal = "minimize", weight = 0.1 }
next_day_return = { kind = "proportion" }
[guardrails]
hate_rate = "<= +30%"
next_day_return = ">= -10%"
[experiment]
backend = "growthbook"
rounds = 2
arms = 2
users_per_arm = 400
days = 3
[confirm]
users_per_arm = 400
days = 3
[plugins.growthbook]
url = "URL"
feature = "feed"
datasource = "ds_1"
assignment_query = "user_id"
namespace = "ns-feed"
population = 3600
requests_per_minute = 100000
[plugins.growthbook.metrics]
watch_minutes = "fact__minutes"
hate_rate = "fact__hate_rate"
next_day_return = "fact__return"
"""


@dataclass
class Lab:
    """A server, and what a backend on it is made from."""

    server: GrowthBookServer

    @property
    def platform(self) -> Platform:
        return self.server.platform

    @property
    def text(self) -> str:
        return TASK.replace("URL", self.server.url)

    def task(self, **settings: Any) -> Task:
        """The task; with other settings of the plugin."""
        table = tomllib.loads(self.text)
        table["plugins"]["growthbook"] |= settings
        return Task.model_validate(table)

    def backend(self, task: Task | None = None, **settings: Any) -> GrowthBook:
        return GrowthBook(BackendContext(task or self.task(**settings), seed=1))

    def spec(self, **changes: Any) -> ExperimentSpec:
        """Control and two treatments, 400 users each, for three days."""
        configs = [("control", PRODUCTION), ("a", {"w_like": 2.0, "w_hate": 1.0})]
        configs.append(("b", {"w_like": 6.0, "w_hate": 0.5}))
        arms = tuple(Arm(name, Config(dict(values))) for name, values in configs)
        spec = ExperimentSpec("run-1/round-1", "explore", "home-feed", arms, 400, 3, FIRST, "feed/0/round-1")
        return replace(spec, **changes)

    def started(self) -> tuple[GrowthBook, str]:
        """An experiment whose first day is over, and its backend."""
        backend, spec = self.backend(), self.spec()
        experiment = backend.create(spec, spec.key)
        backend.start(experiment)
        self.pass_days(1)
        return backend, experiment

    def pass_days(self, days: float) -> datetime:
        """So many days of the experiment are over."""
        moment = FIRST + days * DAY
        self.platform.pass_until(moment)
        return moment

    def arms_of(self, experiment: str) -> dict[str, str]:
        """Who would be served which arm, had he come in the last second: an experiment's days end with a
        midnight to which tests let time pass. Not those of a stopped arm, who are served something else."""
        found, platform = self.platform.experiments[experiment], self.platform
        last = platform.now - timedelta(seconds=1)
        served = platform.people.arms(platform.definition(), found["trackingKey"], last)
        arms = [(one["key"], json.loads(one["description"])) for one in found["variations"]]
        return {user: arms[number][0] for user, (number, value) in served.items() if value == arms[number][1]}

    def production(self) -> Mapping[str, float]:
        return json.loads(self.platform.flag["defaultValue"])


@pytest.fixture
def lab(monkeypatch):
    """A new GrowthBook the day before an experiment may start. It is asked again at once."""
    monkeypatch.setenv("GROWTHBOOK_API_KEY", KEY)
    monkeypatch.setattr("rectune_growthbook.client.BACKOFF_SECONDS", 0.001)
    monkeypatch.setattr("rectune_growthbook.backend.POLL_SECONDS", 0.001)
    people = People(3600, Feed())
    platform = Platform(people, FIRST - DAY / 2 + timedelta(microseconds=123_457), METRICS, PRODUCTION)
    with GrowthBookServer(platform, KEY) as server:
        yield Lab(server)
