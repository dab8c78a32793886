"""Optuna's samplers as tuners: ask and tell in batches, U as the value, guardrails as constraints."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler, GPSampler, TPESampler
from optuna.trial import Trial, TrialState, create_trial

from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Config, RoundResult
from tuning import seen
from tuning.tuner import WHOLE, Box, Setup

_TRIES = 50
"""Draws for an arm until one keeps the task's constraints on params: Optuna knows those on results only."""


class OptunaTuner:
    """Starts from a finished trial of production. Recommends `study.best_trial`: the best measured value
    among trials measured to keep all constraints, as Optuna's reference says."""

    def __init__(self, setup: Setup, sampler: Callable[[int], BaseSampler], radius: float) -> None:
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._setup, self._space = setup, Space(setup.task)
        self._distributions: dict[str, BaseDistribution] = {
            name: FloatDistribution(low, high, log=setup.task.params[name].scale == "log")
            for name, (low, high) in Box(self._space, radius).bounds().items()
        }
        seed = int(setup.generator("optuna").integers(2**31))
        self._study = optuna.create_study(direction="maximize", sampler=sampler(seed))
        self._asked: list[Trial] = []
        start = seen.production(setup.task, setup.noise)
        self._study.add_trial(
            create_trial(
                value=start.objective,
                params=dict(start.config.values),
                distributions=self._distributions,
                constraints={str(i): lack for i, lack in enumerate(start.lacks)},
            )
        )

    def propose(self, number: int, arms: int) -> Sequence[Config]:
        self._asked = [trial for trial in (self._ask() for _ in range(arms)) if trial is not None]
        return [Config(dict(trial.params)) for trial in self._asked]

    def observe(self, result: RoundResult) -> None:
        found = seen.seen(self._setup.task, self._setup.noise, result)
        for trial, one in zip(self._asked, found, strict=True):
            for i, lack in enumerate(one.lacks):
                trial.set_constraint(str(i), lack)
            self._study.tell(trial, one.objective)

    def recommend(self) -> Config:
        return Config(dict(self._study.best_trial.params))

    def _ask(self) -> Trial | None:
        for _ in range(_TRIES):
            trial = self._study.ask(self._distributions)
            if self._space.feasible(trial.params):
                return trial
            self._study.tell(trial, state=TrialState.FAIL)
        return None


def tpe(setup: Setup, radius: float = WHOLE) -> OptunaTuner:
    """Tree-structured Parzen estimators; trials that run count by the constant liar."""
    return OptunaTuner(
        setup, lambda seed: TPESampler(seed=seed, multivariate=True, constant_liar=True), radius
    )


def gp(setup: Setup, radius: float = WHOLE) -> OptunaTuner:
    """Gaussian processes with constrained log expected improvement, told that values are noisy."""
    return OptunaTuner(setup, lambda seed: GPSampler(seed=seed, deterministic_objective=False), radius)
