"""Ax as a tuner: one objective, an outcome constraint per guardrail, and the standard errors of all."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence

import torch
from ax.api.client import Client
from ax.api.configs import RangeParameterConfig

from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Config, RoundResult
from tuning import seen
from tuning.campaign import ARMS
from tuning.tuner import WHOLE, Box, Setup


class AxTuner:
    """Starts from production as the baseline, in place of the box's centre, and with a round of Sobol points.
    Recommends what `get_best_parameterization` does: the tested arm that the model predicts to be best within
    the constraints."""

    def __init__(self, setup: Setup, radius: float = WHOLE) -> None:
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        torch.set_num_threads(1)
        self._setup = setup
        self._client = Client(random_seed=int(setup.generator("ax").integers(2**31)))
        self._client.configure_experiment(
            parameters=_parameters(setup, radius),
            parameter_constraints=[formula.text for formula in setup.task.constraints.values()] or None,
        )
        self._client.configure_optimization(
            objective="gain", outcome_constraints=[f"lack{i} <= 0.0" for i in range(len(setup.task.guarded))]
        )
        self._client.configure_generation_strategy(
            method="fast",
            initialization_budget=ARMS,
            initialize_with_center=False,
            use_existing_trials_for_initialization=False,
        )
        start = seen.production(setup.task, setup.noise)
        trial = self._client.attach_baseline(dict(start.config.values))
        self._client.complete_trial(trial, _told(start))
        self._asked: list[int] = []

    def propose(self, number: int, arms: int) -> Sequence[Config]:
        asked: dict[int, Mapping[str, object]] = {}
        for _ in range(arms):  # a call ends early where Ax goes over to its next generator
            if len(asked) < arms:
                asked |= self._client.get_next_trials(arms - len(asked))
        self._asked = list(asked)
        return [_config(values) for values in asked.values()]

    def observe(self, result: RoundResult) -> None:
        found = seen.seen(self._setup.task, self._setup.noise, result)
        for trial, one in zip(self._asked, found, strict=True):
            self._client.complete_trial(trial, _told(one))

    def recommend(self) -> Config:
        values, *_ = self._client.get_best_parameterization()
        return _config(values)


def _parameters(setup: Setup, radius: float) -> list[RangeParameterConfig]:
    return [
        RangeParameterConfig(name, (low, high), "float", scaling=setup.task.params[name].scale)
        for name, (low, high) in Box(Space(setup.task), radius).bounds().items()
    ]


def _config(values: Mapping[str, object]) -> Config:
    return Config({name: float(str(value)) for name, value in values.items()})


def _told(one: seen.Seen) -> dict[str, tuple[float, float]]:
    constraints = zip(one.lacks, one.errors, strict=True)
    return {"gain": (one.objective, one.error)} | {f"lack{i}": told for i, told in enumerate(constraints)}
