"""A surrogate that was told something, and does not yet rely on it for what users are exposed to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rectune_dsl.hooks.api import Config
from rectune_dsl.surrogate.kernels import Array
from rectune_dsl.surrogate.processes import ProcessSurrogate


class CautiousSurrogate:
    """Expects what it was told, and calls safe only what is safe with and without it: `told` says where to
    go, and until experiments of this campaign have borne it out, it does not say how far."""

    def __init__(self, told: ProcessSurrogate, untold: ProcessSurrogate) -> None:
        self._told, self._untold = told, untold

    @property
    def metrics(self) -> tuple[str, ...]:
        return self._told.metrics

    def predict(self, configs: Sequence[Config]) -> tuple[Array, Array]:
        return self._told.predict(configs)

    def objective(self, configs: Sequence[Config]) -> tuple[Array, Array]:
        return self._told.objective(configs)

    def objective_draws(self, configs: Sequence[Config], rng: np.random.Generator, count: int) -> Array:
        return self._told.objective_draws(configs, rng, count)

    def p_feasible(self, configs: Sequence[Config]) -> Array:
        return np.minimum(self._told.p_feasible(configs), self._untold.p_feasible(configs))

    def surprised(self) -> tuple[str, ...]:
        return self._told.surprised()
