"""Experiments looked at every day: what has been summed so far of users who come every day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from rectune_dsl.hooks.api import CONTROL, Moments
from study.tasks import START
from study.users import Array, Normal, Sums


@dataclass(frozen=True, eq=False)
class Daily:
    """Users whose columns are their means over the days so far.

    `covariance` (columns, columns) is of a user's means over all `days`. Two days of a user correlate by
    `persistence`: at 0 every day tells as much, more than that and the first tell most.
    """

    covariance: Array
    days: int
    persistence: float

    def draw(self, rng: np.random.Generator, means: Array, n: int) -> list[Sums]:
        """Per day, samples of `n` users of the arms: `means` (..., columns)."""
        apart = np.full((self.days,) * 2, self.persistence)
        np.fill_diagonal(apart, 1.0)
        one_day = np.kron(apart / apart.mean(), self.covariance)
        noise = Normal(np.zeros(len(one_day)), one_day).draw(rng, n, means.shape[:-1])
        return [noise.through(self._so_far(day)).moved(means) for day in range(1, self.days + 1)]

    def _so_far(self, day: int) -> Array:
        """From all days' columns to means over the first `day`."""
        weights = np.where(np.arange(self.days) < day, 1 / day, 0.0)
        return np.kron(weights, np.eye(len(self.covariance))).astype(np.float64)


def observed(
    columns: tuple[str, ...], arms: Sequence[str], sums: Sums, at: tuple[int, ...], day: int
) -> Moments:
    """What is seen after `day` of the experiment `at`; the last axis of `sums` are control and the `arms`."""
    named = (sums.arm(name, *at, i) for i, name in enumerate((CONTROL, *arms)))
    return Moments(START + timedelta(days=day), columns, tuple(named))
