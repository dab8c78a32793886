"""Winsorised means: a few users who have far more than all others are counted as if they had a cap.

The cap is a quantile of production's users before the experiment (Tukey 1962, "The future of data analysis",
calls the mean of so bounded values winsorised). All arms share it, and none of their users moves it: sums
stay sums over independent users, and what is tested is the lift of the capped mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from rectune_dsl.experiments.linear import LEAST_USERS, Array, sample
from rectune_dsl.experiments.quantiles import value_at
from rectune_dsl.hooks.api import BackendError, Histogram, Moments, Observation


def caps(shares: Mapping[str, float], baseline: Observation) -> dict[str, float]:
    """The cap of each column: the quantile at its share of production's users, the baseline's first arm.

    Raises BackendError where they are not counted by value.
    """
    return {column: value_at(_histogram(baseline, column), share) for column, share in shares.items()}


def capped(baseline: Observation, limits: Mapping[str, float]) -> Observation:
    """What production's moments would be under these caps, to plan from.

    Means and variances are those of the capped values; correlations are taken to stay what they are, though
    with outliers gone they mostly grow.
    """
    if not isinstance(baseline, Moments) or baseline.arms[0].n < LEAST_USERS or not limits:
        return baseline
    production, users = baseline.arms[0], sample(baseline.arms[:1])
    mean, spread = np.ones(len(baseline.columns)), np.ones(len(baseline.columns))
    for column, cap in limits.items():
        at = baseline.columns.index(column)
        mean[at], spread[at] = _shrunk(_histogram(baseline, column), cap)
    sums = users.mean * mean * users.n
    covariance = users.covariance * np.outer(spread, spread)
    products = covariance * (users.n - 1) + np.outer(sums, sums) / users.n
    rows = tuple(tuple(row) for row in products.tolist())
    return replace(baseline, arms=(replace(production, sums=tuple(sums.tolist()), products=rows),))


def _shrunk(histogram: Histogram, cap: float) -> tuple[float, float]:
    """What capping multiplies the users' mean and standard deviation by."""
    values, counts = np.asarray(histogram.values), np.asarray(histogram.counts, np.float64)
    (mean, spread), (less, narrower) = (
        _mean_and_spread(x, counts) for x in (values, np.minimum(values, cap))
    )
    return less / mean if mean else 1.0, narrower / spread if spread else 1.0


def _mean_and_spread(values: Array, counts: Array) -> tuple[float, float]:
    mean = float(np.average(values, weights=counts))
    return mean, float(np.sqrt(np.average((values - mean) ** 2, weights=counts)))


def _histogram(baseline: Observation, column: str) -> Histogram:
    found = baseline.arms[0].histograms.get(column) if isinstance(baseline, Moments) else None
    if found is None or not found.values:
        raise BackendError(
            f"production's baseline does not count users by their {column}, so there is no cap for it",
            help="this is a fault of the backend, which says that it winsorises: report it to its author",
        )
    return found
