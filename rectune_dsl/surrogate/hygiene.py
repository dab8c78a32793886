"""Whether a model can be believed: by rounds it has not seen, and by what logs are like now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from rectune_dsl.hooks.api import Panel
from rectune_dsl.surrogate.gp import GaussianProcess
from rectune_dsl.surrogate.kernels import Array

SURPRISING = 0.99
"""The share of models that are right whose errors are smaller."""

DOUBTFUL = 1.5
"""Factor on all standard deviations where a model behind the panel has changed."""
SHIFTED = 4.0
"""Standard errors between two panels' means of a head, beyond which a model must have changed."""


@dataclass(frozen=True)
class Profile:
    """What a panel's signals are like: per `stage/signal` its mean over requests and that mean's error, which
    is taken over requests, because the candidates of one are alike."""

    means: Mapping[str, tuple[float, float]]


def profile(panel: Panel) -> Profile:
    there = np.ones(panel.items.shape, bool) if panel.valid is None else panel.valid
    found = {}
    for stage, signals in panel.signals.items():
        for name, values in signals.items():
            by_request = _by_request(values, there)
            if len(by_request):
                error = float(by_request.std() / np.sqrt(len(by_request)))
                found[f"{stage}/{name}"] = (float(by_request.mean()), error)
    return Profile(found)


def shifts(before: Profile, now: Profile) -> tuple[str, ...]:
    """The signals whose means differ by more than SHIFTED standard errors, in words."""
    found = []
    for name, (mean, error) in now.means.items():
        if name not in before.means:
            found.append(f"{name} is new since the run began")
            continue
        was, other = before.means[name]
        if abs(mean - was) > SHIFTED * float(np.hypot(error, other)) + 1e-9 * abs(was):
            found.append(f"the mean of {name} went from {was:.4g} to {mean:.4g} since the run began")
    return tuple(found)


def _by_request(values: NDArray[np.float32], there: NDArray[np.bool_]) -> Array:
    """Mean over the candidates that are there and have a value, of each request that has any."""
    if values.ndim == 1:
        return np.asarray(values[np.isfinite(values)], np.float64)
    known = there & np.isfinite(values)
    count = known.sum(1)
    total = np.where(known, values, 0.0).sum(1, dtype=np.float64)
    return np.asarray(total[count > 0] / count[count > 0])


def surprise(process: GaussianProcess) -> float:
    """By how much a process' errors exceed what it says of them: 1 where they do not.

    Every round is predicted by all others; its squared errors, in units of what was predicted of them, about
    follow a chi-square distribution where the model is right. The factor is the root of their sum over its
    99th percentile.
    """
    rounds = _rounds(process.observations.noise)
    if len(rounds) < 2:
        return 1.0
    total = 0.0
    for rows in rounds:
        mean, covariance = process.left_out(rows)
        error = process.observations.values[rows] - mean
        total += float(error @ np.linalg.solve(covariance, error))
    usual = 2 * float(gammaincinv(sum(map(len, rounds)) / 2, SURPRISING))  # of a chi-square distribution
    return max(1.0, float(np.sqrt(total / usual)))


def _rounds(noise: Array) -> list[NDArray[np.intp]]:
    """Rows of each round: their errors have their control in common. What is known exactly is no round."""
    rows = np.flatnonzero(np.diag(noise) > 0)
    starts = [i for i, row in enumerate(rows) if i == 0 or noise[row, rows[i - 1]] == 0]
    return [part for part in np.split(rows, starts) if len(part)]
