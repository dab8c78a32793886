"""The house's backend keeps the contract: the rig lets days pass on the platform, and reads its tables."""

from __future__ import annotations

import contextlib
import json
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import house
import pytest
from house_backend import LATE, HouseBackend

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Arm, BackendContext, Config, ExperimentSpec
from rectune_dsl.testing.backend_contract import BackendContract, Rig, Row

TASK = """
dsl = 1
[task]
name = "house"
surface = "feed"
[signals]
p_click = {}
p_long = {}
[stages.ranking]
keep = 10
score = "p_click + w_long * p_long"
[stages.ranking.params]
w_long = { production = 1.0, low = 0.0, high = 10.0 }
[metrics]
minutes = { goal = "maximize" }
minutes_p90 = { kind = "quantile", column = "minutes", quantile = 0.9 }
clicks = {}
purchases = {}
refunds = {}
[experiment]
backend = "house"
users_per_arm = 130
days = 3
[confirm]
users_per_arm = 130
days = 3
"""
PASSWORD = "v3ry-s3cret"
FIRST = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
PEOPLE = 1_200


class HouseRig(Rig):
    secrets = (PASSWORD,)
    late = ("purchases",)
    unmeasured = ("refunds",)

    def __init__(self, monkeypatch: pytest.MonkeyPatch, make: type[HouseBackend] = HouseBackend) -> None:
        self.caps = {"minutes": 12.0}
        self._make, self._task = make, task()
        arms = [Arm(name, Config({"w_long": w})) for name, w in (("control", 1.0), ("a", 2.0), ("b", 3.0))]
        self.spec = ExperimentSpec("key", "explore", "feed", tuple(arms), 130, 3, FIRST, "salt")
        self._house = house.House(f"house://rectune:{PASSWORD}@house", self._task.production)
        self._house.tables.executemany("INSERT INTO people VALUES (?, ?)", people())
        self._today, self._now = FIRST - DAY, (FIRST - DAY).isoformat()
        self._late: list[tuple[str, str, str, float]] = []
        monkeypatch.setenv("HOUSE_URL", self._house.url)

    def backend(self) -> HouseBackend:
        return self._make(BackendContext(self._task, 1))

    def pass_until(self, moment: datetime) -> None:
        """Day after day: those who come are served what the flags say, and events are written."""
        while self._today + DAY <= moment:
            self._live(self._today)
            self._today += DAY
        self._now = max(self._now, moment.isoformat())

    def arms_of(self, experiment: str) -> Mapping[str, str]:
        for number, flag, opened, stopped in self._house.running(self._now):
            if str(number) == experiment:
                return served(house.arm_of, flag, opened, stopped)
        return {}

    def rows(self, experiment: str, until: datetime) -> Sequence[Row]:
        """One user after the other, event by event."""
        totals: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(("minutes", "clicks"), 0.0))
        since = dict(self._read("SELECT user, at FROM exposures WHERE experiment = ?", experiment))
        end = until.isoformat()
        for user, at, minutes, clicks in self._read("SELECT * FROM visits"):
            if user in since and since[user] <= at < end:
                totals[user]["minutes"] += minutes
                totals[user]["clicks"] += clicks
        for user, at, _, amount in [*self._read("SELECT * FROM purchases"), *self._late]:
            if user in since and since[user] <= at < end:
                totals[user]["purchases"] = totals[user].get("purchases", 0.0) + amount
        arms = self._read("SELECT user, arm, at FROM exposures WHERE experiment = ?", experiment)
        homes = dict(people())
        none = {"minutes": 0.0, "clicks": 0.0, "purchases": 0.0}
        return [Row(u, arm, {**none, **totals[u]}, homes[u]) for u, arm, at in arms if at < end]

    def experiments(self) -> Sequence[str]:
        return [str(number) for (number,) in self._read("SELECT id FROM experiments")]

    def production(self) -> Config:
        ((now,),) = self._read("SELECT now FROM production")
        return Config(json.loads(now))

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        self._house.is_down = True
        try:
            yield
        finally:
            self._house.is_down = False

    def _live(self, day: datetime) -> None:
        tables = self._house.tables
        tables.execute("BEGIN")
        for experiment, flag, opened, stopped in self._house.running(day.isoformat()):
            arms = served(house.arm_of, flag, opened, stopped)
            seen = [(experiment, u, arms[u], at) for u, at, *_ in visits(day) if u in arms]
            tables.executemany("INSERT OR IGNORE INTO exposures VALUES (?, ?, ?, ?)", seen)
        tables.executemany("INSERT INTO visits VALUES (?, ?, ?, ?)", visits(day))
        self._late += purchases(day)
        loaded = (day + DAY).isoformat()
        come = [purchase for purchase in self._late if purchase[2] <= loaded]
        self._late = [purchase for purchase in self._late if purchase[2] > loaded]
        tables.executemany("INSERT INTO purchases VALUES (?, ?, ?, ?)", come)
        tables.execute("INSERT INTO loaded VALUES (?)", [loaded])
        tables.execute("COMMIT")

    def _read(self, sql: str, *values: str) -> list[tuple]:
        return self._house.tables.execute(sql, values).fetchall()


@lru_cache
def served(service: Callable[..., str | None], flag: str, opened: float, stopped: str) -> dict[str, str]:
    """Everybody who takes part, asked one by one."""
    told, out = json.loads(flag), json.loads(stopped)
    unit = 0 if told["unit"] == "user" else 1
    arms = ((person[0], service(told, opened, out, person[unit])) for person in people())
    return {user: arm for user, arm in arms if arm is not None}


@lru_cache
def task() -> Task:
    return Task.model_validate(tomllib.loads(TASK))


@lru_cache
def people() -> list[tuple[str, str]]:
    """Users and their households."""
    return [(f"u{n}", f"h{n // 2}") for n in range(PEOPLE)]


@lru_cache
def visits(day: datetime) -> list[tuple[str, str, float, float]]:
    """Who comes on a day, when, for how many minutes and clicks."""
    return [
        (
            user,
            (day + timedelta(minutes=int(1400 * house.place(f"when {day}", user)))).isoformat(),
            round(1 / (0.05 + house.place(f"minutes {day}", user)), 3),
            float(int(5 * house.place(f"clicks {day}", user))),
        )
        for user, _ in people()
        if house.place(f"comes {day}", user) < 0.3
    ]


@lru_cache
def purchases(day: datetime) -> list[tuple[str, str, str, float]]:
    """Some visits end with a purchase, which is recorded up to two days later."""
    return [
        (
            user,
            at,
            (datetime.fromisoformat(at) + LATE * house.place(f"late {day}", user)).isoformat(),
            minutes,
        )
        for user, at, minutes, clicks in visits(day)
        if clicks == 4
    ]


class TestHouse(BackendContract):
    @pytest.fixture
    def rig(self, monkeypatch: pytest.MonkeyPatch) -> HouseRig:
        return HouseRig(monkeypatch)
