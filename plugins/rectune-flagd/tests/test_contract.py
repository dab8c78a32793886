"""The warehouse and flagd together keep the contract: real flags, the real provider, a real DuckDB."""

from __future__ import annotations

import contextlib
import json
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from openfeature.evaluation_context import EvaluationContext
from oracle import hashed
from platforms import DAY, FIRST, PRODUCTION, TASK, provider, spec_of
from rectune_flagd.delivery import FlagdDelivery

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import ABBackend, Arm, BackendContext, Config, ExperimentSpec
from rectune_dsl.testing.backend_contract import BackendContract, Rig, Row

duckdb = pytest.importorskip("duckdb")
warehouse = pytest.importorskip("rectune_warehouse.backend", reason="rectune-warehouse is not installed")

MEASURED = """
[plugins.warehouse]
url = "duckdb://events.duckdb"
population = 1_200
[plugins.warehouse.events.events]
event_id = "event_id"
[plugins.warehouse.columns]
watch = { value = "value", where = { name = "watch" } }
visits = { where = { name = "watch" } }
"""
TABLES = """
create table exposures (experiment text, arm text, user_id text, "at" timestamp);
create table events (event_id text, user_id text, name text, value double, "at" timestamp);
"""
PEOPLE = tuple(f"u{number}" for number in range(1_200))


class PairRig(Rig):
    """People who come on some days, at times of their own, and are served what the flag says then."""

    caps: Mapping[str, float] = {"watch": 12.0}

    def __init__(self, folder: Path) -> None:
        arms = (Arm("control", PRODUCTION), Arm("a", Config({"a": 2.0, "b": 0.5})))
        arms = (*arms, Arm("b", Config({"a": 1.0, "b": 3.0})))
        self.spec: ExperimentSpec = spec_of(arms=arms, users_per_arm=130)
        self._folder, self._now = folder / "platform", FIRST - 5 * DAY
        self._folder.mkdir()
        with self._tables() as tables:
            tables.execute(TABLES)

    def backend(self) -> ABBackend:
        context = BackendContext(self._task, 0, self._folder)
        delivery = FlagdDelivery(context)
        made: ABBackend = warehouse.Warehouse(BackendContext(self._task, 0, self._folder, delivery=delivery))
        return made

    def pass_until(self, moment: datetime) -> None:
        visits = [
            visit
            for day in range((self._now - FIRST).days, (moment - FIRST).days + 1)
            for visit in _visits(FIRST + day * DAY)
            if self._now <= visit[1] < moment
        ]
        if visits:
            self._live(visits)
        self._now = max(self._now, moment)

    def arms_of(self, experiment: str) -> Mapping[str, str]:
        """By what is served in the last second that has passed: at the end of an experiment that is its."""
        at = self._now - timedelta(seconds=1)
        values = self._asked([(user, at) for user in PEOPLE])
        return {
            user: v["arm"] for user, v in zip(PEOPLE, values, strict=True) if v["experiment"] == experiment
        }

    def rows(self, experiment: str, until: datetime) -> Sequence[Row]:
        """One user after the other, event by event. Nothing counts that happened after its days."""
        end = min(until, self._ends(experiment) or until).replace(tzinfo=None)
        with self._tables() as tables:
            exposures = tables.execute("select * from exposures").fetchall()
            events = tables.execute('select user_id, value, "at" from events').fetchall()
        first: dict[str, tuple[datetime, str]] = {}
        for of, arm, user, at in exposures:
            if of == experiment and at < end:
                first[user] = min(first.get(user, (at, arm)), (at, arm))
        totals: dict[str, dict[str, float]] = defaultdict(lambda: {"watch": 0.0, "visits": 0.0})
        for user, value, at in events:
            if user in first and first[user][0] <= at < end:
                totals[user]["watch"] += value
                totals[user]["visits"] += 1
        return [Row(user, arm, totals[user]) for user, (_, arm) in first.items()]

    def experiments(self) -> Sequence[str]:
        return list(self._state()["trials"]) if self._flags.exists() else []

    def production(self) -> Config:
        (value,) = self._asked([("", self._now)])
        return Config(value["config"])

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        """The disk with the flags and the events is gone."""
        gone = self._folder.with_name("gone")
        self._folder.rename(gone)
        try:
            yield
        finally:
            gone.rename(self._folder)

    @cached_property
    def _task(self) -> Task:
        metrics = (
            'watch_p90 = { kind = "quantile", column = "watch", quantile = 0.9 }\nvisits = {}\n[experiment]'
        )
        return Task.model_validate(tomllib.loads(TASK.replace("[experiment]", metrics) + MEASURED))

    @property
    def _flags(self) -> Path:
        return self._folder / "flags.json"

    def _tables(self) -> Any:
        return duckdb.connect(str(self._folder / "events.duckdb"))

    def _state(self) -> Any:
        return json.loads(self._flags.read_text())["$rectune"]["home-feed"]

    def _ends(self, experiment: str) -> datetime | None:
        """When its days are over; a ramp puts that off."""
        spec = self._state()["trials"][experiment]["spec"]
        if spec is None or spec["ramp"]["steps"]:
            return None
        return datetime.fromisoformat(spec["start"]) + spec["days"] * DAY

    def _asked(self, visits: Sequence[tuple[str, datetime]]) -> list[Mapping[str, Any]]:
        """What the provider has for users at their times; the application's own default without a flag."""
        default = {"experiment": None, "arm": None, "config": dict(self.spec.arms[0].config.values)}
        if not self._flags.exists():
            return [default] * len(visits)
        with provider(self._flags) as asked:
            contexts = [EvaluationContext(user, {"now": at.timestamp()}) for user, at in visits]
            return [asked.resolve_object_details("home-feed", {}, context).value for context in contexts]  # type: ignore[misc]

    def _live(self, visits: Sequence[tuple[str, datetime, float]]) -> None:
        values = self._asked([(user, at) for user, at, _ in visits])
        exposures = [
            (value["experiment"], value["arm"], user, at.replace(tzinfo=None))
            for (user, at, _), value in zip(visits, values, strict=True)
            if value["experiment"] is not None
        ]
        events = [
            (f"{user} {at}", user, "watch", watched, at.replace(tzinfo=None)) for user, at, watched in visits
        ]
        with self._tables() as tables:
            tables.begin()
            for table, rows in (("exposures", exposures), ("events", events)):
                if rows:
                    places = ", ".join("?" * len(rows[0]))
                    tables.executemany(f"insert into {table} values ({places})", rows)
            tables.commit()


def _visits(day: datetime) -> list[tuple[str, datetime, float]]:
    """Who comes on a day, when, and how long he watches."""
    return [
        (user, day + hashed(f"when {day} {user}") * DAY, 1 / (0.05 + hashed(f"minutes {day} {user}")))
        for user in PEOPLE
        if hashed(f"comes {day} {user}") < 0.3
    ]


class TestWarehouseWithFlagd(BackendContract):
    @pytest.fixture
    def rig(self, tmp_path: Path) -> PairRig:
        return PairRig(tmp_path)
