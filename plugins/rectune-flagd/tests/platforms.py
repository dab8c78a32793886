"""A flag file, deliveries that write it, and the real provider that reads it."""

from __future__ import annotations

import contextlib
import threading
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.evaluation_context import EvaluationContext
from rectune_flagd.delivery import FlagdDelivery
from scipy.stats import binomtest

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Arm, BackendContext, Config, ExperimentSpec

TASK = """
dsl = 1
[task]
name = "feed"
surface = "home-feed"
[signals]
p = {}
[stages.ranking]
keep = 10
score = "a * p + b"
[stages.ranking.params]
a = { production = 1.0, low = 0.0, high = 5.0 }
b = { production = 0.5, low = 0.0, high = 5.0 }
[metrics]
watch = { goal = "maximize" }
[experiment]
backend = "warehouse"
delivery = "flagd"
users_per_arm = 1000
days = 3
[confirm]
users_per_arm = 1000
days = 3
[plugins.flagd]
file = "flags.json"
time = "now"
"""
FIRST = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
USERS = tuple(f"user-{number}" for number in range(10_000))
PRODUCTION = Config({"a": 1.0, "b": 0.5})
UNLIKELY = 1e-6


def binomial(count: int, of: int, share: float) -> bool:
    """Whether so many are as likely as chance has it."""
    return bool(binomtest(count, of, share).pvalue > UNLIKELY)


def spec_of(**changes: Any) -> ExperimentSpec:
    """An experiment of 3 arms that takes half of 12,000 users, for 3 days."""
    arms = (Arm("control", PRODUCTION), Arm("r1-a", Config({"a": 2.0, "b": 0.5})))
    spec = ExperimentSpec(
        key="feed-1/round-1/experiment/abc",
        purpose="explore",
        surface="home-feed",
        arms=(*arms, Arm("r1-b", Config({"a": 1.0, "b": 3.0}))),
        users_per_arm=2_000,
        days=3,
        start=FIRST,
        salt="feed/0/round-1/experiment",
    )
    return replace(spec, **changes)


@dataclass
class Platform:
    """A folder with a flag file. `population` is what every experiment is made for."""

    folder: Path
    population: int = 12_000

    @property
    def path(self) -> Path:
        return self.folder / "flags.json"

    def delivery(self, production: Mapping[str, float] = PRODUCTION.values, **settings: str) -> FlagdDelivery:
        """A new one, as a new process makes it."""
        tree = tomllib.loads(TASK)
        tree["plugins"]["flagd"] |= settings
        tree["stages"]["ranking"]["params"] = {
            name: {"production": value, "low": 0.0, "high": 9.0} for name, value in production.items()
        }
        return FlagdDelivery(BackendContext(Task.model_validate(tree), seed=0, folder=self.folder))

    def launch(self, spec: ExperimentSpec, fraction: float | None = None, **task: Any) -> FlagdDelivery:
        """Make an experiment and start it."""
        delivery = self.delivery(**task)
        delivery.create(spec, spec.key, self.population)
        if fraction is not None:
            delivery.set_exposure(spec.key, fraction, at=spec.start)
        delivery.start(spec.key)
        return delivery

    def values(
        self,
        users: Iterable[str] = USERS,
        at: datetime | None = FIRST,
        flag: str = "home-feed",
        **attributes: Any,
    ) -> dict[str, Mapping[str, Any]]:
        """What the provider gives each user at a time; at the clock's, where there is none."""
        now = {} if at is None else {"now": at.timestamp()}
        with provider(self.path) as asked:
            found = {}
            for user in users:
                context = EvaluationContext(user, {**now, **attributes})
                details = asked.resolve_object_details(flag, {}, context)
                assert details.error_code is None
                assert isinstance(details.value, Mapping)
                found[user] = details.value
            return found

    def arms(
        self, experiment: str, users: Sequence[str] = USERS, at: datetime | None = FIRST, **attributes: Any
    ) -> dict[str, str]:
        """Users of an experiment -> their arms."""
        values = self.values(users, at, **attributes)
        return {user: v["arm"] for user, v in values.items() if v["experiment"] == experiment}


@contextlib.contextmanager
def provider(path: Path) -> Iterator[FlagdProvider]:
    """The real provider, which has read the file."""
    made = FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=str(path), deadline_ms=20)
    made.initialize(EvaluationContext())
    try:
        yield made
    finally:
        made.shutdown()
        for thread in threading.enumerate():
            if thread.name == "FlagdFileWatcherWorkerThread":
                thread.join()
