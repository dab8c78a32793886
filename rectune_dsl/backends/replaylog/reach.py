"""What a log can show: the config it is probed with."""

from __future__ import annotations

import math

import numpy as np

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.params import Param
from rectune_dsl.hooks.api import Config, Estimates

REFERENCE_STEP = 0.2
"""How far a reference config lies from production, as a share of a param's range on its scale."""


def reference_configs(task: Task) -> tuple[Config, ...]:
    """Production with one param moved by `REFERENCE_STEP` of its range, down and up, within its bounds.

    Moving all at once would say less: params that work against each other, such as a weight and a
    temperature, would cancel out. The numbers of an ordered vector are sorted again. Constraints are not
    looked at, as nobody is served.
    """
    moved = {
        (name, _moved(param, sign * REFERENCE_STEP)): None
        for name, param in task.params.items()
        for sign in (-1, 1)
    }
    production = task.production
    return tuple(_sorted(task, {**production, name: v}) for name, v in moved if v != production[name])


def _sorted(task: Task, values: dict[str, float]) -> Config:
    for names, order in task.ordered.values():
        row = sorted((values[name] for name in names), reverse=order == "nonincreasing")
        values |= dict(zip(names, row, strict=True))
    return Config(values)


def least_certain(estimates: Estimates, task: Task) -> int:
    """The arm whose objective (weighted lifts of the north stars) has the largest standard error, among the
    arms with the most north stars measured."""
    stars = [(estimates.metrics.index(name), metric) for name, metric in task.north_stars.items()]
    width = len(estimates.metrics)
    gradient = np.zeros(width)
    for at, metric in stars:
        gradient[at] = metric.sign * metric.weight
    covariance = np.array(estimates.covariance).reshape(
        len(estimates.arms), width, len(estimates.arms), width
    )

    def rank(arm: int) -> tuple[int, float]:
        measured = sum(estimates.lift[arm][at] is not None for at, _ in stars)
        return measured, float(gradient @ covariance[arm, :, arm, :] @ gradient)

    return max(range(len(estimates.arms)), key=rank)


def _moved(param: Param, step: float) -> float:
    """Production moved by `step` of the range, and back to the bound where that lies beyond."""
    log = param.scale == "log"
    low, high, at = (math.log(v) if log else v for v in (param.low, param.high, param.production))
    to = min(max(at + step * (high - low), low), high)
    value = math.exp(to) if log else to
    return float(round(value)) if param.type == "int" else value
