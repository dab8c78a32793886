"""What black-box tuners are told of a round: U and how far each guardrail is broken, with standard errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import CONTROL, Config, RoundResult
from tuning.noise import Noise
from tuning.problem import objective, slack


@dataclass(frozen=True)
class Seen:
    """One arm: U and its error; what each guardrail lacks, in its margins, and its error. Above 0 it is
    broken."""

    config: Config
    objective: float
    error: float
    lacks: tuple[float, ...]
    errors: tuple[float, ...]

    @property
    def keeps(self) -> bool:
        return max(self.lacks, default=0.0) <= 0


def seen(task: Task, noise: Noise, result: RoundResult) -> list[Seen]:
    """The round's arms, in order."""
    lifts = np.array(result.estimates.lift, np.float64).reshape(-1, len(noise.metrics))
    configs = [arm.config for arm in result.arms if arm.name != CONTROL]
    error, errors = _errors(task, noise)
    lacks = -slack(task, lifts, noise.levels)
    return [
        Seen(config, float(u), error, tuple(lack.tolist()), errors)
        for config, u, lack in zip(configs, objective(task, lifts), lacks, strict=True)
    ]


def production(task: Task, noise: Noise) -> Seen:
    """What is known of production without a test: it gains nothing, and keeps its guardrails."""
    nothing = np.zeros((1, len(noise.metrics)))
    lacks = -slack(task, nothing, noise.levels)[0]
    return Seen(Config(task.production), 0.0, 0.0, tuple(lacks.tolist()), (0.0,) * len(lacks))


def _errors(task: Task, noise: Noise) -> tuple[float, tuple[float, ...]]:
    weights = task.objective_weights
    weight = np.array([weights.get(metric, 0.0) for metric in noise.metrics])
    return float(np.sqrt(weight @ noise.covariance @ weight)), tuple(_of_guardrails(task, noise))


def _of_guardrails(task: Task, noise: Noise) -> Iterator[float]:
    for metric, limit in task.guarded.items():
        at = noise.metrics.index(metric)
        unit = 1.0 if limit.relative else abs(noise.levels.get(metric, 1.0))
        yield float(np.sqrt(noise.covariance[at, at])) * unit / (abs(limit.bound) or 1.0)
