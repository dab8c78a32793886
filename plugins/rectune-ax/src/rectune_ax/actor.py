"""Ax asked for a round's arms: one objective, an outcome constraint per guardrail, and the errors of all."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from ax.api.client import Client
from ax.api.configs import RangeParameterConfig

from rectune_dsl.agents.blackbox import Asked, Floats, OptimiserActor, Outcome

GAIN = "gain"
FIRST = 5
"""Outcomes before Ax has a model: with fewer, a round's points are Sobol's. It is Ax's own default."""

_TALKERS = ("ax", "botorch")


class AxActor(OptimiserActor):
    """One experiment per round, made of all that was measured, with production as a trial of its own. Sobol
    points come first, as in Ax's own defaults; then Gaussian processes and noisy expected improvement."""

    name = "ax"

    def points(self, asked: Asked) -> Sequence[Floats]:
        with _quiet():
            client = _client(asked)
            for outcome in asked.outcomes:
                trial = client.attach_trial(_values(asked.names, outcome.point))
                client.complete_trial(trial, _told(outcome))
            found: dict[int, dict[str, object]] = {}
            for _ in range(asked.count):  # a call ends early where Ax goes over to its next generator
                if (left := asked.count - len(found)) > 0:
                    found |= {i: dict(values) for i, values in client.get_next_trials(left).items()}
        return [np.array([values[name] for name in asked.names], np.float64) for values in found.values()]


def _client(asked: Asked) -> Client:
    client = Client(random_seed=asked.seed)
    lacks = range(len(asked.outcomes[0].lacks)) if asked.outcomes else range(0)
    client.configure_experiment(
        parameters=[
            RangeParameterConfig(name=name, bounds=(low, high), parameter_type="float")
            for name, low, high in zip(asked.names, asked.low.tolist(), asked.high.tolist(), strict=True)
        ]
    )
    client.configure_optimization(
        objective=GAIN, outcome_constraints=[f"{_lack(i)} <= 0.0" for i in lacks] or None
    )
    known = len(asked.outcomes)
    client.configure_generation_strategy(
        method="fast",
        initialize_with_center=False,  # production is in the middle, and known
        initialization_budget=FIRST if known >= FIRST else known + asked.count,
    )
    return client


def _values(names: Sequence[str], point: Floats) -> dict[str, float]:
    return dict(zip(names, point.tolist(), strict=True))


def _told(outcome: Outcome) -> dict[str, tuple[float, float]]:
    lacks = {_lack(i): (lack.value, lack.error) for i, lack in enumerate(outcome.lacks)}
    return {GAIN: (outcome.gain, outcome.error)} | lacks


def _lack(number: int) -> str:
    return f"lack{number}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Ax tells of each trial, and its libraries of what they will change. Everybody else goes on speaking:
    whatever Ax logs, in whichever module, is written by the handlers that these loggers have."""
    handlers = [handler for name in _TALKERS for handler in logging.getLogger(name).handlers]
    levels = [handler.level for handler in handlers]
    for handler in handlers:
        handler.setLevel(max(handler.level, logging.ERROR))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for handler, level in zip(handlers, levels, strict=True):
            handler.setLevel(level)
