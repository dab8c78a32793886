"""Optuna asked for a round's arms: U is the value of a trial, what guardrails lack are its constraints."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler, GPSampler, TPESampler
from optuna.trial import FrozenTrial, create_trial

from rectune_dsl.agents.blackbox import Asked, Floats, OptimiserActor, Outcome

FIRST = 10
"""Trials before TPE has a model: what is drawn until then is random."""


class OptunaActor(OptimiserActor):
    """One study per round, made of all that was measured. Trials that were asked for and not told count as
    each sampler has it."""

    @abstractmethod
    def sampler(self, seed: int) -> BaseSampler: ...

    def points(self, asked: Asked) -> Sequence[Floats]:
        box = zip(asked.names, asked.low.tolist(), asked.high.tolist(), strict=True)
        space: dict[str, BaseDistribution] = {name: FloatDistribution(low, high) for name, low, high in box}
        with _quiet():
            study = optuna.create_study(direction="maximize", sampler=self.sampler(asked.seed))
            for outcome in asked.outcomes:
                study.add_trial(_told(asked.names, space, outcome))
            trials = [study.ask(space) for _ in range(asked.count)]
        return [np.array([trial.params[name] for name in asked.names]) for trial in trials]


class TPEActor(OptunaActor):
    """Tree-structured Parzen estimators over all params together; open trials count by the constant liar."""

    name = "optuna-tpe"

    def sampler(self, seed: int) -> BaseSampler:
        return TPESampler(n_startup_trials=FIRST, multivariate=True, constant_liar=True, seed=seed)


class GPActor(OptunaActor):
    """Gaussian processes with constrained log expected improvement, told that values are noisy. Needs the
    extra `gp`."""

    name = "optuna-gp"

    def sampler(self, seed: int) -> BaseSampler:
        return GPSampler(seed=seed, deterministic_objective=False)


def _told(names: Sequence[str], space: dict[str, BaseDistribution], outcome: Outcome) -> FrozenTrial:
    return create_trial(
        value=outcome.gain,
        params=dict(zip(names, outcome.point.tolist(), strict=True)),
        distributions=space,
        constraints={str(i): lack.value for i, lack in enumerate(outcome.lacks)},
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna tells of each trial, and that some of what is used here may change."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
