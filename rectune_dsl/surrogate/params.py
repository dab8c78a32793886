"""The surrogate over params: what is left where there is no panel to see slates on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Config, RoundResult
from rectune_dsl.surrogate.gp import Observations
from rectune_dsl.surrogate.hyper import Fitted
from rectune_dsl.surrogate.hyper import fit as fit_process
from rectune_dsl.surrogate.kernels import Array, Hyperparameters, matern52_with_gradients
from rectune_dsl.surrogate.processes import ProcessSurrogate


def fit(task: Task, history: Sequence[RoundResult]) -> ProcessSurrogate:
    """Learn from finished rounds; frozen ones teach nothing. Without any, the belief is the prior:
    no lift at production, and wider the further from it."""
    return ProcessSurrogate(task, history, ParamView(task))


class ParamView:
    """Points of the unit cube: params on their scales."""

    def __init__(self, task: Task) -> None:
        self._space = Space(task)

    def points(self, configs: Sequence[Config]) -> Array:
        return self._space.to_units([config.values for config in configs])

    def fit(self, observations: Observations, weights: Mapping[str, float]) -> Fitted:
        return fit_process(observations, MaternFamily(self._space.dimension))


@dataclass(frozen=True)
class MaternFamily:
    """Matérn-5/2 with one lengthscale per param; hyperparameters (amplitude, lengthscales...).

    The median lengthscale grows with the square root of the dimension, as distances in the cube do
    (Hvarfner, Hellsten & Nardi 2024, "Vanilla Bayesian Optimization Performs Great in High Dimensions").
    """

    dimension: int
    amplitude: float = 0.05
    amplitude_spread: float = 1.0
    lengthscale: float = 0.8
    lengthscale_spread: float = 0.5

    @property
    def center(self) -> Array:
        lengthscale = np.log(self.lengthscale * np.sqrt(self.dimension))
        return np.concatenate([[np.log(self.amplitude)], np.full(self.dimension, lengthscale)])

    @property
    def spread(self) -> Array:
        return np.concatenate([[self.amplitude_spread], np.full(self.dimension, self.lengthscale_spread)])

    def at(self, logs: Array) -> Hyperparameters:
        return Hyperparameters(float(np.exp(logs[0])), np.exp(logs[1:]))

    def with_gradients(self, logs: Array, points: Array) -> tuple[Array, Array]:
        covariance, by_lengthscale = matern52_with_gradients(points, self.at(logs))
        return covariance, np.concatenate([2.0 * covariance[None], by_lengthscale])

    def mean(self, points: Array) -> Array:
        return np.zeros(len(points))
