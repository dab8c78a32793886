"""The chance that a config's confirmation ends in `ship`, given all that is believed about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.designs import LEVEL, Design, from_estimates
from rectune_dsl.experiments.power import ShipRegion, ship_region, users_needed
from rectune_dsl.experiments.rebase import AGAINST_HOLDOUT
from rectune_dsl.hooks.api import Config, Estimates, RoundResult, Surrogate

Array = NDArray[np.float64]

_DRAWS = 2048
_U = "U"


@dataclass(frozen=True)
class Confirmation:
    """The confirm step's requirements: U above 0 and every guardrail, each with its standard error, at the
    level of the surface's confirmation with this `number`."""

    task: Task
    design: Design
    region: ShipRegion
    number: int = 1

    @classmethod
    def planned(
        cls,
        task: Task,
        history: Sequence[RoundResult],
        *,
        confirmation: int = 1,
        holdout_users: float | None = None,
    ) -> Confirmation | None:
        """Errors are those of the arm with the most users that has all that must be shown, at the confirm's
        traffic; with `holdout_users`, the comparison with a holdout of that size is planned too.

        More days would only make errors smaller. Arms that were stopped have those of the day they were
        stopped and are left out. None where no arm has all of it: then nothing can ship.
        """
        for estimates, arm in _most_users_first(history):
            tested = from_estimates(estimates, task, arm, task.experiment.users_per_arm)
            design = tested.with_users(task.confirm.users_per_arm)
            if holdout_users:
                design = _with_holdout(design, task, estimates, arm, holdout_users)
            region = ship_region(task, design, confirmation=confirmation)
            if region is not None:
                return cls(task, design, region, confirmation)
        return None

    def chances(
        self, surrogate: Surrogate, configs: Sequence[Config], asked: NDArray[np.bool_] | None = None
    ) -> Array:
        """P(ship) averaged over the posterior, (configs,); 0 for those that are not `asked` about.

        The estimates' errors are drawn, correlated as the region has them and the same for all configs; for
        each draw the posterior chance to meet a requirement is exact. Posteriors of U and of guardrails are
        taken as independent. What is compared with control and with the holdout has one truth.
        """
        found = np.zeros(len(configs))
        rows = np.arange(len(configs)) if asked is None else np.flatnonzero(asked)
        chance = np.ones((len(rows), _DRAWS))
        slack = self._slack
        for name, (room, sd) in self._rooms(surrogate, configs).items():
            chance *= _chance_to_meet(room[rows, None] + slack[name], sd[rows])
        found[rows] = chance.mean(1)
        return found

    def traffic_needed(self, surrogate: Surrogate, config: Config) -> float | None:
        """How many times the confirm's traffic it takes to ship with the task's power, if the truth is what
        the posterior expects; None if no traffic suffices."""
        means = surrogate.predict([config])[0][0]
        expected = dict(zip(surrogate.metrics, map(float, means), strict=True))
        lifts = {f"={m}" if self._is_level(m) else m: value for m, value in expected.items()}
        for metric, limit in self.task.guarded.items():
            if limit.relative:
                lifts[metric + AGAINST_HOLDOUT] = expected[metric]
        needed = users_needed(self.task, self.design, lifts, confirmation=self.number)
        return None if needed is None else needed / self.task.confirm.users_per_arm

    def _is_level(self, metric: str) -> bool:
        """Whether the surrogate speaks of the metric in its own unit."""
        limit = self.task.guarded.get(metric)
        return limit is not None and not limit.relative

    @cached_property
    def _slack(self) -> dict[str, Array]:
        """Per requirement the estimate's error less what must be shown, (draws,); of two tests of one truth
        the harder one counts in each draw."""
        region, uncertain = self.region, self.region.errors > 0
        errors = np.zeros((_DRAWS, len(region.errors)))
        errors[:, uncertain] = _normal(int(uncertain.sum())) @ region.root * region.errors[uncertain]
        slack = errors - region.needs
        found = {_U: slack[:, 0]}
        for test in range(1, len(region.errors)):
            row = region.rows[int(np.abs(region.weights[test]).argmax())]
            metric = row.removeprefix(LEVEL).removesuffix(AGAINST_HOLDOUT)
            found[metric] = np.minimum(found.get(metric, np.inf), slack[:, test])
        return found

    def _rooms(self, surrogate: Surrogate, configs: Sequence[Config]) -> dict[str, tuple[Array, Array]]:
        """Posterior mean and sd of the distance from each limit."""
        found = {_U: surrogate.objective(configs)}
        means, sds = surrogate.predict(configs)
        for metric, limit in self.task.guarded.items():
            column = surrogate.metrics.index(metric)
            sign = 1.0 if limit.direction == ">=" else -1.0
            found[metric] = (sign * (means[:, column] - limit.bound), sds[:, column])
        return found


def _chance_to_meet(room: Array, sd: Array) -> Array:
    """P(N(room, sd²) >= 0), (configs, draws), of the room in each draw and each config's sd. Takes the place
    of `room`: these are the largest arrays there are."""
    certain = ~(sd > 0)
    met = room[certain] >= 0
    room /= np.where(certain, 1.0, sd)[:, None]
    ndtr(room, out=room)
    room[certain] = met
    return room


def _most_users_first(history: Sequence[RoundResult]) -> Iterator[tuple[Estimates, int]]:
    """Arms of rounds that were not frozen, those that ran to the end; of equals the latest first."""
    found = [
        (min(result.estimates.effective_n[arm], default=0.0), number, result.estimates, arm)
        for number, result in enumerate(history)
        if not result.frozen
        for arm, name in enumerate(result.estimates.arms)
        if name not in result.stopped
    ]
    for _, _, estimates, arm in sorted(found, key=lambda one: one[:2], reverse=True):
        yield estimates, arm


def _with_holdout(design: Design, task: Task, estimates: Estimates, arm: int, users: float) -> Design:
    """The design with every relative guardrail compared with a holdout of `users`, too.

    Half of a lift's covariance is the treatment's, which both comparisons share; the holdout's is as large
    as control's, at its own number of users. Covariates adjust the comparison with control only, so what
    they took away comes on top.
    """
    metrics = [m for m, limit in task.guarded.items() if limit.relative and m in design.rows]
    at = [design.rows.index(metric) for metric in metrics]
    treatment = 0.5 * design.covariance
    more = 1.0 + design.users_per_arm / users
    shared = treatment[:, at]
    own = more * treatment[np.ix_(at, at)]
    for i, metric in enumerate(metrics):
        column = estimates.metrics.index(metric)
        error = estimates.level_se[arm + 1][column] / design.levels[metric]
        plain = error**2 * task.experiment.users_per_arm / design.users_per_arm
        own[i, i] = more * max(plain, treatment[at[i], at[i]])
    rows = (*design.rows, *(metric + AGAINST_HOLDOUT for metric in metrics))
    return replace(design, rows=rows, covariance=np.block([[design.covariance, shared], [shared.T, own]]))


def _normal(tests: int) -> Array:
    """Standard normal draws (draws, tests) in pairs of opposites, keyed by what they are for."""
    generator = np.random.Generator(np.random.Philox(key=[0x63686E63, tests]))
    half = generator.standard_normal((_DRAWS // 2, tests))
    return np.concatenate([half, -half])
