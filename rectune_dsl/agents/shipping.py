"""The chance that a config's confirmation ends in `ship`, given all that is believed about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.designs import Design, from_estimates
from rectune_dsl.experiments.power import ShipRegion, ship_region, users_needed
from rectune_dsl.hooks.api import Config, RoundResult, Surrogate

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Confirmation:
    """The confirm step's requirements: U above 0 and every guardrail, each with its standard error."""

    task: Task
    design: Design
    region: ShipRegion

    @classmethod
    def planned(cls, task: Task, history: Sequence[RoundResult]) -> Confirmation | None:
        """Errors are those of the latest arm that has all that must be shown, at the confirm's traffic.

        More days would only make them smaller. None where no arm has all of it: then nothing can ship.
        """
        for result in reversed(history):
            if result.frozen:
                continue
            for arm in range(len(result.estimates.arms)):
                tested = from_estimates(result.estimates, task, arm, task.experiment.users_per_arm)
                design = tested.with_users(task.confirm.users_per_arm)
                region = ship_region(task, design)
                if region is not None:
                    return cls(task, design, region)
        return None

    def chances(self, surrogate: Surrogate, configs: Sequence[Config]) -> Array:
        """P(ship) averaged over the posterior, (configs,); requirements are taken as independent.

        A requirement is met when its estimate lies `quantile` errors beyond the limit. The estimate is normal
        around a truth that is itself normal around the posterior mean, so the variances add up.
        """
        chance = np.ones(len(configs))
        beyond = self._distances(surrogate, configs)
        for (room, sd), error in zip(beyond, self.region.errors, strict=True):
            spread = np.hypot(sd, error)
            distance = room - self.region.quantile * error
            certain = np.where(distance >= 0, 1.0, 0.0)
            chance *= np.where(spread > 0, ndtr(distance / np.where(spread > 0, spread, 1.0)), certain)
        return chance

    def traffic_needed(self, surrogate: Surrogate, config: Config) -> float | None:
        """How many times the confirm's traffic it takes to ship with the task's power, if the truth is what
        the posterior expects; None if no traffic suffices."""
        means = surrogate.predict([config])[0][0]
        expected = dict(zip(surrogate.metrics, map(float, means), strict=True))
        lifts = {f"={m}" if self._is_level(m) else m: value for m, value in expected.items()}
        needed = users_needed(self.task, self.design, lifts)
        return None if needed is None else needed / self.task.confirm.users_per_arm

    def _is_level(self, metric: str) -> bool:
        """Whether the surrogate speaks of the metric in its own unit."""
        limit = self.task.guardrails.get(metric)
        return limit is not None and not limit.relative

    def _distances(self, surrogate: Surrogate, configs: Sequence[Config]) -> list[tuple[Array, Array]]:
        """Posterior mean and sd of the distance from each limit: U first, then the guardrails in order."""
        found = [surrogate.objective(configs)]
        means, sds = surrogate.predict(configs)
        for metric, limit in self.task.guardrails.items():
            column = surrogate.metrics.index(metric)
            sign = 1.0 if limit.direction == ">=" else -1.0
            found.append((sign * (means[:, column] - limit.bound), sds[:, column]))
        return found
