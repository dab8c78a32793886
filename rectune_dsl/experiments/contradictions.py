"""What an observation cannot say: numbers that no users have, from whichever backend they come.

An observation is checked once, where it comes in, before the journal and any rule see it: with a negative
variance everything would be shown, and of what is not a number nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.metrics import USERS
from rectune_dsl.hooks.api import ArmMoments, BackendError, Estimates, Moments, Observation

_ROUNDING = 1e-6
"""Relative: sums of many users' squares are rounded, and so are what backends make of them."""


def checked(observation: Observation) -> Observation:
    """The same observation. Raises BackendError where it contradicts itself, with the first reason."""
    own = _of_moments(observation) if isinstance(observation, Moments) else _of_estimates(observation)
    for reason in chain(_of_times(observation), own):
        raise BackendError(
            f"what was observed cannot be: {reason}",
            help="this is a fault of the backend: report it to its author",
        )
    return observation


def _of_times(observation: Observation) -> Iterator[str]:
    times = {"as_of": observation.as_of, **observation.complete_until}
    for name, time in times.items():
        if time.tzinfo is None:
            yield f"the time of {name} has no time zone; times are in UTC"


def _of_moments(observation: Moments) -> Iterator[str]:
    if not observation.arms:
        yield "it has no arms"
    for arm in observation.arms:
        width = len(observation.columns)
        if {len(arm.sums), len(arm.products), *map(len, arm.products)} - {width}:
            yield f"the moments of arm {arm.arm!r} do not have one sum per column ({width})"
        yield from _of_arm(arm, observation.columns)


def _of_arm(arm: ArmMoments, columns: tuple[str, ...]) -> Iterator[str]:
    if not 0 <= arm.n <= arm.assigned:
        yield f"{arm.n:,} users of arm {arm.arm!r} are counted, and {arm.assigned:,} were assigned to it"
    sums, products = np.array(arm.sums, float), np.array(arm.products, float).reshape(len(columns), -1)
    for at in np.flatnonzero(~(np.isfinite(sums) & np.isfinite(products).all(axis=1))):
        yield f"a sum of {columns[at]} in arm {arm.arm!r} is not a finite number"
    for at in np.flatnonzero(arm.n * np.diagonal(products) < sums**2 * (1 - _ROUNDING)):
        yield f"the squares of {columns[at]} in arm {arm.arm!r} are too few for its sum: a negative variance"
    people = round(sums[columns.index(USERS)]) if USERS in columns and np.isfinite(sums).all() else arm.n
    for column, histogram in arm.histograms.items():
        if sum(histogram.counts) != people or list(histogram.values) != sorted(set(histogram.values)):
            yield (
                f"the histogram of {column} in arm {arm.arm!r} does not count its {people} users by "
                "ascending values"
            )


def _of_estimates(observation: Estimates) -> Iterator[str]:
    arms, metrics = len(observation.arms), len(observation.metrics)
    size = arms * metrics
    shapes = {
        "lift": (observation.lift, (arms, metrics)),
        "level": (observation.level, (arms + 1, metrics)),
        "level_se": (observation.level_se, (arms + 1, metrics)),
        "effective_n": (observation.effective_n, (arms, metrics)),
        "covariance": (observation.covariance, (size, size)),
    }
    for name, (rows, (height, width)) in shapes.items():
        if len(rows) != height or any(len(row) != width for row in rows):
            yield f"its {name} is not {height} x {width}: arms by metrics, control's level first"
    for name, (rows, _) in shapes.items():
        if not np.isfinite([value for row in rows for value in row if value is not None]).all():
            yield f"its {name} has what is not a finite number; what is missing is None"
    yield from _of_errors(np.array(observation.covariance, float).reshape(size, size), observation)


def _of_errors(covariance: NDArray[np.float64], observation: Estimates) -> Iterator[str]:
    for at, variance in enumerate(np.diagonal(covariance)):
        if variance < 0:
            arm, metric = divmod(at, len(observation.metrics))
            yield (
                f"the variance of {observation.metrics[metric]}'s lift of arm {observation.arms[arm]!r} is "
                f"{variance:.3g}, below 0"
            )
    scale = np.sqrt(np.maximum(np.diagonal(covariance), 0.0))
    if np.any(np.abs(covariance - covariance.T) > _ROUNDING * np.outer(scale, scale)):
        yield "its covariance is not symmetric"
    if any(error < 0 for row in observation.level_se for error in row):
        yield "a standard error of a level is below 0"
    if any(n < 0 for row in observation.effective_n for n in row):
        yield "an effective number of users is below 0"
