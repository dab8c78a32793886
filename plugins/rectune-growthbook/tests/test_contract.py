"""The backend keeps the contract of backends; what it estimates is counted again, user by user."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest
from rectune_growthbook.backend import GrowthBook
from rectune_growthbook.testing import Fault

from rectune_dsl.hooks.api import Config, Estimates
from rectune_dsl.testing.backend_contract import BackendContract, Rig

WEIGHTS = {"watch_minutes": 1.0, "hate_rate": -0.1, "next_day_return": 0.0}
COLUMNS = {
    "watch_minutes": ("minutes",),
    "hate_rate": ("hates", "impressions"),
    "next_day_return": ("returns",),
}


class GrowthBookRig(Rig):
    tolerance = 1e-6

    def __init__(self, lab: Any) -> None:
        self._lab = lab
        self.spec = lab.spec()
        self.secrets = (lab.server.key,)

    def backend(self) -> GrowthBook:
        return self._lab.backend()

    def pass_until(self, moment: datetime) -> None:
        self._lab.platform.pass_until(moment)

    def arms_of(self, experiment: str) -> Mapping[str, str]:
        return self._lab.arms_of(experiment)

    def experiments(self) -> Sequence[str]:
        return list(self._lab.platform.experiments)

    def production(self) -> Config:
        return Config(self._lab.production())

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        fault = Fault(503, times=10**6)
        self._lab.server.faults.append(fault)
        yield
        self._lab.server.faults.remove(fault)

    def recount(self, experiment: str, as_of: datetime) -> Estimates:
        """One user after the other; variances in two passes, those of ratios by linearisation."""
        arms = [arm.name for arm in self.spec.arms]
        users = self._users(experiment, as_of.timestamp())
        cells = {
            (arm, m): _cell([totals for a, totals in users if a == arm], m) for arm in arms for m in COLUMNS
        }
        lift = [[cells[arm, m][0] / cells["control", m][0] - 1 for m in COLUMNS] for arm in arms[1:]]
        return Estimates(
            as_of=as_of,
            arms=tuple(arms[1:]),
            metrics=tuple(COLUMNS),
            lift=tuple(map(tuple, lift)),
            covariance=tuple(
                tuple(_covariance(cells, one, other) for other in _pairs(arms)) for one in _pairs(arms)
            ),
            level=tuple(tuple(cells[arm, m][0] for m in COLUMNS) for arm in arms),
            level_se=tuple(tuple(math.sqrt(cells[arm, m][1]) for m in COLUMNS) for arm in arms),
            effective_n=(),
        )

    def _users(self, experiment: str, end: float) -> list[tuple[str, dict[str, float]]]:
        """Arm and totals of every user who came, from his first visit under the experiment on."""
        platform = self._lab.platform
        found = platform.experiments[experiment]
        exposures = platform.people.exposures[found["trackingKey"]]
        names = [one["key"] for one in found["variations"]]
        totals: dict[int, dict[str, float]] = {}
        for visits in platform.people.visits:
            for row, (user, time) in enumerate(zip(visits.users, visits.times, strict=True)):
                if exposures.first[user] <= time < end:
                    mine = totals.setdefault(int(user), dict.fromkeys(visits.values, 0.0))
                    for column, values in visits.values.items():
                        mine[column] += float(values[row])
        return [(names[exposures.variation[user]], mine) for user, mine in totals.items()]


def _cell(users: Sequence[Mapping[str, float]], metric: str) -> tuple[float, float]:
    """Level and variance of the level."""
    above, *below = ([mine[column] for mine in users] for column in COLUMNS[metric])
    n = len(users)
    if metric == "next_day_return":
        share = sum(value > 0 for value in above) / n
        return share, share * (1 - share) / n
    level = sum(above) / (sum(below[0]) if below else n)
    scale = sum(below[0]) / n if below else 1.0
    errors = [value - level * (below[0][i] if below else 1.0) for i, value in enumerate(above)]
    return level, sum(error**2 for error in errors) / (n - 1) / scale**2 / n


def _pairs(arms: Sequence[str]) -> list[tuple[str, str]]:
    return [(arm, metric) for arm in arms[1:] for metric in COLUMNS]


def _covariance(
    cells: Mapping[tuple[str, str], tuple[float, float]], one: tuple[str, str], other: tuple[str, str]
) -> float:
    """North stars are as far correlated as they can be, in the direction of their weights; others are not."""
    (arm, m), (brm, k) = one, other
    alike = 1.0 if m == k else math.copysign(1, WEIGHTS[m] * WEIGHTS[k]) * (WEIGHTS[m] * WEIGHTS[k] != 0)

    def share(arm: str, metric: str, source: str) -> float:
        level, control = cells[arm, metric][0], cells["control", metric][0]
        slope = 1 / control if source == arm else level / control**2
        return slope * math.sqrt(cells[source, metric][1])

    joint = share(arm, m, "control") * share(brm, k, "control")
    if arm == brm:
        joint += share(arm, m, arm) * share(arm, k, arm)
    return alike * joint


class TestGrowthBook(BackendContract):
    @pytest.fixture
    def rig(self, lab: Any) -> GrowthBookRig:
        return GrowthBookRig(lab)
